"""Tables hold every figure once, the same in CSV and JSON, and say why one is missing."""

import csv
import json
from dataclasses import replace

import pytest
from lumbar_study import PROVENANCE, make_study

from LumbarSegLib.report.tables import table_rows, write_csv, write_json

LEADING_COLUMNS = [
    "series_uid",
    "series_description",
    "image_file",
    "block",
    "slice",
    "position_r_mm",
    "position_a_mm",
    "position_s_mm",
    "spacing_j_mm",
    "spacing_i_mm",
    "slice_thickness_mm",
    "slice_distance_mm",
    "slice_gap_mm",
    "tilt_from_axial_deg",
    "source",
    "weights_name",
    "weights_sha256",
    "software_version",
]
AREA_COLUMNS = [
    "dural_sac_area_mm2",
    "psoas_left_area_mm2",
    "psoas_right_area_mm2",
    "psoas_total_area_mm2",
    "multifidus_left_area_mm2",
    "multifidus_right_area_mm2",
    "multifidus_total_area_mm2",
    "erector_spinae_left_area_mm2",
    "erector_spinae_right_area_mm2",
    "erector_spinae_total_area_mm2",
    "ligamentum_flavum_area_mm2",
    "lamina_area_mm2",
    "intervertebral_disc_area_mm2",
]
#: What only the file can tell; block 2 of the study was not read, lies alone and has no orientation.
GEOMETRY_OF_THE_FILE = [
    "image_file",
    "position_r_mm",
    "position_a_mm",
    "position_s_mm",
    "slice_thickness_mm",
    "slice_distance_mm",
    "slice_gap_mm",
    "tilt_from_axial_deg",
]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Study, measurements, rows read back from the CSV file, tree read back from the JSON file."""
    folder = tmp_path_factory.mktemp("tables")
    study, _, measurements = make_study()
    write_csv(folder / "measurements.csv", table_rows(study.blocks, measurements, PROVENANCE))
    write_json(folder / "measurements.json", study.blocks, measurements, PROVENANCE)
    with (folder / "measurements.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return study, measurements, rows, json.loads((folder / "measurements.json").read_text(encoding="utf-8"))


def test_columns(written):
    _, _, rows, _ = written
    assert list(rows[0]) == [*LEADING_COLUMNS, *AREA_COLUMNS, "absent", "notes"]


def test_identity_geometry_and_provenance_of_a_row(written):
    _, measurements, rows, _ = written
    row = rows[1]
    assert [(row["block"], row["slice"]) for row in rows] == [("1", "1"), ("1", "2"), ("2", "1")]
    assert row["series_uid"] == "1.2.3"
    assert row["series_description"] == 'Wirbelsäule "T2", axial'
    assert (row["spacing_j_mm"], row["spacing_i_mm"]) == ("0.7", "0.3333")
    assert (row["slice_thickness_mm"], row["slice_distance_mm"], row["slice_gap_mm"]) == ("4.0", "4.4", "0.4")
    assert [row["image_file"] for row in rows] == ["a.dcm", "b.dcm", ""]
    assert float(row["position_s_mm"]) == pytest.approx(measurements[0][1].center_ras_mm[2], abs=5e-5)
    assert row["tilt_from_axial_deg"] == "0.0"
    assert row["source"] == "model"
    assert (row["weights_name"], row["weights_sha256"]) == ("msff-test", "ab" * 32)
    assert row["software_version"] == "9.8.7"


def test_missing_is_empty_with_a_reason(written):
    _, _, rows, _ = written
    assert rows[0]["psoas_left_area_mm2"] == ""
    assert rows[0]["absent"] == "psoas_left_area: no psoas pixels on the patient's left"
    assert all(rows[2][column] == "" for column in [*AREA_COLUMNS, *GEOMETRY_OF_THE_FILE])
    for key in ("slice_thickness", "slice_distance", "slice_gap", "image_file", "dural_sac_area", "psoas_total_area"):
        assert f"{key}: " in rows[2]["absent"]
    for key in ("position", "tilt_from_axial"):
        assert f"{key}: the file does not state the patient's orientation" in rows[2]["absent"]
    assert rows[0]["notes"] == ""
    assert "sides are assumed" in rows[2]["notes"]


def test_csv_and_json_hold_the_same_figures(written):
    _, measurements, rows, tree = written
    slices = [entry for block in tree["blocks"] for entry in block["slices"]]
    assert len(slices) == len(rows) == 3
    measured = [measurement for block in measurements for measurement in block]
    for row, entry, measurement in zip(rows, slices, measured, strict=True):
        assert len(entry["measures"]) == len(AREA_COLUMNS)
        for key, measure in entry["measures"].items():
            cell = row[f"{key}_{measure['unit']}"]
            assert (float(cell) if cell else None) == measure["value"]
            assert (measure["reason"] is None) == (measure["value"] is not None)
            if measure["value"] is not None:
                assert measure["value"] == pytest.approx(measurement[key].value, abs=0.005)
        for column in ("position_r_mm", "position_a_mm", "position_s_mm", "spacing_j_mm", "tilt_from_axial_deg"):
            assert (float(row[column]) if row[column] else None) == entry[column]
        assert (row["image_file"] or None) == entry["image_file"]


def test_json_tells_units_blocks_and_midline(written):
    _, measurements, _, tree = written
    assert tree["schema_version"] == 1
    assert "not for diagnosis" in tree["notice"]
    assert tree["provenance"]["weights_sha256"] == "ab" * 32
    assert [block["block"] for block in tree["blocks"]] == [1, 2]
    assert (tree["blocks"][0]["slice_distance_mm"], tree["blocks"][0]["slice_gap_mm"]) == (4.4, 0.4)
    assert tree["blocks"][0]["absent"] == {}
    assert tree["blocks"][1]["slice_thickness_mm"] is None
    assert tree["blocks"][1]["absent"]["slice_thickness"] == "the file does not state the slice thickness"
    midline = tree["blocks"][0]["slices"][0]["midline"]
    assert midline["point_ras_mm"] == pytest.approx(measurements[0][0].midline.point_ras_mm, abs=5e-5)
    assert midline["anterior_ras"] == pytest.approx(measurements[0][0].midline.anterior_ras, abs=5e-7)
    assert tree["blocks"][1]["slices"][0]["midline"] is None


def test_unknown_orientation_leaves_no_coordinates(written, tmp_path):
    study, measurements, _, _ = written
    block = replace(study.blocks[0], orientation_known=False)
    (row, _) = table_rows([block], measurements[:1], PROVENANCE)
    assert [row[column] for column in GEOMETRY_OF_THE_FILE] == ["a.dcm", None, None, None, 4.0, 4.4, 0.4, None]
    assert row["dural_sac_area_mm2"] > 0
    write_json(tmp_path / "measurements.json", [block], measurements[:1], PROVENANCE)
    assert '"midline": null' in (tmp_path / "measurements.json").read_text()


def test_an_assumed_distance_of_slices_is_left_out(written):
    study, measurements, _, _ = written
    block = replace(study.blocks[0], slice_distance_known=False)
    (row, _) = table_rows([block], measurements[:1], PROVENANCE)
    assert (row["slice_thickness_mm"], row["slice_distance_mm"], row["slice_gap_mm"]) == (4.0, None, None)
    assert "slice_distance: the file does not state the distance of its slices" in row["absent"]


def test_names_that_are_not_utf8_are_written(written, tmp_path):
    study, measurements, _, _ = written
    block = replace(study.blocks[0], slice_sources=("M\udcfcller.dcm",) * 2)
    write_csv(tmp_path / "measurements.csv", table_rows([block], measurements[:1], PROVENANCE))
    assert "M\\udcfcller.dcm," in (tmp_path / "measurements.csv").read_text(encoding="utf-8")
    write_json(tmp_path / "measurements.json", [block], measurements[:1], PROVENANCE)
    tree = json.loads((tmp_path / "measurements.json").read_text(encoding="utf-8"))
    assert tree["blocks"][0]["slices"][0]["image_file"] == "M\udcfcller.dcm"


def test_no_rows(tmp_path):
    with pytest.raises(ValueError, match="at least one slice"):
        write_csv(tmp_path / "measurements.csv", [])

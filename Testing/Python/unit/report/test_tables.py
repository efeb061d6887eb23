"""Tables hold every figure once, the same in CSV and JSON, and say why one is missing."""

import csv
import json
from dataclasses import replace

import pytest
from lumbar_study import PROVENANCE, make_study

from LumbarSegLib.report.measurement_tree import write_json
from LumbarSegLib.report.tables import table_rows, write_csv

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
MUSCLES = ("psoas", "multifidus", "erector_spinae")
SIDES = ("left", "right", "total")


def _muscle_columns(key: str) -> list[str]:
    columns = [f"{key}_{side}_area_mm2" for side in SIDES]
    columns += [f"{key}_asymmetry_percent", f"{key}_relative_area_ratio"]
    columns += [f"{key}_{side}_lean_area_mm2" for side in SIDES]
    columns += [f"{key}_{side}_fat_fraction" for side in SIDES]
    return columns if key == "psoas" else columns + [f"{key}_{side}_fat_index_ratio" for side in SIDES]


MEASURE_COLUMNS = [
    "dural_sac_area_mm2",
    "dural_sac_corrected_area_mm2",
    "dural_sac_tilt_deg",
    "dural_sac_ap_diameter_mm",
    "dural_sac_transverse_diameter_mm",
    *(column for key in MUSCLES for column in _muscle_columns(key)),
    "ligamentum_flavum_area_mm2",
    "ligamentum_flavum_left_area_mm2",
    "ligamentum_flavum_right_area_mm2",
    "ligamentum_flavum_left_thickness_mm",
    "ligamentum_flavum_right_thickness_mm",
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


def reasons(row: dict) -> dict[str, str]:
    """Return the reason for each absent figure of a row."""
    pairs = (each.split(": ", 1) for each in row["absent"].split("; "))
    return {key: reason for keys, reason in pairs for key in keys.split(", ")}


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
    columns = list(rows[0])
    assert [each for each in columns if each in LEADING_COLUMNS] == LEADING_COLUMNS
    assert columns[columns.index("fat_method") + 1 :][: len(MEASURE_COLUMNS)] == MEASURE_COLUMNS
    assert columns[-2:] == ["absent", "notes"]


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
    absent = reasons(rows[0])
    assert absent["psoas_left_area"] == absent["psoas_asymmetry"] == "no psoas pixels on the patient's left"
    assert absent["multifidus_left_lean_area"] == absent["multifidus_total_fat_fraction"] == "no image was given"
    assert {f"{key}_mm2" for key in absent} & set(MEASURE_COLUMNS) == {
        name for name in MEASURE_COLUMNS if name.endswith("_mm2") and rows[0][name] == ""
    }
    absent = reasons(rows[2])
    assert all(rows[2][column] == "" for column in [*MEASURE_COLUMNS, *GEOMETRY_OF_THE_FILE])
    for key in ("slice_thickness", "slice_distance", "slice_gap", "image_file", "dural_sac_area", "psoas_total_area"):
        assert absent[key]
    for key in ("position", "tilt_from_axial"):
        assert absent[key] == "the file does not state the patient's orientation"
    assert rows[0]["notes"] == ""
    assert "sides are assumed" in rows[2]["notes"]


def test_a_caveat_stands_in_the_notes_and_with_its_measure(written, tmp_path):
    study, measurements, _, _ = written
    first = measurements[0][0]
    caveat = "cut obliquely"
    measures = tuple(
        replace(each, caveat=caveat) if each.key.startswith("dural_sac_a") else each for each in first.measures
    )
    noted = [(replace(first, measures=measures, notes=("half a slice",)), measurements[0][1])]
    assert table_rows(study.blocks[:1], noted, PROVENANCE)[0]["notes"] == f"half a slice; {caveat}"
    write_json(tmp_path / "measurements.json", study.blocks[:1], noted, PROVENANCE)
    (block,) = json.loads((tmp_path / "measurements.json").read_text(encoding="utf-8"))["blocks"]
    assert block["slices"][0]["measures"]["dural_sac_area"]["caveat"] == caveat
    assert block["slices"][0]["measures"]["psoas_total_area"]["caveat"] is None


def test_csv_and_json_hold_the_same_figures(written):
    _, measurements, rows, tree = written
    slices = [entry for block in tree["blocks"] for entry in block["slices"]]
    assert len(slices) == len(rows) == 3
    measured = [measurement for block in measurements for measurement in block]
    for row, entry, measurement in zip(rows, slices, measured, strict=True):
        assert len(entry["measures"]) == len(MEASURE_COLUMNS)
        assert entry["fat_method"] == row["fat_method"]
        for key, measure in entry["measures"].items():
            assert measure["unit"] in tree["units"]
            cell = row[measurement[key].column]
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
    assert reasons(row)["slice_distance"] == "the file does not state the distance of its slices"


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

"""The table of levels: the row of the level's slice with the level around it."""

import csv
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from lumbar_ellipses import LUMBAR, axial_affine, draw
from lumbar_study import PROVENANCE, make_block, make_study

from LumbarSegLib.measurement import measure_block
from LumbarSegLib.report.measurement_tree import write_json
from LumbarSegLib.report.tables import level_rows, table_rows, write_csv

LEVEL_COLUMNS = ["level", "level_name", "level_source", "level_confidence", "level_reason", "first_slice", "last_slice"]
SMALLEST_SAC_COLUMNS = ["smallest_dural_sac_area_mm2", "smallest_dural_sac_slice"]


@pytest.fixture(scope="module")
def study():
    """Two levels in block 1, the lower with its smallest sac in slice 3; none in block 2; one in block 3."""
    affine = axial_affine(spacing_kji_mm=(9.0, 0.5, 0.5))
    heights_mm = np.zeros((3, 4, 4))
    heights_mm[:, 2, 3] = 0, 60, 90
    without_disc = [ellipse for name, ellipse in LUMBAR.items() if name != "intervertebral_disc"]
    narrow = replace(LUMBAR["dural_sac"], half_axes=(4, 3))
    small_disc = replace(LUMBAR["intervertebral_disc"], half_axes=(20, 15))
    level = draw(affine, LUMBAR.values())
    narrow_level = draw(affine, (LUMBAR | {"dural_sac": narrow, "intervertebral_disc": small_disc}).values())
    between = draw(affine, without_disc)
    label_maps = [np.concatenate([between, level, narrow_level, between, level]), between, level]
    fields = {"slice_thickness_mm": 3.0, "series_uid": "1.2", "series_description": "T2"}
    blocks = [
        make_block(label_map, affine + height_mm, **fields)
        for label_map, height_mm in zip(label_maps, heights_mm, strict=True)
    ]
    return blocks, [
        measure_block(label_map, block.affine_ijk_to_ras) for label_map, block in zip(label_maps, blocks, strict=True)
    ]


def test_a_row_holds_the_level_and_its_slice(study):
    blocks, measurements = study
    rows = level_rows(blocks, measurements, PROVENANCE)
    slices = table_rows(blocks, measurements, PROVENANCE)
    assert [(row["block"], row["level"], row["first_slice"], row["last_slice"], row["slice"]) for row in rows] == [
        (1, 1, 2, 3, 2),
        (1, 2, 5, 5, 5),
        (2, None, None, None, None),
        (3, 3, 1, 1, 1),
    ]
    assert [row["level_name"] for row in rows] == ["unknown", "unknown", None, "unknown"]
    for row in rows:
        if row["level"] is not None:
            (of_slice,) = [each for each in slices if (each["block"], each["slice"]) == (row["block"], row["slice"])]
            assert {key: row[key] for key in of_slice} == of_slice
    columns = list(slices[0])
    for row in rows:
        assert list(row)[: len(LEVEL_COLUMNS)] == LEVEL_COLUMNS
        assert [key for key in row if key in columns and key not in LEVEL_COLUMNS] == [
            key for key in columns if key not in LEVEL_COLUMNS
        ]
        assert set(SMALLEST_SAC_COLUMNS) < set(row)


def test_the_smallest_sac_stands_beside_that_of_the_slice(study):
    blocks, measurements = study
    row = level_rows(blocks, measurements, PROVENANCE)[0]
    assert row["smallest_dural_sac_slice"] == 3
    assert row["smallest_dural_sac_area_mm2"] == pytest.approx(np.pi * 4 * 3, abs=5)
    assert row["dural_sac_area_mm2"] == pytest.approx(np.pi * 9 * 6, abs=10)


def test_a_block_without_a_disc_says_so(study):
    blocks, measurements = study
    row = level_rows(blocks, measurements, PROVENANCE)[2]
    assert "level: no disc is outlined in the block" in row["absent"]
    known = {key for key, value in row.items() if value not in (None, "")}
    lengths = {"slice_thickness_mm"}
    assert known == {"series_uid", "series_description", "block", "absent", *lengths} | {
        "source",
        "weights_name",
        "weights_sha256",
        "software_version",
    }


def test_a_level_without_a_sac_has_a_reason():
    affine = axial_affine()
    label_map = draw(affine, [LUMBAR["intervertebral_disc"]])
    (row,) = level_rows([make_block(label_map, affine)], [measure_block(label_map, affine)], PROVENANCE)
    assert (row["smallest_dural_sac_area_mm2"], row["smallest_dural_sac_slice"]) == (None, None)
    assert "smallest_dural_sac_area: no dural_sac pixels in the slices of the level" in row["absent"]


@pytest.mark.parametrize(("name", "delimiter"), [("levels.csv", ","), ("levels.tsv", "\t"), ("LEVELS.TSV", "\t")])
def test_tables_are_parted_as_their_name_says(tmp_path, study, name, delimiter):
    rows = level_rows(*study, PROVENANCE)
    write_csv(tmp_path / name, rows)
    with (tmp_path / name).open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file, delimiter=delimiter))
    assert [list(row.values()) for row in read] == [
        ["" if value is None else str(value) for value in row.values()] for row in rows
    ]


def test_json_names_the_slices_of_a_level(tmp_path, study):
    blocks, measurements = study
    write_json(tmp_path / "measurements.json", blocks, measurements, PROVENANCE)
    tree = json.loads((tmp_path / "measurements.json").read_text(encoding="utf-8"))
    levels = [(block["block"], level) for block in tree["blocks"] for level in block["levels"]]
    rows = [row for row in level_rows(blocks, measurements, PROVENANCE) if row["level"] is not None]
    assert len(levels) == len(rows) == 3
    for (block, level), row in zip(levels, rows, strict=True):
        assert block == row["block"]
        assert level["smallest_dural_sac_area"]["value"] == row["smallest_dural_sac_area_mm2"]
        for key in (*LEVEL_COLUMNS, "slice", "smallest_dural_sac_slice"):
            assert level[key] == row[key]


def test_sides_that_are_assumed_are_noted():
    study, _, measurements = make_study()
    rows = level_rows(study.blocks, measurements, PROVENANCE)
    assert [row["level"] for row in rows] == [1, None]
    assert re.search(r"psoas_left_area, [^;]*: no psoas pixels on the patient's left", rows[0]["absent"])
    assert "position, tilt_from_axial: the file does not state the patient's orientation" in rows[1]["absent"]

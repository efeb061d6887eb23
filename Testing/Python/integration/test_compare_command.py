"""`lumbarseg compare` on results with known areas; no network takes part."""

import csv
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from lumbar_ellipses import LUMBAR, axial_affine, draw
from lumbar_study import make_block

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.cli import main
from LumbarSegLib.inference.checkpoint import DEFAULT_WEIGHTS
from LumbarSegLib.measurement import UNNAMED, level_named_by_user, measure_block
from LumbarSegLib.measurement.intervals import SIDED
from LumbarSegLib.report.measurement_tree import write_json
from LumbarSegLib.report.provenance import RESEARCH_USE_NOTICE, Provenance
from LumbarSegLib.report.tables import level_rows, table_rows, write_csv

SPACING_MM = 36.0
#: The held-out areas are off by so much, half of them up and half of them down.
LOG_ERROR = 0.1
NUM_AREAS = 20
SDC = 1.96 * math.sqrt(2) * LOG_ERROR * math.sqrt(NUM_AREAS / (NUM_AREAS - 1))

SAC_FACTOR, PSOAS_FACTOR = 0.6, 1.1


def _scaled(name, factor):
    ellipse = LUMBAR[name]
    first, second = ellipse.half_axes
    return {name: replace(ellipse, half_axes=(first * math.sqrt(factor), second * math.sqrt(factor)))}


def _write_result(folder: Path, uid: str, levels, lowest="L5-S1", *, thickness_mm=4.0, **provenance) -> Path:
    """Write what a study leaves behind: one block for each level, from the foot to the head."""
    weights = {"weights_name": "drawn", "weights_sha256": _description()["sha256"]}
    folder.mkdir()
    affine = axial_affine()
    blocks, measurements = [], []
    for place, ellipses in enumerate(levels):
        label_map = draw(affine, (LUMBAR | ellipses).values())
        raised = affine.copy()
        raised[2, 3] += place * SPACING_MM
        fields = {"series_uid": uid, "series_description": "T2", "slice_thickness_mm": thickness_mm}
        blocks.append(make_block(label_map, raised, **fields))
        measurements.append(measure_block(label_map, raised, image=blocks[-1].image))
    lowest_level = UNNAMED if lowest is None else level_named_by_user(lowest)
    measured = (blocks, measurements, Provenance(**(weights | provenance)), lowest_level)
    write_csv(folder / "measurements.csv", table_rows(*measured))
    write_csv(folder / "levels.csv", level_rows(*measured))
    write_json(folder / "measurements.json", *measured)
    return folder


def _description() -> dict:
    return json.loads(DEFAULT_WEIGHTS.with_suffix(".json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """The weights of the package with errors that `lumbarseg calibrate` finds in drawn tables."""
    folder = tmp_path_factory.mktemp("weights")
    keys = {
        "areas_per_slice.csv": [each.key for each in ANATOMIES if each.key != "lamina"],
        "side_areas_per_slice.csv": [f"{each.key}_left" for each in SIDED],
    }
    for name, of_table in keys.items():
        rows = ["slice,class,reference_px,predicted_px,interval_low_px,interval_high_px"]
        for place in range(NUM_AREAS):
            outlined = 1000 * math.exp(LOG_ERROR * (-1) ** place)
            rows += [f"{place:03d},{key},1000,{outlined!r},900,1100" for key in of_table]
        (folder / name).write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "evaluation.json").write_text('{"weights": "drawn", "data": "drawn", "fold": "0"}', encoding="utf-8")
    checkpoint = Path(shutil.copy(DEFAULT_WEIGHTS, folder / "with-errors.safetensors"))
    words = ["calibrate", "--evaluation", str(folder), "--weights", str(DEFAULT_WEIGHTS), "--quiet"]
    assert main([*words, "--output", str(checkpoint.with_suffix(".json"))]) == 0
    return checkpoint


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> tuple[Path, Path]:
    """A with L5-S1 to L3-L4; B with L4-L5 and L3-L4, where at L4-L5 the sac is smaller and the left psoas larger."""
    folder = tmp_path_factory.mktemp("results")
    changed = _scaled("dural_sac", SAC_FACTOR) | _scaled("psoas_left", PSOAS_FACTOR)
    first = _write_result(folder / "first", "1.1", [{}, {}, {}])
    return first, _write_result(folder / "second", "1.2", [changed, {}], "L4-L5", thickness_mm=3.0)


def _compare(first: Path, second: Path, output: Path, *more: object) -> int:
    return main(["compare", str(first), str(second), "--output", str(output), *map(str, more)])


@pytest.fixture(scope="module")
def compared(results, weights, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("compared") / "out"
    assert _compare(*results, folder, "--weights", weights, "--quiet") == 0
    return folder


def _rows(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    with (folder / "comparison.csv").open(encoding="utf-8", newline="") as file:
        return {(row["level"], row["measure"]): row for row in csv.DictReader(file)}


def _tolerance(key: str, factor: float) -> float:
    """Of the ratio of two drawn areas."""
    tolerance = 2 * LUMBAR[key].tolerance_mm2(0.5) / LUMBAR[key].area_mm2
    return tolerance * factor / min(1.0, factor)


def test_known_changes_stand_beside_the_error(compared):
    rows = _rows(compared)
    for measure, key, factor in (
        ("smallest_dural_sac_area", "dural_sac", SAC_FACTOR),
        ("dural_sac_area", "dural_sac", SAC_FACTOR),
        ("psoas_left_area", "psoas_left", PSOAS_FACTOR),
    ):
        row = rows["L4-L5", measure]
        first, second = float(row["value_a"]), float(row["value_b"])
        assert first == pytest.approx(LUMBAR[key].area_mm2, abs=LUMBAR[key].tolerance_mm2(0.5))
        assert second / first == pytest.approx(factor, abs=_tolerance(key, factor))
        assert float(row["change"]) == pytest.approx(second - first, abs=0.011)
        assert float(row["change_percent"]) == pytest.approx(100 * (second / first - 1), abs=0.011)
        bounds = float(row["unchanged_low"]), float(row["unchanged_high"])
        assert bounds == pytest.approx((first * math.exp(-SDC), first * math.exp(SDC)), abs=0.011)
        assert row["exceeds_error"] == ("no" if factor == PSOAS_FACTOR else "yes")
    assert rows["L4-L5", "psoas_left_area"]["side"] == "left"
    for measure in ("psoas_right_area", "multifidus_left_area", "intervertebral_disc_area"):
        assert (rows["L4-L5", measure]["change"], rows["L4-L5", measure]["exceeds_error"]) == ("0.0", "no")
    unchanged = [row for (level, _), row in rows.items() if level == "L3-L4" and row["change"]]
    assert unchanged
    assert {float(row["change"]) for row in unchanged} == {0.0}


def test_no_error_and_no_partner_are_explained(compared):
    rows = _rows(compared)
    for measure in ("lamina_area", "dural_sac_transverse_diameter", "psoas_total_fat_fraction"):
        row = rows["L4-L5", measure]
        assert (row["sem_log"], row["exceeds_error"]) == ("", "")
        assert "measurement error: the error of this measure" in row["absent"]
    alone = rows["L5-S1", ""]
    assert (alone["level_a"], alone["level_b"], alone["absent"]) == ("1", "", "level: only in A")
    assert "slice thickness is 4 mm in A, 3 mm in B" in rows["L4-L5", "dural_sac_area"]["notes"]


def test_tree_and_page_say_the_same(compared, results):
    tree = json.loads((compared / "comparison.json").read_text(encoding="utf-8"))
    page = (compared / "comparison.html").read_text(encoding="utf-8")
    rows = _rows(compared)
    assert tree["notice"] == RESEARCH_USE_NOTICE
    assert RESEARCH_USE_NOTICE in page
    assert [each["level"] for each in tree["levels"]] == ["L4-L5", "L3-L4"]
    assert tree["examinations"]["A"]["folder"] == str(results[0])
    assert [each["level"] for each in tree["without_partner"]["A"]] == [1]
    for level in tree["levels"]:
        assert next(iter(level["measures"])) == "smallest_dural_sac_area"
        for key, measure in level["measures"].items():
            row = rows[level["level"], key]
            for column in ("change", "change_percent", "unchanged_low", "exceeds_error", "statement"):
                assert row[column] == ("" if measure[column] is None else str(measure[column]))
    assert page.index("<h2>L4-L5</h2>") < page.index("<h2>L3-L4</h2>")
    assert page.count("the change exceeds the measurement error") == sum(
        row["exceeds_error"] == "yes" for row in rows.values()
    )
    assert "neither dates nor names" in page
    for word in ("stenosis", "worse", "progress", "diagnosis of", "normal</"):
        assert word not in page


def test_unnamed_levels_are_matched_by_order_with_little_confidence(tmp_path, capsys):
    first = _write_result(tmp_path / "a", "1.1", [{}, {}], None)
    second = _write_result(tmp_path / "b", "1.2", [{}, _scaled("dural_sac", SAC_FACTOR)], None)
    assert _compare(first, second, tmp_path / "out") == 0
    assert "Level 2 from the foot" in capsys.readouterr().out
    tree = json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    assert [(each["matched_by"], each["match_confidence"]) for each in tree["levels"]] == [("order", "low")] * 2
    changes = [each["measures"]["dural_sac_area"]["change_percent"] for each in tree["levels"]]
    assert changes == [0.0, pytest.approx(100 * (SAC_FACTOR - 1), abs=100 * _tolerance("dural_sac", SAC_FACTOR))]
    assert _compare(first, second, tmp_path / "out") == 2
    assert _compare(first, second, tmp_path / "out", "--overwrite", "--quiet") == 0


def test_other_weights_are_warned_of(results, tmp_path, capsys):
    other = _write_result(tmp_path / "other", "1.3", [{}], "L4-L5", weights_name="another", weights_sha256="cd" * 32)
    assert _compare(results[0], other, tmp_path / "out") == 0
    assert "Warning: A was outlined by drawn, B by another" in capsys.readouterr().out
    assert {row["exceeds_error"] for row in _rows(tmp_path / "out").values()} == {""}
    assert _compare(other, results[0], tmp_path / "out", "--overwrite") == 0
    twin = _write_result(tmp_path / "twin", "1.4", [{}], "L4-L5", weights_name="another", weights_sha256="cd" * 32)
    assert _compare(other, twin, tmp_path / "twins") == 0
    assert "name theirs with --weights" in _rows(tmp_path / "twins")["L4-L5", "dural_sac_area"]["absent"]
    assert _compare(other, twin, tmp_path / "named", "--weights", DEFAULT_WEIGHTS) == 2
    assert "did not outline A" in capsys.readouterr().err


def test_a_disc_in_two_blocks_is_one_level(tmp_path):
    """The block that shows it in most slices counts."""
    affine = axial_affine()
    tall = draw(affine, LUMBAR.values(), slices=2)
    flat = draw(affine, (LUMBAR | _scaled("dural_sac", SAC_FACTOR)).values())
    blocks = [make_block(flat, affine, series_uid="1.5"), make_block(tall, affine, series_uid="1.5")]
    measurements = [measure_block(labels, affine) for labels in (flat, tall)]
    provenance = Provenance(weights_name="drawn", weights_sha256="ab" * 32)
    (tmp_path / "a").mkdir()
    write_json(tmp_path / "a" / "measurements.json", blocks, measurements, provenance, level_named_by_user("L4-L5"))
    assert _compare(tmp_path / "a", _write_result(tmp_path / "b", "1.6", [{}], "L4-L5"), tmp_path / "out") == 0
    tree = json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    (level,) = tree["levels"]
    assert level["A"]["block"] == 2
    assert level["measures"]["dural_sac_area"]["change"] == 0.0


def test_what_cannot_be_compared_is_refused(results, tmp_path, capsys):
    first, second = results
    same = _write_result(tmp_path / "same", "1.1", [{}, {}])
    unnamed = _write_result(tmp_path / "unnamed", "1.3", [{}], None)
    six = _write_result(tmp_path / "six", "1.4", [{}, {}], "L6-S1")
    broken, old = (shutil.copytree(first, tmp_path / name) for name in ("broken", "old"))
    (broken / "measurements.json").write_text('{"schema_version": 1, "blocks": [{}]}', encoding="utf-8")
    (old / "measurements.json").write_text('{"schema_version": 0}', encoding="utf-8")
    for pair, words in (
        ((first, same), "hold the same series (1.1)"),
        ((first, first), "are the same folder"),
        ((first, unnamed), "A has 3 of them, B 1"),
        ((first, six), "one spine cannot have both"),
        ((first, tmp_path / "nowhere"), "cannot be read"),
        ((broken, second), "is not the result of a measurement"),
        ((old, second), "has the layout 0"),
    ):
        assert _compare(*pair, tmp_path / "out") == 2
        assert words in capsys.readouterr().err
        assert not (tmp_path / "out").exists()
    assert _compare(first, second, second, "--overwrite") == 2
    assert "is a result that is read" in capsys.readouterr().err
    assert (second / "measurements.json").is_file()


def test_malformed_errors_are_refused(results, weights, tmp_path, capsys):
    copy = Path(shutil.copy(weights, tmp_path / "w.safetensors"))
    description = json.loads(weights.with_suffix(".json").read_text(encoding="utf-8"))
    description["area_calibration"]["errors"]["psoas"] = 3
    copy.with_suffix(".json").write_text(json.dumps(description), encoding="utf-8")
    assert _compare(*results, tmp_path / "out", "--weights", copy) == 2
    assert "errors of areas in" in capsys.readouterr().err

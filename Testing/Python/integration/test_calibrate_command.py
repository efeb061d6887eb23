"""`lumbarseg calibrate` on tables of known errors, and `lumbarseg segment` with what it writes."""

import csv
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from cli_process import write_volume

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.cli import main
from LumbarSegLib.inference.checkpoint import DEFAULT_WEIGHTS, load_checkpoint
from LumbarSegLib.io.study import Block
from LumbarSegLib.measurement.area_intervals import side_key
from LumbarSegLib.measurement.intervals import INTERVAL_MEASURES, SIDED
from LumbarSegLib.phantom.volume import draw_phantom_volume

NUM_SLICES = 40
FOLDS = 4


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _rows(keys, seed):
    """Bounds 5 % around areas that are off by a tenth on average."""
    rng = np.random.default_rng(seed)
    rows = []
    for place in range(NUM_SLICES):
        for key in keys:
            outlined = 1000 * math.exp(0.1 * rng.standard_normal())
            bounds = {"interval_low_px": 0.95 * outlined, "interval_high_px": 1.05 * outlined}
            rows.append(
                {"slice": f"{place:03d}", "class": key, "reference_px": 1000, "predicted_px": outlined, **bounds}
            )
    rows[0] |= {"reference_px": "", "predicted_px": ""}  # an absent class does not count
    return rows


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory) -> Path:
    """The folder of a cross-validation, as far as calibrating reads it."""
    folder = tmp_path_factory.mktemp("evaluation")
    _write(folder / "areas_per_slice.csv", _rows([each.key for each in ANATOMIES], 0))
    sides = [f"{each.key}_{side}" for each in SIDED for side in ("left", "right")]
    _write(folder / "side_areas_per_slice.csv", _rows(sides, 1))
    _write(folder / "slices.csv", [{"slice": f"{n:03d}", "fold": n % FOLDS} for n in range(NUM_SLICES)])
    (folder / "evaluation.json").write_text(json.dumps({"weights": "drawn", "data": "drawn", "fold": "0, 1, 2, 3"}))
    return folder


def _calibrate(evaluation: Path, output: Path, *more: str) -> int:
    words = ["calibrate", "--evaluation", str(evaluation), "--weights", str(DEFAULT_WEIGHTS)]
    return main([*words, "--output", str(output), *more])


@pytest.fixture(scope="module")
def weights(evaluation, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    assert _calibrate(evaluation, folder / "calibrated.json", "--quiet") == 0
    return Path(shutil.copy(DEFAULT_WEIGHTS, folder / "calibrated.safetensors"))


def test_the_calibration_travels_with_the_weights(evaluation, weights, tmp_path, capsys):
    before = json.loads(DEFAULT_WEIGHTS.with_suffix(".json").read_text())
    after = json.loads(weights.with_suffix(".json").read_text())
    stored = after.pop("area_calibration")
    before.pop("area_calibration", None)
    assert after == before
    assert set(stored["terms"]) == {*(each.key for each in ANATOMIES), *(side_key(each.key) for each in SIDED)}
    assert stored["terms"]["dural_sac"]["num_areas"] == NUM_SLICES - 1
    assert stored["terms"]["psoas_side"]["num_areas"] == 2 * NUM_SLICES
    assert stored["left_out"] == "fold"
    assert stored["sources"] == [{"weights": "drawn", "data": "drawn", "fold": "0, 1, 2, 3"}]
    pooled = [each["share"] for each in stored["left_out_coverage"].values()]
    assert np.mean(pooled) == pytest.approx(0.93, abs=0.04)  # ceilings of small numbers are above 0.9
    assert load_checkpoint(weights).area_calibration.terms["lamina"].num_areas == NUM_SLICES
    assert _calibrate(evaluation, tmp_path / "again.json") == 0
    printed = capsys.readouterr().out
    assert f"{stored['left_out_coverage']['dural_sac']['share']:.3f}" in printed
    assert "without the fold of the area" in printed


def test_intervals_and_bands_of_a_study(weights, tmp_path):
    phantom = draw_phantom_volume(2, seed=5)
    study = write_volume(tmp_path / "volume.nrrd", Block(phantom.image, phantom.affine_ijk_to_ras))
    words = ["segment", str(study), "--device", "cpu", "--quiet", "--bands", "schonstrom"]
    assert main([*words, "--output", str(tmp_path / "with"), "--weights", str(weights)]) == 0
    rows = list(csv.DictReader((tmp_path / "with" / "measurements.csv").read_text().splitlines()))
    tree = json.loads((tmp_path / "with" / "measurements.json").read_text())["blocks"][0]["slices"]
    for row, each in zip(rows, tree, strict=True):
        for key in INTERVAL_MEASURES & each["measures"].keys():
            measure = each["measures"][key]
            assert measure["interval_reason"] is None, key
            if measure["value"] is not None:
                low, high = measure["interval"]
                assert low <= measure["value"] <= high
                assert (float(row[f"{key}_low_mm2"]), float(row[f"{key}_high_mm2"])) == (low, high)
        assert row["dsca_band"] == each["dsca_band"]["band"]
        assert row["dsca_band_crossed"] in ("yes", "no")
        assert "second-hand" in row["dsca_band_source"]
        assert row["quality"] == ("; ".join(dict.fromkeys(flag["key"] for flag in each["flags"])) or "ok")
        assert "interval" not in row["absent"]
    (level,) = csv.DictReader((tmp_path / "with" / "levels.csv").read_text().splitlines())
    assert level["smallest_dural_sac_area_low_mm2"]
    assert level["smallest_dsca_band"]
    assert json.loads((tmp_path / "with" / "run.json").read_text())["settings"]["bands"] == "schonstrom"

    plain = tmp_path / "plain.json"
    description = json.loads(weights.with_suffix(".json").read_text())
    del description["area_calibration"]
    plain.write_text(json.dumps(description))
    shutil.copy(weights, plain.with_suffix(".safetensors"))
    words[-2:] = ["--weights", str(plain.with_suffix(".safetensors"))]
    assert main([*words, "--output", str(tmp_path / "without")]) == 0
    for row in csv.DictReader((tmp_path / "without" / "measurements.csv").read_text().splitlines()):
        assert "intervals: the weights carry no calibration of areas" in row["absent"]
        assert row["dural_sac_area_low_mm2"] == ""
        assert "dsca_band" not in row


def _changed(evaluation: Path, folder: Path, name: str, content: str) -> Path:
    shutil.copytree(evaluation, folder)
    (folder / name).write_text(content, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("areas_per_slice.csv", "slice,class\n1,dural_sac\n", "not a table of areas"),
        ("areas_per_slice.csv", "", "fewer than 19 areas"),
        ("evaluation.json", "[]", "not the record of an evaluation"),
        (
            "evaluation.json",
            '{"weights": "w", "data": "d", "fold": "0", "trained_on": {"data": "d", "fold": "all"}}',
            "was trained on",
        ),
    ],
)
def test_what_is_no_evaluation_of_unseen_slices_is_refused(evaluation, tmp_path, capsys, name, content, words):
    folder = _changed(evaluation, tmp_path / "changed", name, content)
    if not content:
        (folder / "side_areas_per_slice.csv").unlink()
    assert _calibrate(folder, tmp_path / "w.json") == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "w.json").exists()


def test_other_faults_are_named(evaluation, tmp_path, capsys):
    for arguments, words in (
        ((evaluation, tmp_path / "w.safetensors"), "must be a .json file"),
        ((tmp_path / "nowhere", tmp_path / "w.json"), "cannot be read"),
    ):
        assert _calibrate(*arguments) == 2
        assert words in capsys.readouterr().err


def test_a_malformed_calibration_is_refused(weights, tmp_path, capsys):
    copy = Path(shutil.copy(weights, tmp_path / "w.safetensors"))
    description = json.loads(weights.with_suffix(".json").read_text())
    description["area_calibration"]["terms"]["psoas"] = 3
    copy.with_suffix(".json").write_text(json.dumps(description))
    image = np.eye(64, dtype=np.float32)[None]
    volume = write_volume(tmp_path / "volume.nrrd", Block(image, np.diag([-1.0, -1.0, 4.0, 1.0])))
    assert main(["segment", str(volume), "--output", str(tmp_path / "out"), "--weights", str(copy)]) == 2
    assert "area_calibration" in capsys.readouterr().err

"""The folder of an evaluation, from predictions made by hand."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from LumbarSegLib.anatomy import ANATOMIES, BY_KEY, IGNORE_INDEX, NUM_CLASSES, VERTEBRAL_BODY_INDEX
from LumbarSegLib.evaluation.area_pairs import compare_areas
from LumbarSegLib.evaluation.assessment import SliceAssessment, summarize_assessments
from LumbarSegLib.evaluation.calibration import count_reliability
from LumbarSegLib.evaluation.overlap import compute_overlap
from LumbarSegLib.evaluation.surface import compute_surface_agreement
from LumbarSegLib.evaluation.units import MILLIMETERS, PIXELS, Units
from LumbarSegLib.io.labeled_slices import LabeledSlice
from LumbarSegLib.measurement import bound_pixels
from LumbarSegLib.report.evaluation_plots import write_agreement_plot, write_reliability_plot
from LumbarSegLib.report.evaluation_result import NUM_FAILURES, write_evaluation

SPACING_MM = 0.5
SIZE = 240
CONTEXT = {"weights": "hand", "weights_sha256": "0" * 64, "data": "drawn", "fold": "0"}


def rectangle(index: int, top: int, left: int, height: int = 40, width: int = 60) -> np.ndarray:
    result = np.zeros((SIZE, SIZE), dtype=np.uint8)
    result[top : top + height, left : left + width] = index
    return result


def assess(labeled: LabeledSlice, prediction: np.ndarray, units: Units) -> SliceAssessment:
    """What `assess_slices` does, for a network that is always sure."""
    probabilities = np.stack([prediction == index for index in range(NUM_CLASSES)]).astype(np.float32)
    pixel = units.pixel_size(labeled.spacing_mm)
    return SliceAssessment(
        prediction,
        compute_overlap(labeled.name, prediction, labeled.label_map, labeled.plane),
        compute_surface_agreement(prediction, labeled.label_map, pixel, units.surface_tolerance),
        compare_areas(prediction, bound_pixels(probabilities[None]), labeled.label_map, pixel**2),
        count_reliability(probabilities, labeled.label_map),
    )


def drawn(name: str, reference: np.ndarray) -> LabeledSlice:
    image = np.random.default_rng(0).uniform(50, 100, reference.shape).astype(np.float32)
    return LabeledSlice(name, image, reference, SPACING_MM, "disc")


@pytest.fixture(scope="module")
def slices() -> list[LabeledSlice]:
    """Sacs 60 pixels wide; in the second there is a disc as well, in the third neither."""
    sac = rectangle(1, 100, 90)
    return [drawn("a", sac), drawn("b", sac + rectangle(7, 20, 90)), drawn("c", rectangle(3, 100, 90)), drawn("d", sac)]


@pytest.fixture(scope="module")
def predictions() -> list[np.ndarray]:
    """Exact; three pixels to the right and no disc; an invented disc; two pixels down."""
    psoas_and_disc = rectangle(3, 100, 90) + rectangle(7, 20, 90)
    return [rectangle(1, 100, 90), rectangle(1, 100, 93), psoas_and_disc, rectangle(1, 102, 90)]


def written(folder: Path, slices, predictions, units: Units) -> Path:
    assessed = [assess(labeled, prediction, units) for labeled, prediction in zip(slices, predictions, strict=True)]
    folder.mkdir()
    write_evaluation(folder, slices, assessed, units, CONTEXT, ["a word first."])
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory, slices, predictions) -> Path:
    """The four slices, their pixel size being known."""
    return written(tmp_path_factory.mktemp("evaluation") / "out", slices, predictions, MILLIMETERS)


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def test_tables_hold_known_figures(folder):
    dice = rows(folder / "dice_per_slice.csv")
    assert list(dice[0]) == ["slice", *(anatomy.key for anatomy in ANATOMIES)]
    assert [row["dural_sac"] for row in dice] == ["1.0000", "0.9500", "", "0.9500"]
    assert [row["intervertebral_disc"] for row in dice] == ["", "0.0000", "0.0000", ""]
    surface = rows(folder / "surface_per_slice.csv")
    assert [row["dural_sac_hausdorff_95_mm"] for row in surface] == ["0.0000", "1.5000", "", "1.0000"]
    assert [row["dural_sac_surface_dice"] for row in surface][3] == "1.0000"
    assert {row["intervertebral_disc_mean_distance_mm"] for row in surface} == {""}
    areas = {(row["slice"], row["class"]): row for row in rows(folder / "areas_per_slice.csv")}
    assert float(areas["a", "dural_sac"]["reference_mm2"]) == 40 * 60 * SPACING_MM**2
    assert areas["c", "dural_sac"]["reference_mm2"] == ""
    assert areas["b", "dural_sac"]["in_interval"] == "1"
    agreement = {row["class"]: row for row in rows(folder / "area_agreement.csv")}
    assert (agreement["dural_sac"]["pairs"], agreement["dural_sac"]["bias_mm2"]) == ("3", "0.0")
    disc = agreement["intervertebral_disc"]
    assert [disc[name] for name in ("pairs", "missed", "invented", "bias_mm2", "icc_2_1")] == ["0", "1", "1", "", ""]
    assert disc["interval_coverage"] == "0.0"  # a missed class has an interval of nothing
    calibration = [row for row in rows(folder / "calibration.csv") if row["class"] == "dural_sac"]
    # Of three sacs 2400 pixels large, 3 * 40 and 2 * 60 are surely wrong.
    assert float(calibration[-1]["observed_share"]) == pytest.approx(1 - 240 / 7200, abs=1e-4)
    assert calibration[0]["observed_share"] == ""


def test_json_keeps_what_it_had_and_holds_no_empty_numbers(folder):
    tree = json.loads((folder / "evaluation.json").read_text(), parse_constant=pytest.fail)
    assert tree["fold"] == "0"
    assert tree["num_slices"] == 4
    assert tree["dice"]["dural_sac"] == pytest.approx(tree["dice_interval"]["dural_sac"]["value"])
    assert tree["mean_dice"] == pytest.approx(tree["mean_dice_interval"]["value"])
    assert tree["by_plane"]["disc"]["mean_dice"] == pytest.approx(tree["mean_dice_interval_by_plane"]["disc"]["value"])
    assert tree["worst"]["intervertebral_disc"] == {"slice": "b", "dice": 0.0}
    assert {"mean_pooled_dice", "pooled_dice", "without_endplate_discs"} <= set(tree)
    assert tree["units"] == {"length": "mm", "area": "mm2", "surface_tolerance": 1.0}
    assert [(each["slice"], each["kind"]) for each in tree["failures"][:2]] == [("b", "missed"), ("c", "invented")]
    assert tree["failures"][0]["class"] == "intervertebral_disc"
    assert tree["surface"]["dural_sac"]["hausdorff_95"]["value"] == pytest.approx(2.5 / 3)


def test_an_assumed_pixel_size_gives_pixels(tmp_path, slices, predictions):
    folder = written(tmp_path / "out", slices, predictions, PIXELS)
    assert rows(folder / "surface_per_slice.csv")[1]["dural_sac_hausdorff_95_px"] == "3.0000"
    assert float(rows(folder / "areas_per_slice.csv")[0]["reference_px"]) == 40 * 60
    page = (folder / "evaluation.md").read_text(encoding="utf-8")
    assert "Surface Dice at 2 pixels" in page
    assert "mm" not in page.replace("command", "")


def test_page_shows_every_picture_that_there_is(folder, slices):
    page = (folder / "evaluation.md").read_text(encoding="utf-8")
    pictures = {path.relative_to(folder).as_posix() for path in folder.rglob("*.png")}
    assert len(pictures) == 2 + len(slices)
    assert all(f"]({name})" in page for name in pictures)
    assert "**Note:** a word first." in page
    assert "Intervertebral disc invented (2400 pixels)" in page
    assert "research use only" in page.lower()


def test_only_the_worst_are_pictured(tmp_path):
    slices = [drawn(f"{number:02d}", rectangle(1, 100, 90)) for number in range(NUM_FAILURES + 3)]
    predictions = [rectangle(1, 100, 90 + number) for number in range(len(slices))]
    folder = written(tmp_path / "out", slices, predictions, MILLIMETERS)
    names = sorted(path.name for path in (folder / "failures").iterdir())
    assert len(names) == NUM_FAILURES
    assert names[0] == f"01_{len(slices) - 1:02d}.png"  # shifted farthest


def test_a_failure_shows_image_reference_and_prediction(tmp_path):
    """One panel is gray, one has the reference's outline alone, one the predicted outline alone."""
    reference = rectangle(1, 100, 90)
    reference[:10], reference[-10:] = IGNORE_INDEX, VERTEBRAL_BODY_INDEX
    folder = written(tmp_path / "out", [drawn("a", reference)], [rectangle(5, 100, 90)], MILLIMETERS)
    pixels = np.asarray(Image.open(next((folder / "failures").iterdir()))).astype(int)[80:-80]

    def drawn_columns(key: str) -> np.ndarray:
        near = np.abs(pixels - BY_KEY[key].color).max(axis=-1) < 30
        return np.flatnonzero(near.any(axis=0)) * 3 // pixels.shape[1]

    assert set(drawn_columns("dural_sac")) == {1}
    assert set(drawn_columns("erector_spinae")) == {2}


@pytest.mark.parametrize("prediction", [rectangle(1, 100, 92), rectangle(0, 0, 0)], ids=["found", "nothing found"])
def test_plots_are_drawn_whatever_was_found(tmp_path, slices, prediction):
    assessed = [assess(slices[0], prediction, MILLIMETERS)] * 3
    assessment = summarize_assessments(assessed, MILLIMETERS)
    write_agreement_plot(tmp_path / "agreement.png", assessed, assessment)
    write_reliability_plot(tmp_path / "reliability.png", assessment)
    for name in ("agreement.png", "reliability.png"):
        pixels = np.asarray(Image.open(tmp_path / name).convert("RGB")).astype(int)
        is_blue = (pixels[..., 2] - pixels[..., 0] > 100).mean()
        assert pixels.shape[1] > 1200
        assert (pixels.min(axis=-1) < 250).mean() > 0.01
        if prediction.any():
            assert is_blue > 0.00001
        else:
            assert is_blue < 0.001  # the key, or one curve of the background


def test_slices_and_figures_must_belong_together(tmp_path, slices):
    with pytest.raises(ValueError, match="same length"):
        write_evaluation(tmp_path, slices, [], MILLIMETERS, CONTEXT)

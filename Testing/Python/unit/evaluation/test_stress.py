"""Stress curves of a network that outlines by brightness."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from LumbarSegLib.anatomy import BY_KEY, NUM_CLASSES
from LumbarSegLib.evaluation.assessment import bootstrap_mean_dice
from LumbarSegLib.evaluation.bootstrap import Mean
from LumbarSegLib.evaluation.evaluator import evaluate_slices
from LumbarSegLib.evaluation.stress import StressCurve, StressLevel, count_versions, measure_stress
from LumbarSegLib.evaluation.stress_kinds import DISTURBANCES
from LumbarSegLib.evaluation.units import MILLIMETERS, PIXELS
from LumbarSegLib.inference.checkpoint import Checkpoint
from LumbarSegLib.inference.predictor import Predictor
from LumbarSegLib.io.labeled_slices import LabeledSlice
from LumbarSegLib.preprocessing import PreprocessingConfig

SIZE = 96
KINDS = {each.key: each for each in DISTURBANCES}
SAC, PSOAS = BY_KEY["dural_sac"].index, BY_KEY["psoas"].index


class Brightness(nn.Module):
    """What is much brighter than usual is sac, what is much darker is psoas."""

    def forward(self, images: Tensor) -> Tensor:
        logits = torch.full((len(images), NUM_CLASSES, *images.shape[-2:]), -9.0)
        logits[:, 0] = 0.0
        logits[:, SAC] = 10 * (images[:, 0] - 3.0)
        logits[:, PSOAS] = 10 * (-3.0 - images[:, 0])
        return logits


@pytest.fixture
def predictor() -> Predictor:
    checkpoint = Checkpoint("bright", "0" * 64, Brightness().eval(), PreprocessingConfig(pixel_size_mm=1.0), {})
    return Predictor(checkpoint, torch.device("cpu"))


@pytest.fixture(scope="module")
def slices() -> list[LabeledSlice]:
    """Gray slices with a bright sac of growing size and dark psoas at both sides; the last one has no sac."""
    rng = np.random.default_rng(0)
    j, i = np.indices((SIZE, SIZE)) - SIZE / 2
    made = []
    for radius in (6, 8, 10, 0):
        label_map = np.zeros((SIZE, SIZE), dtype=np.uint8)
        label_map[np.hypot(j, np.abs(i) - 28) < 9] = PSOAS
        label_map[np.hypot(j, i) < radius] = SAC
        signal = np.select([label_map == SAC, label_map == PSOAS], [190, 60], 120) + rng.normal(0, 8, label_map.shape)
        signal[0] = 0
        made.append(LabeledSlice(f"r{radius}", signal.astype(np.float32), label_map, 1.0))
    return made


def test_no_disturbance_is_plain_evaluation(predictor, slices):
    kinds = [KINDS["rotation"], KINDS["darker"]]
    steps = []
    curves = measure_stress(predictor, slices, kinds, MILLIMETERS, steps.append)
    expected = bootstrap_mean_dice(evaluate_slices(predictor, slices))
    assert expected.value > 0.9
    for curve in curves:
        assert curve.levels[0].mean_dice == expected
        assert [each.level for each in curve.levels] == list(curve.disturbance.levels)
    assert sum(steps) == len(slices) * count_versions(kinds) == len(slices) * (1 + 5 + 4)
    assert measure_stress(predictor, slices, kinds, MILLIMETERS, steps.append) == curves


def test_dark_sacs_are_lost(predictor, slices):
    (curve,) = measure_stress(predictor, slices, [KINDS["t1"]], MILLIMETERS, lambda _: None)
    first, last = curve.levels[0], curve.levels[-1]
    assert (first.num_sacs, first.num_lost_sacs) == (3, 0)
    assert (last.num_sacs, last.num_lost_sacs) == (3, 3)
    assert last.dice["dural_sac"].value < 0.1
    assert curve.worst_class == "dural_sac"
    assert curve.breaking_level in curve.disturbance.levels[1:]


def test_narrowing_makes_small_sacs_and_pixels_have_no_size(predictor, slices):
    in_mm, in_pixels = (
        measure_stress(predictor, slices, [KINDS["narrowing"], KINDS["larger"]], units, lambda _: None)
        for units in (MILLIMETERS, PIXELS)
    )
    areas = [each.median_sac_area for each in in_mm[0].levels]
    assert areas == sorted(areas, reverse=True)
    assert areas[0] == np.count_nonzero(slices[1].label_map == SAC)
    assert in_mm[1].levels[-1].median_sac_area == pytest.approx(1.5**2 * areas[0])
    assert in_pixels[1].levels[-1].median_sac_area == areas[0]


def test_a_curve_breaks_where_it_has_fallen_by_more_than_allowed():
    def level(value: float, mean: float | None) -> StressLevel:
        sac = Mean(None if mean is None else 2 * mean - 0.9, None, None, 1)  # falls twice as fast
        return StressLevel(value, Mean(mean, None, None, 1), {"dural_sac": sac}, 0, 0, None)

    kind = KINDS["blur"]
    curve = StressCurve(kind, tuple(level(n, mean) for n, mean in enumerate([0.9, 0.86, 0.84, 0.7])))
    assert (curve.breaking_level, curve.sac_breaking_level) == (2, 1)
    assert StressCurve(kind, curve.levels[:2]).breaking_level is None
    assert StressCurve(kind, (level(0, None), level(1, None))).breaking_level is None

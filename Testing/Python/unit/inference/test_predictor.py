"""Batches, axis orders, devices: none of them may change the label map."""

import itertools

import numpy as np
import pytest
import torch

from LumbarSegLib.errors import InputError
from LumbarSegLib.inference.checkpoint import Checkpoint
from LumbarSegLib.inference.devices import choose_device, inference_precision
from LumbarSegLib.inference.predictor import Predictor
from LumbarSegLib.measurement import bound_pixels
from LumbarSegLib.models import MSFF, MSFFConfig
from LumbarSegLib.preprocessing import PreprocessingConfig

CPU = torch.device("cpu")
READING_ORDER = np.diag([-0.5, -0.5, 4.0, 1.0])


def _checkpoint(model: torch.nn.Module | None = None) -> Checkpoint:
    torch.manual_seed(1)
    model = MSFF(MSFFConfig(reduce=8, branch_channels=8)) if model is None else model
    return Checkpoint("random", "0" * 64, model.eval(), PreprocessingConfig(), {})


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.kron(rng.uniform(0, 1000, (3, 12, 10)), np.ones((1, 8, 8)))  # (3, 96, 80), blocky


def test_result_lies_on_the_native_grid(image):
    predictor = Predictor(_checkpoint(), CPU)
    label_map, confidence = predictor.predict_block(image, READING_ORDER, keep_probabilities=True)
    probabilities = confidence.probabilities
    assert label_map.shape == image.shape
    assert label_map.dtype == np.uint8
    assert probabilities.shape == (3, 8, 96, 80)
    np.testing.assert_allclose(probabilities.astype(np.float32).sum(axis=1), 1.0, atol=5e-3)
    assert (probabilities.argmax(axis=1) == label_map).mean() > 0.999  # float16 makes ties
    assert len(np.unique(label_map)) > 1


def test_a_vertebral_body_counts_as_background(image):
    torch.manual_seed(1)
    model = MSFF(MSFFConfig(num_classes=9, reduce=8, branch_channels=8))
    logits = []
    model.register_forward_hook(lambda module, inputs, output: logits.append(output.detach().clone()))
    predictor = Predictor(_checkpoint(model), CPU, precision="full", batch_size=3)
    slices = torch.zeros(1, 1, 64, 64).normal_()
    merged = predictor._logits(slices).softmax(dim=1)
    raw = logits[0].softmax(dim=1)
    assert merged.shape[1] == 8
    torch.testing.assert_close(merged[:, 0], raw[:, 0] + raw[:, 8])
    torch.testing.assert_close(merged[:, 1:], raw[:, 1:8])
    label_map, _ = predictor.predict_block(image, READING_ORDER)
    assert label_map.max() <= 7


@pytest.mark.parametrize("affine", [READING_ORDER, np.diag([0.5, -0.5, 4.0, 1.0])], ids=["reading order", "flipped"])
def test_the_bounds_are_those_of_the_probabilities(image, affine):
    model = MSFF(MSFFConfig(reduce=8, branch_channels=8))
    with torch.no_grad():
        for weight in model.head[-1].parameters():
            weight *= 40  # or nothing is sure
    label_map, confidence = Predictor(_checkpoint(model), CPU, batch_size=2).predict_block(
        image, affine, keep_probabilities=True
    )
    expected = bound_pixels(confidence.probabilities.astype(np.float32))
    bounds = confidence.bounds
    assert (bounds.sure != expected.sure).mean() < 1e-3  # float16 rounds
    assert (bounds.possible != expected.possible).mean() < 1e-2
    assert 0 < np.count_nonzero(bounds.sure) < np.count_nonzero(label_map)
    assert (bounds.sure == label_map)[bounds.sure > 0].all()


def test_batch_size_does_not_matter(image):
    one, _ = Predictor(_checkpoint(), CPU, precision="full", batch_size=1).predict_block(image, READING_ORDER)
    all_at_once, _ = Predictor(_checkpoint(), CPU, precision="full", batch_size=3).predict_block(image, READING_ORDER)
    # Other batch sizes take other convolution kernels; only ties may differ.
    assert (one == all_at_once).mean() > 0.999


@pytest.mark.parametrize(("transpose", "flip_j", "flip_i"), list(itertools.product([False, True], repeat=3)))
def test_axis_order_does_not_matter(image, transpose, flip_j, flip_i):
    expected, _ = Predictor(_checkpoint(), CPU).predict_block(image, READING_ORDER)
    affine = READING_ORDER.copy()
    turned, expected_turned = image, expected
    if flip_j:
        turned, expected_turned = turned[:, ::-1], expected_turned[:, ::-1]
        affine[:, 1] *= -1
    if flip_i:
        turned, expected_turned = turned[:, :, ::-1], expected_turned[:, :, ::-1]
        affine[:, 0] *= -1
    if transpose:
        turned, expected_turned = turned.swapaxes(1, 2), expected_turned.swapaxes(1, 2)
        affine = affine[:, [1, 0, 2, 3]]
    actual, _ = Predictor(_checkpoint(), CPU).predict_block(turned, affine)
    assert (actual == expected_turned).all()


def test_flip_average_is_symmetric(image):
    predictor = Predictor(_checkpoint(), CPU, precision="full", flip_average=True)
    straight, _ = predictor.predict_block(image, READING_ORDER)
    mirrored, _ = predictor.predict_block(image[:, :, ::-1], READING_ORDER)
    assert (straight == mirrored[:, :, ::-1]).mean() > 0.999
    plain, _ = Predictor(_checkpoint(), CPU, precision="full").predict_block(image, READING_ORDER)
    assert (plain != straight).any()


def test_full_precision_is_float32_and_auto_comes_close(image):
    assert inference_precision(CPU, "full") == torch.float32
    full, _ = Predictor(_checkpoint(), CPU, precision="full").predict_block(image, READING_ORDER)
    auto, _ = Predictor(_checkpoint(), CPU).predict_block(image, READING_ORDER)
    # An untrained network decides by small differences everywhere.
    assert (full == auto).mean() > 0.95
    with pytest.raises(InputError, match="Precision"):
        Predictor(_checkpoint(), CPU, precision="half")


def test_progress_counts_every_slice(image):
    seen: list[int] = []
    Predictor(_checkpoint(), CPU, batch_size=2).predict_block(image, READING_ORDER, progress=seen.append)
    assert seen == [2, 1]


class _Hungry(torch.nn.Module):
    """Runs out of memory above a number of slices, as a small GPU does."""

    def __init__(self, inner: torch.nn.Module, limit: int, error: type[RuntimeError]) -> None:
        super().__init__()
        self.inner, self.limit, self.error = inner, limit, error

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) > self.limit:
            raise self.error("DefaultCPUAllocator: can't allocate memory")
        return self.inner(x)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError])
def test_out_of_memory_halves_the_batch_and_says_so(image, error):
    checkpoint = _checkpoint()
    expected, _ = Predictor(checkpoint, CPU, batch_size=1).predict_block(image, READING_ORDER)
    predictor = Predictor(_checkpoint(_Hungry(checkpoint.model, 1, error)), CPU, batch_size=3)
    actual, _ = predictor.predict_block(image, READING_ORDER)
    assert (actual == expected).all()
    assert predictor.batch_size == 1
    assert any("batches of 1" in warning for warning in predictor.warnings)


def test_out_of_memory_for_one_slice_on_the_cpu_is_an_error(image):
    predictor = Predictor(_checkpoint(_Hungry(_checkpoint().model, 0, RuntimeError)), CPU)
    with pytest.raises(InputError, match="single slice"):
        predictor.predict_block(image, READING_ORDER)


class _Faulty(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("expected 1 channel")


def test_other_faults_are_not_taken_for_lack_of_memory(image):
    with pytest.raises(RuntimeError, match="expected 1 channel"):
        Predictor(_checkpoint(_Faulty()), CPU).predict_block(image, READING_ORDER)


def test_logit_offset_moves_the_decision(image):
    offset = torch.zeros(8)
    offset[6] = 1e4
    label_map, _ = Predictor(_checkpoint(), CPU, logit_offset=offset).predict_block(image, READING_ORDER)
    assert (label_map == 6).all()


def test_device_choice_gives_its_reason():
    assert choose_device("cpu").device == CPU
    automatic = choose_device("auto")
    assert automatic.reason
    if not torch.cuda.is_available() and not torch.backends.mps.is_available():
        assert automatic.device == CPU
        assert "CUDA" in automatic.reason


@pytest.mark.parametrize("name", ["gpu", "cpu:1", "", "cuda:99", "cuda:x"])
def test_device_that_is_not_there(name):
    with pytest.raises(InputError, match="Device"):
        choose_device(name)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_the_cpu(image):
    on_cpu, _ = Predictor(_checkpoint(), CPU).predict_block(image, READING_ORDER)
    on_gpu, _ = Predictor(_checkpoint(), torch.device("cuda")).predict_block(image, READING_ORDER)
    # Half precision on the GPU moves borders; an untrained network is all borders.
    assert (on_cpu == on_gpu).mean() > 0.97

"""The size-adaptive loss: the properties that the paper's formula implies."""

import math

import pytest
import torch
from torch.nn import functional as F

from LumbarSegLib.anatomy import IGNORE_INDEX
from LumbarSegLib.losses import (
    SegmentationLoss,
    area_correcting_offset,
    batch_dice_loss,
    size_adaptive_cross_entropy,
    size_weights,
)


def _case(seed: int = 0, ignored: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(3, 8, 9, 11, generator=generator) * 3
    target = torch.randint(0, 8, (3, 9, 11), generator=generator)
    if ignored:
        target[:, :2] = IGNORE_INDEX
    return logits, target


@pytest.mark.parametrize("reference", ["image", "foreground"])
@pytest.mark.parametrize("ignored", [False, True])
def test_alpha_zero_is_cross_entropy(reference, ignored):
    logits, target = _case(ignored=ignored)
    expected = F.cross_entropy(logits, target, ignore_index=IGNORE_INDEX)
    actual = size_adaptive_cross_entropy(logits, target, 0.0, reference=reference)
    torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 4.0])
def test_background_only_is_cross_entropy(alpha):
    logits, _ = _case()
    target = torch.zeros(3, 9, 11, dtype=torch.int64)
    torch.testing.assert_close(size_adaptive_cross_entropy(logits, target, alpha), F.cross_entropy(logits, target))


def test_matches_the_formula_written_out():
    logits, target = _case(seed=1)
    alpha, total, valid = 2.0, 0.0, 0
    probabilities = logits.double().softmax(dim=1)
    for b in range(3):
        pixels = [int(c) for c in target[b].flatten() if c != IGNORE_INDEX]
        for j in range(9):
            for i in range(11):
                c = int(target[b, j, i])
                if c == IGNORE_INDEX:
                    continue
                share = 0.0 if c == 0 else pixels.count(c) / len(pixels)
                total -= (1 - share) ** alpha * math.log(float(probabilities[b, c, j, i]))
                valid += 1
    assert float(size_adaptive_cross_entropy(logits, target, alpha)) == pytest.approx(total / valid, rel=1e-5)


def test_large_classes_weigh_less():
    target = torch.zeros(1, 10, 10, dtype=torch.int64)
    target[0, :5] = 5  # half of the image
    target[0, 5, :1] = 1  # a hundredth
    weights = size_weights(target, 8, 2.0)
    assert weights[0].tolist() == pytest.approx([1, 0.99**2, 1, 1, 1, 0.25, 1, 1])


def test_ignored_pixels_leave_areas_and_mean():
    logits, target = _case()
    cut_logits, cut_target = logits[:, :, 2:], target[:, 2:]
    torch.testing.assert_close(
        size_adaptive_cross_entropy(logits, target, 3.0), size_adaptive_cross_entropy(cut_logits, cut_target, 3.0)
    )


def test_lone_foreground_class_keeps_its_weight():
    target = torch.zeros(1, 4, 4, dtype=torch.int64)
    target[0, 0] = 3
    assert size_weights(target, 8, 1.0, reference="foreground")[0, 3] == 1.0


def test_dataset_shares_are_used_and_required():
    _, target = _case()
    shares = [0.6, 0.1, *[0.05] * 6]
    weights = size_weights(target, 8, 1.0, reference="dataset", dataset_shares=shares)
    assert weights[2].tolist() == pytest.approx([1.0, 0.9, *[0.95] * 6])
    with pytest.raises(ValueError, match="dataset_shares must hold 8"):
        size_weights(target, 8, 1.0, reference="dataset")


@pytest.mark.parametrize(("alpha", "reference"), [(-1.0, "image"), (1.0, "volume")])
def test_wrong_arguments(alpha, reference):
    _, target = _case()
    with pytest.raises(ValueError, match="must be"):
        size_weights(target, 8, alpha, reference=reference)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_huge_logits_stay_finite(dtype):
    logits, target = _case()
    logits = (logits.sign() * 1e4).to(dtype).requires_grad_()
    loss = SegmentationLoss(alpha=1.0, dice_weight=1.0)(logits, target)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()


def test_nothing_annotated_gives_zero_and_gradients():
    logits, target = _case()
    logits.requires_grad_()
    loss = SegmentationLoss(alpha=1.0, dice_weight=1.0)(logits, torch.full_like(target, IGNORE_INDEX))
    loss.backward()
    assert loss.item() == 0.0
    assert torch.count_nonzero(logits.grad) == 0


def test_dice_loss_of_perfect_and_empty_predictions():
    _, target = _case(ignored=False)
    perfect = F.one_hot(target, 8).movedim(-1, 1) * 50.0
    assert batch_dice_loss(perfect, target).item() == pytest.approx(0.0, abs=1e-5)
    background = torch.zeros(3, 8, 9, 11)
    background[:, 0] = 50.0
    assert batch_dice_loss(background, target, smooth=0.0).item() == pytest.approx(1.0, abs=1e-5)


def test_offset_undoes_the_weights():
    shares = [0.8, 0.02, 0.01, 0.05, 0.04, 0.06, 0.01, 0.01]
    posterior = torch.tensor([0.3, 0.1, 0.1, 0.2, 0.1, 0.1, 0.05, 0.05])
    weights = torch.tensor([1.0, *[(1 - share) ** 2 for share in shares[1:]]])
    # What a network minimizing the weighted loss converges to:
    biased = (weights * posterior) / (weights * posterior).sum()
    corrected = (biased.log() + area_correcting_offset(shares, 2.0)).softmax(dim=0)
    torch.testing.assert_close(corrected, posterior)
    with pytest.raises(ValueError, match="mean_shares"):
        area_correcting_offset([0.0, 1.0], 1.0)

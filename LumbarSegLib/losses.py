"""The size-adaptive loss of Zhang et al. (ICMLC 2023) and the soft Dice beside it.

Notation: logits (B, C, J, I) with C counting the background, target (B, J, I)
of int64 with `ignore_index` where nothing is annotated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from LumbarSegLib.anatomy import IGNORE_INDEX

Reference = Literal["image", "foreground", "dataset"]


def size_weights(
    target: Tensor,
    num_classes: int,
    alpha: float,
    *,
    reference: Reference = "image",
    dataset_shares: Sequence[float] | None = None,
    ignore_index: int = IGNORE_INDEX,
) -> Tensor:
    """Weight (1 - S_c)^alpha of every class in every image.

    Parameters
    ----------
    target : (B, J, I) int64 Tensor
        Class indices.
    num_classes : int
        Classes, the background included.
    alpha : float
        Exponent, >= 0; 0 gives weight 1 throughout.
    reference : {"image", "foreground", "dataset"}
        What S_c is the share of: the valid pixels of the image, its foreground
        pixels, or fixed shares of a whole data set.
    dataset_shares : sequence of float, optional
        The C fixed shares, for `reference="dataset"`.
    ignore_index : int
        Value of pixels that do not count.

    Returns
    -------
    (B, C) float32 Tensor
        The background (class 0) always has weight 1.

    Raises
    ------
    ValueError
        If `alpha` is negative, `reference` unknown or `dataset_shares` missing.
    """
    if alpha < 0:
        raise ValueError(f"alpha must be >= 0, got {alpha}.")
    if reference == "dataset":
        if dataset_shares is None or len(dataset_shares) != num_classes:
            raise ValueError(f"dataset_shares must hold {num_classes} shares, got {dataset_shares}.")
        shares = torch.tensor([list(dataset_shares)], dtype=torch.float32, device=target.device)
        shares = shares.expand(target.shape[0], -1).clone()  # (B, C)
    elif reference in ("image", "foreground"):
        shares = _image_shares(target, num_classes, reference, ignore_index)
    else:
        raise ValueError(f"reference must be 'image', 'foreground' or 'dataset', got {reference!r}.")
    shares[:, 0] = 0.0
    return (1.0 - shares).clamp_min(0.0) ** alpha


def _image_shares(target: Tensor, num_classes: int, reference: str, ignore_index: int) -> Tensor:
    counts = torch.stack(
        [torch.bincount(image[image != ignore_index].flatten(), minlength=num_classes) for image in target]
    ).float()  # (B, C)
    if reference == "image":
        return counts / counts.sum(dim=1, keepdim=True).clamp_min(1.0)
    foreground = counts[:, 1:]
    shares = counts / foreground.sum(dim=1, keepdim=True).clamp_min(1.0)
    # A lone class would have weight 0 and never be learned.
    lone = (foreground > 0).sum(dim=1, keepdim=True) <= 1
    return shares.masked_fill(lone, 0.0)


def size_adaptive_cross_entropy(
    logits: Tensor,
    target: Tensor,
    alpha: float = 1.0,
    *,
    reference: Reference = "image",
    dataset_shares: Sequence[float] | None = None,
    ignore_index: int = IGNORE_INDEX,
) -> Tensor:
    """Cross entropy that weights each class by (1 - its share of the image)^alpha.

    L = -(1/N) sum_i sum_c (1 - S_c)^alpha y_ic log p_ic, N being the number of
    valid pixels; with alpha = 0 this is `torch.nn.functional.cross_entropy`.

    Parameters
    ----------
    logits : (B, C, J, I) Tensor
        Any float type; the loss is computed in float32.
    target : (B, J, I) int64 Tensor
        Class indices or `ignore_index`.
    alpha, reference, dataset_shares, ignore_index
        See `size_weights`.

    Returns
    -------
    () Tensor
        0 when no pixel is valid.
    """
    weights = size_weights(
        target,
        logits.shape[1],
        alpha,
        reference=reference,
        dataset_shares=dataset_shares,
        ignore_index=ignore_index,
    )
    log_probabilities = F.log_softmax(logits.float(), dim=1)  # (B, C, J, I)
    valid = target != ignore_index
    classes = target.masked_fill(~valid, 0)  # (B, J, I)
    picked = log_probabilities.gather(1, classes[:, None])[:, 0]  # (B, J, I)
    pixel_weights = weights.gather(1, classes.flatten(1)).view_as(picked)
    return -(picked * pixel_weights * valid).sum() / valid.sum().clamp_min(1)


def batch_dice_loss(logits: Tensor, target: Tensor, *, ignore_index: int = IGNORE_INDEX, smooth: float = 1.0) -> Tensor:
    """1 - the mean soft Dice of the foreground classes, pooled over the batch.

    Milletari 2016 (doi 10.1109/3DV.2016.79); pooling over the batch keeps a
    class that one slice lacks from dominating. A class that the whole batch
    lacks does not count.

    Parameters
    ----------
    logits : (B, C, J, I) Tensor
        Any float type; the loss is computed in float32.
    target : (B, J, I) int64 Tensor
        Class indices or `ignore_index`.
    ignore_index : int
        Value of pixels that do not count.
    smooth : float
        Pixels added to both numerator and denominator.

    Returns
    -------
    () Tensor
    """
    num_classes = logits.shape[1]
    valid = target != ignore_index
    probabilities = logits.float().softmax(dim=1) * valid[:, None]  # (B, C, J, I)
    one_hot = F.one_hot(target.masked_fill(~valid, 0), num_classes).movedim(-1, 1) * valid[:, None]
    intersection = (probabilities * one_hot).sum(dim=(0, 2, 3))[1:]
    reference_size = one_hot.sum(dim=(0, 2, 3))[1:]
    total = probabilities.sum(dim=(0, 2, 3))[1:] + reference_size
    present = reference_size > 0
    if not bool(present.any()):
        return logits.sum() * 0.0
    dice = (2.0 * intersection + smooth) / (total + smooth)
    return 1.0 - dice[present].mean()


class SegmentationLoss(nn.Module):
    """Size-adaptive cross entropy plus, if weighted, the batch Dice loss.

    Parameters
    ----------
    alpha, reference, dataset_shares
        See `size_weights`.
    dice_weight : float
        Factor of `batch_dice_loss`; 0 gives the paper's loss alone.
    """

    def __init__(
        self,
        alpha: float = 1.0,
        reference: Reference = "image",
        dataset_shares: Sequence[float] | None = None,
        dice_weight: float = 0.0,
    ) -> None:
        super().__init__()
        self.alpha = alpha
        self.reference: Reference = reference
        self.dataset_shares = dataset_shares
        self.dice_weight = dice_weight

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """(B, C, J, I) logits and (B, J, I) target -> () loss."""
        loss = size_adaptive_cross_entropy(
            logits, target, self.alpha, reference=self.reference, dataset_shares=self.dataset_shares
        )
        if self.dice_weight:
            loss = loss + self.dice_weight * batch_dice_loss(logits, target)
        return loss


def area_correcting_offset(mean_shares: Sequence[float], alpha: float) -> Tensor:
    """Logit offset -alpha log(1 - mean S_c) that takes the loss's bias back.

    A weighted cross entropy moves the decision to argmax w p; adding this
    offset at inference gives unbiased areas again.

    Parameters
    ----------
    mean_shares : sequence of float
        Mean share of each of the C classes in the training images; the
        background's is not used.
    alpha : float
        Exponent of the loss.

    Returns
    -------
    (C,) float32 Tensor
        To be added to the logits.
    """
    shares = torch.tensor(list(mean_shares), dtype=torch.float32)
    shares[0] = 0.0
    if bool((shares >= 1.0).any()) or bool((shares < 0.0).any()):
        raise ValueError(f"mean_shares must be in [0, 1), got {list(mean_shares)}.")
    return -alpha * torch.log1p(-shares)

"""Slices that stand twice in a folder, above all on both sides of a fold.

Exact duplicates have the same pixel values, however they were compressed.
Near-duplicates have images that correlate: each is reduced to 32 x 32 pixels,
freed of what varies slowly (receive coil, patient's outline) and normalized;
the Pearson correlation of two such signatures is 1 for the same slice and does
not change with brightness and contrast. On 134 axial T2 slices of different
patients it stays below 0.76, mirrored or not; it stays above 0.89 for a slice
against its own copy with another gamma, with noise, a bias field, half the
resolution, turned by 2 degrees or shifted by 1.5 % of its width. Neighboring
slices of one patient, 4.3 mm apart, reach 0.89 to 0.98. Hence a patient on both
sides of a fold shows; copies that were cropped or zoomed by more than about 1 %
do not. Of 28,000 pairs of T1 slices of different patients with much air around
them, 5 exceed the limit: a near-duplicate is a warning, not an error.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from LumbarSegLib.dataset_checks.records import Finding, Severity, SliceFacts
from LumbarSegLib.io.labeled_slices import Fold

#: Correlation of signatures from which two images count as nearly the same.
NEAR_CORRELATION = 0.85

_SIGNATURE_SIZE = 32
_SMOOTHING = 3.0


class _Pair(NamedTuple):
    """Two slices, and in what way they are alike."""

    first: str
    second: str
    likeness: str


def compute_signature(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what is compared of an image, so that a dot product is the correlation.

    Parameters
    ----------
    image : (J, I) ndarray of float32
        Signal.

    Returns
    -------
    (1024,) ndarray of float32
        Of mean 0 and length 1; zeros for a blank image.
    """
    size = (_SIGNATURE_SIZE, _SIGNATURE_SIZE)
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX), dtype=np.float64)
    detail = small - ndimage.gaussian_filter(small, _SMOOTHING)
    detail -= detail.mean()
    length = np.linalg.norm(detail)
    # What rounding leaves of a blank image is no detail.
    if length <= 1e-6 * max(1.0, float(np.abs(small).max())):
        return np.zeros(detail.size, dtype=np.float32)
    signature: NDArray[np.float32] = (detail / length).ravel().astype(np.float32)
    return signature


def find_duplicates(slices: Sequence[SliceFacts], folds: Sequence[Fold]) -> Iterator[Finding]:
    """Yield pairs of slices with the same or nearly the same image, or with the same outlines.

    The same image in training and validation of one fold is an error: its
    validation would be wrong. Nearly the same is a warning there. Within one
    part the one is a warning and the other a note.
    """
    exact = list(_exact_pairs(slices))
    known = {(pair.first, pair.second) for pair in exact}
    for pair in exact:
        yield _finding(pair, folds, "duplicate", ("error", "warning"))
    for pair in _near_pairs(slices):
        if (pair.first, pair.second) not in known:
            yield _finding(pair, folds, "near-duplicate", ("warning", "warning" if not folds else "note"))
    for pair in _same_outlines(slices):
        if (pair.first, pair.second) not in known:
            yield Finding("warning", "copied outlines", _sentence(pair), (pair.first, pair.second))


def _finding(pair: _Pair, folds: Sequence[Fold], check: str, severities: tuple[Severity, Severity]) -> Finding:
    both = (pair.first, pair.second)
    leaking = [
        number for number, fold in enumerate(folds) if {_part(fold, name) for name in both} == {"train", "validation"}
    ]
    if not leaking:
        return Finding(severities[1], check, _sentence(pair), both)
    where = f"fold{'s' if len(leaking) > 1 else ''} {', '.join(map(str, leaking))}"
    return Finding(severities[0], check, f"{_sentence(pair)} One is trained on and one held back in {where}.", both)


def _sentence(pair: _Pair) -> str:
    return f"{pair.first} and {pair.second} {pair.likeness}."


def _part(fold: Fold, name: str) -> str:
    if name in fold.train:
        return "train"
    return "validation" if name in fold.validation else ""


def _exact_pairs(slices: Sequence[SliceFacts]) -> Iterator[_Pair]:
    same: dict[str, list[str]] = defaultdict(list)
    for each in slices:
        if each.num_gray_values > 1:  # blank images are alike for another reason
            same[each.image_digest].append(each.name)
    for names in same.values():
        for first, second in itertools.combinations(names, 2):
            yield _Pair(first, second, "have the same image")


def _near_pairs(slices: Sequence[SliceFacts]) -> Iterator[_Pair]:
    if len(slices) < 2:
        return
    signatures = np.stack([each.signature for each in slices])
    mirrored = np.stack([each.mirrored_signature for each in slices])
    for n in range(len(slices) - 1):  # row by row: all pairs at once would not fit for large folders
        plain, turned = signatures[n + 1 :] @ signatures[n], mirrored[n + 1 :] @ signatures[n]
        for other in np.flatnonzero(np.maximum(plain, turned) >= NEAR_CORRELATION).tolist():
            how = "" if plain[other] >= turned[other] else ", one of them mirrored"
            value = max(plain[other], turned[other])
            likeness = f"have nearly the same image (correlation {value:.2f}{how})"
            yield _Pair(slices[n].name, slices[n + 1 + other].name, likeness)


def _same_outlines(slices: Sequence[SliceFacts]) -> Iterator[_Pair]:
    same: dict[str, list[str]] = defaultdict(list)
    for each in slices:
        if each.areas:
            same[each.label_digest].append(each.name)
    for names in same.values():
        for first, second in itertools.combinations(names, 2):
            yield _Pair(first, second, "have the same outlines on different images")

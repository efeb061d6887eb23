"""Which pixels of a muscle are fat, from its own signal in one slice.

Fat is bright in T2-weighted turbo spin echo, so a threshold parts it from
muscle. The methods, by the agreement with Dixon MRI that Wesselink et al. found
for multifidus and erector spinae (2024, doi 10.1016/j.xnsj.2024.100313):

``gmm3``
    Gaussian mixture of three components, ICC >= 0.77. As published, only the
    brightest counts as fat; the one between, of pixels that hold both, does not.
``gmm2``
    Gaussian mixture of two components, ICC >= 0.63; the brighter is fat.
``otsu``
    Otsu's threshold, for comparison with studies that used it.
``none``
    No fat is told apart.

A mixture or a threshold splits noise as readily as tissue. A split therefore
counts only if its parts differ as fat and muscle do: see `MIN_CONTRAST`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from LumbarSegLib.geometry import FloatArray

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

#: The default first.
FAT_METHODS = ("gmm3", "gmm2", "otsu", "none")

#: A muscle outlined with fewer pixels than this is not split.
MIN_SPLIT_PIXELS = 200

#: Least ratio of the mean signals of the brightest and the darkest part, by the number of parts. In T2-weighted
#: turbo spin echo the signal of fat is more than three times that of muscle. Noise of 30 % of the mean, which is
#: much for a muscle, splits into parts with ratios of 1.6 (two) and 2.3 (three); the psoas in the project's real
#: study into 1.8 and 2.7.
MIN_CONTRAST = {2: 2.0, 3: 3.0}

#: A muscle with more than this share of its pixels at its lowest signal is cut off below: no Gaussian fits it.
MAX_SHARE_AT_LOWEST = 0.05

#: A mixture of fewer components is taken if its BIC is lower by this much: "very strong" evidence (Kass and Raftery
#: 1995, doi 10.1080/01621459.1995.10476572). Without a margin the number, and with it the fat fraction, would jump
#: from slice to slice.
BIC_MARGIN = 10.0

#: Mixtures are fitted to that many evenly spaced order statistics of the signal: the same figures in whatever
#: order the pixels are stored, and a fit in milliseconds.
NUM_SAMPLES = 1000

#: Values between two means at which the components are compared.
_NUM_CANDIDATES = 1001

_INSTALL = "is not installed (pip install -c constraints.txt -e '.[fat]' brings it)"


@dataclass(frozen=True)
class FatThreshold:
    """What parts fat from muscle.

    Parameters
    ----------
    signal : float
        Brighter pixels are fat.
    caveats : tuple of str
        What a reader has to know about the split.
    """

    signal: float
    caveats: tuple[str, ...] = ()


def find_fat_threshold(signal: FloatArray, method: str) -> FatThreshold | str:
    """Split the pixels of one muscle, both sides together, into muscle and fat.

    Parameters
    ----------
    signal : (N,) ndarray
        Of all pixels of the muscle in one slice.
    method : str
        One of `FAT_METHODS`.

    Returns
    -------
    FatThreshold or str
        A text says why the pixels cannot be split.

    Raises
    ------
    ValueError
        `method` is none of `FAT_METHODS`.
    """
    if method not in FAT_METHODS:
        raise ValueError(f"method must be one of {', '.join(FAT_METHODS)}, got {method!r}.")
    if method == "none":
        return "fat was not asked for (fat method none)"
    if len(signal) < MIN_SPLIT_PIXELS:
        return f"{len(signal)} pixels are too few to tell fat from muscle ({MIN_SPLIT_PIXELS} needed)"
    if not np.isfinite(signal).all():
        return "the image holds values that are not finite"
    if np.ptp(signal) == 0:
        return _no_contrast("all pixels have the same signal")
    try:
        return _otsu(signal) if method == "otsu" else _mixture(signal, int(method[-1]))
    except ModuleNotFoundError as error:
        package = {"sklearn": "scikit-learn", "skimage": "scikit-image"}.get(str(error.name).split(".")[0])
        if package is None:
            raise
        return f"{package} {_INSTALL}"


def _otsu(signal: FloatArray) -> FatThreshold | str:
    from skimage.filters import threshold_otsu

    threshold = float(threshold_otsu(signal))
    contrast = _contrast(signal[signal > threshold].mean(), signal[signal <= threshold].mean())
    return FatThreshold(threshold) if contrast >= MIN_CONTRAST[2] else _no_contrast(_ratio(contrast, 2))


def _mixture(signal: FloatArray, most_components: int) -> FatThreshold | str:
    """Fit one to `most_components` Gaussians, take as many as BIC allows, and part the brightest."""
    ordered = np.sort(signal)
    share_at_lowest = np.searchsorted(ordered, ordered[0], side="right") / len(ordered)
    if share_at_lowest > MAX_SHARE_AT_LOWEST:
        return f"{100 * share_at_lowest:.0f} % of the pixels have the lowest signal: the image is cut off below"
    samples = ordered[np.linspace(0, len(ordered) - 1, NUM_SAMPLES).round().astype(int), None]
    mixtures = [_fit(samples, count) for count in range(1, most_components + 1)]
    criteria = [each.bic(samples) for each in mixtures]
    mixture = [each for each, bic in zip(mixtures, criteria, strict=True) if bic <= min(criteria) + BIC_MARGIN][-1]
    count = mixture.n_components
    if count == 1:
        return _no_contrast("a single Gaussian fits the signal best")
    by_brightness = np.argsort(mixture.means_[:, 0])
    means = mixture.means_[by_brightness, 0]
    contrast = _contrast(means[-1], means[0])
    if contrast < MIN_CONTRAST[count]:
        return _no_contrast(_ratio(contrast, count))
    # Between the two brightest means: beyond them, a wide component overtakes a narrow one again.
    candidates = np.linspace(means[-2], means[-1], _NUM_CANDIDATES)
    is_fat = mixture.predict(candidates[:, None]) == by_brightness[-1]
    if not is_fat.any():
        return _no_contrast("the brightest component stands out nowhere")
    caveats = () if count == most_components else ("two Gaussians fit the signal better than three",)
    return FatThreshold(float(candidates[is_fat.argmax()]), caveats)


def _fit(samples: FloatArray, count: int) -> GaussianMixture:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    with warnings.catch_warnings():
        # A fit that has not settled is still a fit; BIC and contrast judge it.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return GaussianMixture(count, max_iter=300, random_state=0).fit(samples)


def _contrast(bright: float, dark: float) -> float:
    return float(bright / dark) if dark > 0 else float("inf")


def _ratio(contrast: float, parts: int) -> str:
    return f"the brightest part is {contrast:.2f} times as bright as the darkest ({MIN_CONTRAST[parts]:g} needed)"


def _no_contrast(finding: str) -> str:
    return f"no fat can be told from muscle: {finding}"

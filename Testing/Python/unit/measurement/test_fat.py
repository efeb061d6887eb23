"""Fat fractions against muscles of known share of fat, and what is no fat."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from lumbar_ellipses import GEOMETRIES, LUMBAR, axial_affine, draw

from LumbarSegLib.commands.parsers.shared import add_fat_method
from LumbarSegLib.measurement import FAT_METHODS, measure_block
from LumbarSegLib.measurement.fat import MIN_SPLIT_PIXELS, find_fat_threshold

MUSCLE, FAT = 300.0, 1200.0

#: Different on each side, so that swapped sides show.
SHARES = {
    "psoas_left": 0.05,
    "psoas_right": 0.15,
    "multifidus_left": 0.6,
    "multifidus_right": 0.1,
    "erector_spinae_left": 0.1,
    "erector_spinae_right": 0.3,
}


def _need_packages():
    pytest.importorskip("sklearn")
    pytest.importorskip("skimage")


def _signal(share, noise=0.2, pixels=6000, seed=0):
    random = np.random.default_rng(seed)
    fat = np.arange(pixels) < share * pixels
    return np.abs(np.where(fat, FAT, MUSCLE) + random.normal(scale=noise * MUSCLE, size=pixels))


@pytest.mark.parametrize("noise", [0.1, 0.3])
@pytest.mark.parametrize("share", [0.03, 0.1, 0.3, 0.6])
@pytest.mark.parametrize("method", ["gmm3", "gmm2", "otsu"])
def test_known_shares_of_two_tissues(method, share, noise):
    _need_packages()
    signal = _signal(share, noise)
    threshold = find_fat_threshold(signal, method)
    # The tissues lie ten standard deviations apart: a threshold between them errs in a handful of pixels.
    assert np.mean(signal > threshold.signal) == pytest.approx(share, abs=0.005)
    assert bool(threshold.caveats) == (method == "gmm3")


@pytest.mark.parametrize("noise", [0.05, 0.2, 0.3])
@pytest.mark.parametrize("method", ["gmm3", "gmm2", "otsu"])
def test_a_muscle_without_fat_has_no_invented_fat(method, noise):
    _need_packages()
    assert "no fat can be told from muscle" in find_fat_threshold(_signal(0, noise), method)
    random = np.random.default_rng(1)
    skewed = random.gamma(1 / noise**2, MUSCLE * noise**2, size=6000)
    assert "no fat can be told from muscle" in find_fat_threshold(skewed, method)


@pytest.mark.parametrize("seed", range(3))
def test_of_three_tissues_only_the_brightest_is_fat(seed):
    _need_packages()
    random = np.random.default_rng(seed)
    means = random.permutation(np.repeat([300.0, 800.0, 1500.0], [3600, 1500, 900]))
    signal = means + random.normal(scale=60, size=means.size)
    threshold = find_fat_threshold(signal, "gmm3")
    assert threshold.caveats == ()
    assert np.mean(signal > threshold.signal) == pytest.approx(0.15, abs=0.005)


@pytest.mark.parametrize("method", ["gmm3", "gmm2", "otsu"])
def test_the_order_of_pixels_changes_nothing(method):
    _need_packages()
    signal = _signal(0.2)
    assert find_fat_threshold(signal, method) == find_fat_threshold(signal[::-1].copy(), method)


@pytest.mark.parametrize(
    ("signal", "reason"),
    [
        (_signal(0.2, pixels=MIN_SPLIT_PIXELS - 1), "too few"),
        (np.full(500, 7.0), "the same signal"),
        (np.append(_signal(0.2), np.nan), "not finite"),
        (np.clip(_signal(0.3) - 250, 0, None), "cut off below"),
    ],
)
def test_what_cannot_be_split_says_why(signal, reason):
    _need_packages()
    assert reason in find_fat_threshold(signal, "gmm3")


def test_unknown_method():
    with pytest.raises(ValueError, match="gmm3, gmm2, otsu, none"):
        find_fat_threshold(_signal(0.2), "kmeans")
    with pytest.raises(ValueError, match="fat_method must be one of gmm3"):
        measure_block(np.zeros((1, 4, 4), dtype=np.uint8), axial_affine(), fat_method="kmeans")


def test_the_option_offers_all_methods():
    import argparse

    parser = argparse.ArgumentParser()
    add_fat_method(parser)
    assert parser.parse_args([]).fat_method == FAT_METHODS[0]
    for method in FAT_METHODS:
        assert parser.parse_args(["--fat-method", method]).fat_method == method


def _lumbar(affine, spine_turn_deg=0.0):
    """Label map and image of muscles with a core of fat of the share in `SHARES`."""
    label_map = draw(affine, LUMBAR.values(), spine_turn_deg=spine_turn_deg)
    cores = [
        replace(LUMBAR[name], half_axes=tuple(np.sqrt(share) * half for half in LUMBAR[name].half_axes))
        for name, share in SHARES.items()
    ]
    is_fat = draw(affine, cores, spine_turn_deg=spine_turn_deg) > 0
    noise = np.random.default_rng(0).normal(scale=40, size=label_map.shape)
    return label_map, np.where(is_fat, FAT, MUSCLE) + noise


@pytest.mark.parametrize("spine_turn_deg", [-30, 15])
@pytest.mark.parametrize("name", GEOMETRIES)
def test_fat_of_each_side_in_every_geometry(name, spine_turn_deg):
    _need_packages()
    affine = GEOMETRIES[name]
    pixel_mm = np.linalg.norm(affine[:3, :2], axis=0).max()
    label_map, image = _lumbar(affine, spine_turn_deg)
    (measurement,) = measure_block(label_map, affine, image=image)
    for key, share in SHARES.items():
        muscle = LUMBAR[key]
        fat, lean = measurement[f"{key}_fat_fraction"], measurement[f"{key}_lean_area"]
        tolerance = 1.5 * muscle.tolerance_mm2(pixel_mm)  # the muscle's edge and that of its core, within it
        assert fat.value == pytest.approx(share, abs=tolerance / muscle.area_mm2)
        assert lean.value == pytest.approx((1 - share) * muscle.area_mm2, abs=tolerance)
        assert (fat.column, lean.column) == (f"{key}_fat_fraction", f"{key}_lean_area_mm2")
        assert lean.value == pytest.approx((1 - fat.value) * measurement[f"{key}_area"].value)
        assert ("unreliable" in fat.caveat) == key.startswith("psoas")
    assert measurement.fat_method == "gmm3"


def test_signal_over_that_of_the_psoas():
    affine = axial_affine()
    label_map, image = _lumbar(affine)
    (measurement,) = measure_block(label_map, affine, image=image, fat_method="none")
    signal = {name: MUSCLE + share * (FAT - MUSCLE) for name, share in SHARES.items()}
    for key in ("multifidus", "erector_spinae"):
        for side in ("left", "right"):
            index = measurement[f"{key}_{side}_fat_index"]
            assert index.value == pytest.approx(signal[f"{key}_{side}"] / signal[f"psoas_{side}"], rel=0.02)
            assert index.column == f"{key}_{side}_fat_index_ratio"
        in_all = [image[label_map == label].mean() for label in ((4, 3) if key == "multifidus" else (5, 3))]
        assert measurement[f"{key}_total_fat_index"].value == pytest.approx(in_all[0] / in_all[1])
    assert measurement["multifidus_left_fat_fraction"].reason == "fat was not asked for (fat method none)"
    with pytest.raises(KeyError):
        measurement["psoas_left_fat_index"]


def test_without_an_image_what_rests_on_signal_has_a_reason():
    affine = axial_affine()
    (measurement,) = measure_block(draw(affine, LUMBAR.values()), affine)
    for name in ("lean_area", "fat_fraction", "fat_index"):
        assert measurement[f"multifidus_left_{name}"].reason == "no image was given"
    assert measurement["multifidus_left_area"].value is not None


def test_the_image_must_fit():
    with pytest.raises(ValueError, match=r"image must have the label map's shape \(1, 4, 4\), got \(1, 4, 5\)"):
        measure_block(np.zeros((1, 4, 4), dtype=np.uint8), axial_affine(), image=np.zeros((1, 4, 5)))


def test_a_muscle_without_signal_has_no_index():
    affine = axial_affine()
    label_map = draw(affine, LUMBAR.values())
    image = np.where(label_map == 3, 0.0, 100.0)
    (measurement,) = measure_block(label_map, affine, image=image, fat_method="none")
    assert "means nothing" in measurement["multifidus_total_fat_index"].reason


def test_without_the_packages_the_reason_says_how_to_install_them():
    """In a process of its own, in which scikit-learn and scikit-image cannot be imported."""
    code = (
        "import sys; sys.modules.update(sklearn=None, skimage=None)\n"
        "import numpy as np\n"
        "from LumbarSegLib.measurement.fat import find_fat_threshold\n"
        "signal = np.random.default_rng(0).normal(300, 30, 1000)\n"
        "print([find_fat_threshold(signal, method) for method in ('gmm3', 'otsu')])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "scikit-learn is not installed (pip install -c constraints.txt -e '.[fat]'" in result.stdout
    assert "scikit-image is not installed" in result.stdout

"""The sagittal series of a study names the lowest outlined disc, or says why it does not."""

import numpy as np
import pytest

from LumbarSegLib.phantom.dicom_images import Series, write_image
from LumbarSegLib.phantom.study import write_phantom_study
from LumbarSegLib.study_reading import open_study
from LumbarSegLib.study_reading.sagittal_levels import lowest_level_from_sagittal

SEED = 5
SIZE, SPACING_MM = 352, 0.8

# Middle of each disc (anterior, superior) in mm, its tilt and its depth: S2-S3,
# S1-S2, L5-S1 and upward, of a lordotic spine.
SACRAL = [((-33.0, -102.0), 48.0, 12.0), ((-15.0, -79.0), 42.0, 16.0)]
LUMBAR = [
    ((2.0, -54.0), 28.0, 38.0),
    ((10.0, -18.0), 10.0, 38.0),
    ((12.0, 20.0), 0.0, 38.0),
    ((10.0, 57.0), -6.0, 37.0),
    ((5.0, 93.0), -10.0, 36.0),
]
CENTERS = [(0.0, *center) for center, _, _ in LUMBAR]


def _picture(discs, *, t1=False):
    """Signal of a midsagittal plane: a column of vertebrae between fat, with the given discs in it."""
    row, column = np.mgrid[:SIZE, :SIZE]
    anterior, superior = (SIZE / 2 - column) * SPACING_MM, (SIZE / 2 - row) * SPACING_MM
    chain = sorted(discs, key=lambda disc: disc[0][1])
    heights = [center[1] for center, _, _ in chain]
    middle = np.interp(superior, heights, [center[0] for center, _, _ in chain])
    half_depth = np.interp(superior, heights, [depth / 2 for _, _, depth in chain])
    behind = middle - anterior - half_depth
    signal = np.full((SIZE, SIZE), 900.0)
    signal[(np.abs(behind) < 1.5) | (np.abs(anterior - middle - half_depth) < 1.5)] = 250  # cortex and ligaments
    signal[(behind >= 1.5) & (behind < 15)] = 350 if t1 else 1800  # the canal
    for (disc_anterior, disc_superior), tilt, depth in discs:
        radians = np.radians(tilt)
        front, up = anterior - disc_anterior, superior - disc_superior
        along = front * np.cos(radians) - up * np.sin(radians)
        across = front * np.sin(radians) + up * np.cos(radians)
        inside = (np.abs(along) < depth / 2) & (np.abs(across) < (2.5 if depth > 25 else 1.5))
        signal[inside] = 400
        if not t1:
            signal[inside & (np.abs(across) < 1.0) & (np.abs(along) < depth / 3)] = 950  # a nucleus as bright as marrow
    return signal


def _write(folder, number, description, picture, *, t1=False, rows=SIZE):
    """Write a sagittal series of seven equal slices; fewer rows end the image further up."""
    times = (550.0, 10.0) if t1 else (3500.0, 105.0)
    series = Series(SEED, number, description, *times, 4.0, 4.4)
    folder.mkdir(parents=True)
    rng = np.random.default_rng(number)
    for index in range(7):
        affine = np.eye(4)
        affine[:3, 0] = (0.0, SPACING_MM, 0.0)
        affine[:3, 1] = (0.0, 0.0, -SPACING_MM)
        affine[:3, 3] = ((index - 3) * 4.4, -SIZE / 2 * SPACING_MM, SIZE / 2 * SPACING_MM)
        noisy = np.abs(picture + 25 * rng.standard_normal(picture.shape))[:rows]
        write_image(folder / f"{index + 1:04d}.dcm", series, index + 1, noisy, affine)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A phantom study with a sagittal T2 and T1 series of a whole lumbar spine in place of its own."""
    folder = tmp_path_factory.mktemp("sagittal") / "study"
    write_phantom_study(folder, seed=SEED, shape_ji=(160, 160), spacing_mm=1.25)
    for path in (folder / "series-1").iterdir():
        path.unlink()
    _write(folder / "t2", 8, "T2 TSE sag lumbar", _picture(SACRAL + LUMBAR))
    _write(folder / "t1", 9, "T1 SE sag lumbar", _picture(SACRAL + LUMBAR, t1=True), t1=True)
    return open_study(folder)


def _series(tmp_path, picture, *, rows=SIZE):
    """Read a single sagittal T2 series, beside an axial phantom study of the same coordinate system."""
    folder = tmp_path / "study"
    write_phantom_study(folder, seed=SEED, shape_ji=(160, 160), spacing_mm=1.25)
    for path in (folder / "series-1").iterdir():
        path.unlink()
    _write(folder / "t2", 8, "T2 TSE sag lumbar", picture, rows=rows)
    return open_study(folder).sagittal_series


@pytest.mark.parametrize(
    ("lowest", "count", "text"), [(0, 4, "L5-S1"), (0, 1, "L5-S1"), (1, 3, "L4-L5"), (1, 1, "L4-L5"), (2, 2, "L3-L4")]
)
def test_the_lowest_outlined_disc_is_named(study, lowest, count, text):
    name = lowest_level_from_sagittal(study.sagittal_series, CENTERS[lowest : lowest + count])
    assert (name.text, name.source, name.confidence) == (text, "sagittal series", "medium")
    assert "T2 TSE sag lumbar" in name.reason
    assert "T1 SE sag lumbar" in name.reason
    assert "five lumbar vertebrae are assumed" in name.reason


def test_one_series_alone_gives_low_confidence(study):
    (t2,) = [series for series in study.sagittal_series if series.tags.number == 8]
    name = lowest_level_from_sagittal([t2], CENTERS[:3])
    assert (name.text, name.confidence) == ("L5-S1", "low")


def test_an_image_that_ends_below_the_discs_tells_nothing(tmp_path):
    rows = round((SIZE * SPACING_MM / 2 + 70) / SPACING_MM)
    name = lowest_level_from_sagittal(_series(tmp_path, _picture(SACRAL + LUMBAR), rows=rows), CENTERS[:3])
    assert not name.is_known
    assert "ends too near below" in name.reason


def test_discs_that_do_not_taper_tell_nothing(tmp_path):
    between = ((-15.0, -79.0), 42.0, 27.0)  # between a remnant and a full disc: transitional
    name = lowest_level_from_sagittal(_series(tmp_path, _picture([SACRAL[0], between, *LUMBAR])), CENTERS[:3])
    assert not name.is_known
    assert "mm deep against" in name.reason


def test_discs_that_the_image_does_not_show_tell_nothing(study):
    beside = [(right, anterior - 60.0, superior) for right, anterior, superior in CENTERS]
    name = lowest_level_from_sagittal(study.sagittal_series, beside)
    assert not name.is_known
    assert "does not show the outlined discs" in name.reason


def test_without_discs_or_series_the_level_is_unknown(study):
    assert lowest_level_from_sagittal(study.sagittal_series, []).reason == "no disc is outlined"
    assert "no sagittal T2 or T1 series" in lowest_level_from_sagittal([], CENTERS).reason


@pytest.mark.parametrize("lowest", [0, 1, 2, 3])
def test_the_real_study(shared_data_dir, lowest):
    """Its discs L5-S1 to L2-L3, as read from the sagittal images by eye; blocks left out below must not matter."""
    study = open_study(shared_data_dir / "dicom_study")
    centers = [(-0.6, 5.5, -80.4), (-4.4, 13.2, -43.1), (-3.6, 14.1, -3.7), (-0.5, 12.9, 36.1)][lowest:]
    name = lowest_level_from_sagittal(study.sagittal_series, centers)
    assert name.text == ("L5-S1", "L4-L5", "L3-L4", "L2-L3")[lowest]
    assert name.confidence == "medium"

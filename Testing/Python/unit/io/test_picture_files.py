from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image

from LumbarSegLib.errors import InputError
from LumbarSegLib.io.picture_files import PICTURE_SUFFIXES, read_picture


def smooth_grey() -> NDArray[np.uint8]:
    rows, columns = np.mgrid[:24, :32]
    return (4 * rows + 3 * columns).astype(np.uint8)


@pytest.mark.parametrize("suffix", PICTURE_SUFFIXES)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_grey_in_every_format(tmp_path: Path, suffix: str, mode: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(smooth_grey()).convert(mode).save(path)
    # JPEG is lossy.
    np.testing.assert_allclose(read_picture(path), smooth_grey(), atol=4 if suffix.startswith(".jp") else 0)


@pytest.mark.parametrize("mode", ["P", "LA", "RGBA"])
def test_palettes_and_opacity(tmp_path: Path, mode: str) -> None:
    Image.fromarray(smooth_grey()).convert(mode).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), smooth_grey())


def test_16_bits_are_kept(tmp_path: Path) -> None:
    pixels = smooth_grey().astype(np.uint16) * 200
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), pixels)


def test_color_is_refused(tmp_path: Path) -> None:
    pixels = np.stack([smooth_grey()] * 3, axis=-1)
    pixels[3, 4] = (255, 255, 0)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="is in color"):
        read_picture(tmp_path / "a.png")


def test_several_pages_are_refused(tmp_path: Path) -> None:
    page = Image.fromarray(smooth_grey())
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page])
    with pytest.raises(InputError, match="several pages"):
        read_picture(tmp_path / "a.tif")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_only_the_normal_orientation_is_taken(tmp_path: Path, suffix: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(smooth_grey()).save(tmp_path / f"a{suffix}", exif=exif)
    if orientation == 1:
        assert read_picture(tmp_path / f"a{suffix}").shape == (24, 32)
        return
    with pytest.raises(InputError, match=rf"turned or mirrored \(EXIF orientation {orientation}\)"):
        read_picture(tmp_path / f"a{suffix}")


@pytest.mark.parametrize("suffix", PICTURE_SUFFIXES)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.6])
def test_truncated_pictures_are_refused(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match="cannot be read: it is truncated or damaged"):
        read_picture(path)

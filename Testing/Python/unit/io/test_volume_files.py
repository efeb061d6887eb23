from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from numpy.typing import NDArray

from LumbarSegLib.errors import InputError
from LumbarSegLib.io.volume_files import VOLUME_SUFFIXES, read_volume
from LumbarSegLib.io.volume_headers import StatedGeometry

SHAPE_KJI = (3, 8, 6)


def some_image() -> NDArray[np.int16]:
    return np.random.default_rng(0).integers(-100, 4000, SHAPE_KJI, dtype=np.int16)


def write(path: Path, array: NDArray[np.generic] | None = None, *, is_vector: bool = False) -> Path:
    """Write a volume turned by 20 degrees about the left-right axis."""
    image = SimpleITK.GetImageFromArray(some_image() if array is None else array, isVector=is_vector)
    if image.GetDimension() == 3:
        cosine, sine = np.cos(np.radians(20)), np.sin(np.radians(20))
        image.SetDirection([1, 0, 0, 0, cosine, -sine, 0, sine, cosine])
        image.SetSpacing((0.5, 0.6, 4.4))
        image.SetOrigin((-10.0, -20.0, 30.0))
    SimpleITK.WriteImage(image, str(path))
    return path


def edit_nifti(path: Path, *edits: tuple[int, str, tuple[float, ...]]) -> Path:
    content = bytearray(path.read_bytes())
    for offset, layout, values in edits:
        struct.pack_into(f"<{layout}", content, offset, *values)
    path.write_bytes(content)
    return path


def drop_line(path: Path, start: bytes) -> Path:
    content = path.read_bytes()
    begin = content.index(start)
    path.write_bytes(content[:begin] + content[content.index(b"\n", begin) + 1 :])
    return path


@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
def test_every_format_gives_the_same_volume(tmp_path: Path, suffix: str) -> None:
    volume = read_volume(write(tmp_path / f"a{suffix}"))
    np.testing.assert_array_equal(volume.image, some_image())
    assert volume.image.dtype == np.float32
    cosine, sine = np.cos(np.radians(20)), np.sin(np.radians(20))
    expected = [
        [-0.5, 0, 0, 10],
        [0, -0.6 * cosine, 4.4 * sine, 20],
        [0, 0.6 * sine, 4.4 * cosine, 30],
        [0, 0, 0, 1],
    ]
    np.testing.assert_allclose(volume.affine_ijk_to_ras, expected, atol=1e-5)
    assert volume.stated == StatedGeometry(has_spacing=True, has_orientation=True)


def test_suffixes_in_capitals(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nii.gz").rename(tmp_path / "A.NII.GZ")
    np.testing.assert_array_equal(read_volume(path).image, some_image())


@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
@pytest.mark.parametrize("num_kept", [0, 40, -10])
def test_truncated_files_are_refused(tmp_path: Path, suffix: str, num_kept: int, capfd: pytest.CaptureFixture) -> None:
    path = write(tmp_path / f"a{suffix}")
    data = next((item for item in tmp_path.iterdir() if item.suffix in (".raw", ".zraw")), path)
    data.write_bytes(data.read_bytes()[:num_kept])
    with pytest.raises(InputError, match=r"The volume .*a\.\w+.* cannot be read: it is truncated or damaged"):
        read_volume(path)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("suffix", [".nhdr", ".mhd"])
def test_a_header_without_its_data_file_is_refused(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a{suffix}")
    for item in tmp_path.glob("*raw*"):
        item.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        read_volume(path)


def test_compressed_metaimage(tmp_path: Path) -> None:
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(some_image()), str(tmp_path / "a.mha"), useCompression=True)
    np.testing.assert_array_equal(read_volume(tmp_path / "a.mha").image, some_image())


def test_big_endian_nifti(tmp_path: Path) -> None:
    """Swap every field that the reader looks at, and the voxels."""
    content = bytearray(write(tmp_path / "a.nii").read_bytes())
    for offset, layout in ((0, "i"), (40, "8h"), (70, "2h"), (76, "8f"), (108, "3f"), (252, "2h"), (256, "18f")):
        struct.pack_into(f">{layout}", content, offset, *struct.unpack_from(f"<{layout}", content, offset))
    content[352:] = np.frombuffer(content[352:], "<i2").astype(">i2").tobytes()
    (tmp_path / "a.nii").write_bytes(content)
    np.testing.assert_array_equal(read_volume(tmp_path / "a.nii").image, some_image())


NO_CODES = (252, "2h", (0, 0))
OPEN_GEOMETRY: dict[str, tuple[str, Callable[[Path], Path], StatedGeometry]] = {
    "NIfTI without codes": (".nii", lambda path: edit_nifti(path, NO_CODES), StatedGeometry(True, False)),
    "NIfTI with pixdim 0": (
        ".nii",
        lambda path: edit_nifti(path, NO_CODES, (80, "3f", (0.0, 0.0, 0.0))),
        StatedGeometry(False, False),
    ),
    "MetaImage without spacing": (
        ".mha",
        lambda path: drop_line(path, b"ElementSpacing"),
        StatedGeometry(False, True),
    ),
    "MetaImage without matrix": (
        ".mha",
        lambda path: drop_line(path, b"TransformMatrix"),
        StatedGeometry(True, False),
    ),
    "NRRD without directions": (
        ".nrrd",
        lambda path: drop_line(drop_line(drop_line(path, b"space dir"), b"space origin"), b"space:"),
        StatedGeometry(False, False),
    ),
}


@pytest.mark.parametrize(("suffix", "change", "stated"), OPEN_GEOMETRY.values(), ids=OPEN_GEOMETRY.keys())
def test_what_a_file_leaves_open_is_told(
    tmp_path: Path, suffix: str, change: Callable[[Path], Path], stated: StatedGeometry
) -> None:
    volume = read_volume(change(write(tmp_path / f"a{suffix}")))
    assert volume.stated == stated
    np.testing.assert_array_equal(volume.image, some_image())


@pytest.mark.parametrize("suffix", [".nii", ".nrrd", ".mha"])
def test_two_dimensions_make_one_slice_without_orientation(tmp_path: Path, suffix: str) -> None:
    volume = read_volume(write(tmp_path / f"a{suffix}", some_image()[0]))
    np.testing.assert_array_equal(volume.image, some_image()[:1])
    assert volume.stated == StatedGeometry(has_spacing=True, has_orientation=False)


def test_a_fourth_axis_of_length_one_is_dropped_and_a_longer_one_refused(tmp_path: Path) -> None:
    volume = SimpleITK.GetImageFromArray(some_image())
    SimpleITK.WriteImage(SimpleITK.JoinSeries([volume]), str(tmp_path / "one.nii"))
    np.testing.assert_array_equal(read_volume(tmp_path / "one.nii").image, some_image())
    SimpleITK.WriteImage(SimpleITK.JoinSeries([volume, volume]), str(tmp_path / "two.nii"))
    with pytest.raises(InputError, match="has 4 axes"):
        read_volume(tmp_path / "two.nii")


@pytest.mark.parametrize("array", [np.zeros((*SHAPE_KJI, 3), np.uint8), np.zeros((*SHAPE_KJI, 2), np.float32)])
def test_color_and_vectors_are_refused(tmp_path: Path, array: NDArray[np.generic]) -> None:
    with pytest.raises(InputError, match="several values per voxel"):
        read_volume(write(tmp_path / "a.nrrd", array, is_vector=True))


def test_complex_values_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="several values per voxel"):
        read_volume(write(tmp_path / "a.nii", some_image().astype(np.complex64)))


def test_sheared_grids_are_refused(tmp_path: Path) -> None:
    path = edit_nifti(
        write(tmp_path / "a.nii"), (252, "2h", (0, 1)), (280, "12f", (-0.5, *[0] * 4, -0.6, 1, 0, 0, 0, 4, 0))
    )
    with pytest.raises(InputError, match=r"axes of .* are not perpendicular"):
        read_volume(path)
    path = write(tmp_path / "a.nrrd")
    content = path.read_bytes()
    begin = content.index(b"space directions")
    end = content.index(b"\n", begin)
    path.write_bytes(content[:begin] + b"space directions: (0.5,0,0) (0,0.5,0) (0,2,4)" + content[end:])
    with pytest.raises(InputError, match=r"axes of .* are not perpendicular"):
        read_volume(path)


def test_a_name_that_does_not_fit_the_compression_is_told(tmp_path: Path) -> None:
    write(tmp_path / "a.nii.gz").rename(tmp_path / "a.nii")
    with pytest.raises(InputError, match=r"a\.nii is compressed, but its name does not say so\. Rename"):
        read_volume(tmp_path / "a.nii")
    write(tmp_path / "b.nii").rename(tmp_path / "b.nii.gz")
    with pytest.raises(InputError, match=r"b\.nii\.gz is not compressed, but its name says so\. Rename"):
        read_volume(tmp_path / "b.nii.gz")


@pytest.mark.parametrize("order", "<>")
def test_nifti_2_is_named_as_such(tmp_path: Path, order: str) -> None:
    header = struct.pack(f"{order}i", 540) + b"n+2\0\r\n\x1a\n" + bytes(532)
    (tmp_path / "a.nii").write_bytes(header)
    with pytest.raises(InputError, match="is a NIfTI-2 file"):
        read_volume(tmp_path / "a.nii")


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX systems alone")
def test_a_name_that_itk_cannot_take_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "\udcfc.nii"
    path.write_bytes(write(tmp_path / "a.nii").read_bytes())
    with pytest.raises(InputError, match="is not valid UTF-8"):
        read_volume(path)


def test_values_beyond_single_precision_are_infinite(tmp_path: Path) -> None:
    assert np.isinf(read_volume(write(tmp_path / "a.nrrd", np.full(SHAPE_KJI, 1e300))).image).all()


def test_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    for name in ("a.nii", "a.nii.gz", "a.nrrd", "a.mha"):
        (tmp_path / name).write_bytes(gzip.compress(b"x" * 500) if name.endswith("gz") else b"x" * 500)
        with pytest.raises(InputError, match="cannot be read"):
            read_volume(tmp_path / name)

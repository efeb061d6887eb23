from __future__ import annotations

import errno
import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from numpy.typing import NDArray

from LumbarSegLib.io.label_maps import read_label_map, write_label_map

#: The header holds single precision: 1e-5 mm at 100 mm.
TOLERANCE_MM = 2e-5


def rotation(axis: int, degrees: float) -> NDArray[np.float64]:
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(3)
    first, second = (index for index in range(3) if index != axis)
    matrix[first, first] = matrix[second, second] = cosine
    matrix[first, second], matrix[second, first] = -sine, sine
    return matrix


def grid(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    affine = np.eye(4)
    affine[:3, :3] = directions * (0.5078, 0.5078, 4.3)
    affine[:3, 3] = (130.03, 99.93, -123.84)
    return affine


OBLIQUE = rotation(0, 22.3) @ rotation(2, 3.1) @ rotation(1, -1.7)
GRIDS = {
    "ras": grid(np.eye(3)),
    "lps": grid(np.diag([-1.0, -1.0, 1.0])),
    "oblique": grid(OBLIQUE @ np.diag([-1.0, -1.0, 1.0])),
    "left-handed": grid(np.diag([-1.0, 1.0, 1.0])),
    "left-handed, oblique": grid(OBLIQUE @ np.diag([-1.0, 1.0, 1.0])),
    "axes exchanged, left-handed": grid(OBLIQUE[:, [1, 0, 2]]),
}


def some_labels() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 8, (4, 6, 5), dtype=np.uint8)


def qform_of(header: bytes) -> NDArray[np.float64]:
    """Build the affine from the quaternion of a NIfTI-1 header (nifti1.h, method 2)."""
    pixdim = struct.unpack_from("<8f", header, 76)
    b, c, d, *offset = struct.unpack_from("<6f", header, 256)
    a = np.sqrt(max(0.0, 1.0 - b * b - c * c - d * d))
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    affine = np.eye(4)
    affine[:3, :3] = turn * (pixdim[1], pixdim[2], pixdim[3] * (-1 if pixdim[0] < 0 else 1))
    affine[:3, 3] = offset
    return affine


@pytest.mark.parametrize("affine", GRIDS.values(), ids=GRIDS.keys())
def test_labels_and_both_transforms_hold_the_grid(tmp_path: Path, affine: NDArray[np.float64]) -> None:
    path = tmp_path / "labels.nii.gz"
    write_label_map(path, some_labels(), affine)

    # The header and the voxels themselves, by the definition of the format.
    content = gzip.decompress(path.read_bytes())
    assert struct.unpack_from("<8h", content, 40) == (3, 5, 6, 4, 1, 1, 1, 1)
    qform_code, sform_code = struct.unpack_from("<2h", content, 252)
    assert qform_code > 0
    assert sform_code > 0
    sform = np.reshape(struct.unpack_from("<12f", content, 280), (3, 4))
    np.testing.assert_allclose(sform, affine[:3], atol=TOLERANCE_MM)
    np.testing.assert_allclose(qform_of(content), affine, atol=10 * TOLERANCE_MM)
    np.testing.assert_array_equal(np.frombuffer(content[352:], np.uint8).reshape(4, 6, 5), some_labels())

    label_map, read_affine = read_label_map(path)
    np.testing.assert_array_equal(label_map, some_labels())
    np.testing.assert_allclose(read_affine, affine, atol=TOLERANCE_MM)


@pytest.mark.parametrize("affine", GRIDS.values(), ids=GRIDS.keys())
def test_nrrd_holds_the_grid_in_full(tmp_path: Path, affine: NDArray[np.float64]) -> None:
    path = tmp_path / "labels.nrrd"
    write_label_map(path, some_labels(), affine)
    label_map, read_affine = read_label_map(path)  # by ITK, which knows nothing of our writer
    np.testing.assert_array_equal(label_map, some_labels())
    np.testing.assert_allclose(read_affine, affine, rtol=0, atol=1e-12)
    assert SimpleITK.ReadImage(str(path)).GetPixelID() == SimpleITK.sitkUInt8
    write_label_map(tmp_path / "again.nrrd", some_labels(), affine)
    assert (tmp_path / "again.nrrd").read_bytes() == path.read_bytes()


def test_one_slice_and_no_compression(tmp_path: Path) -> None:
    write_label_map(tmp_path / "labels.nii", some_labels()[:1], GRIDS["oblique"])
    label_map, affine = read_label_map(tmp_path / "labels.nii")
    np.testing.assert_array_equal(label_map, some_labels()[:1])
    np.testing.assert_allclose(affine, GRIDS["oblique"], atol=TOLERANCE_MM)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("name", ["labels.nii", "labels.nii.gz", "labels.nrrd"])
def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as caught:
        write_label_map(tmp_path / name, some_labels(), GRIDS["ras"])
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(tmp_path / name)


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    write_label_map(tmp_path / "\udcfc.nii", some_labels(), GRIDS["ras"])
    assert (tmp_path / "\udcfc.nii").read_bytes()[352:] == some_labels().tobytes()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_half_turns(tmp_path: Path, axis: int) -> None:
    """Part a of the quaternion is zero; the other parts must be right all the same."""
    affine = grid(rotation(axis, 180.0))
    write_label_map(tmp_path / "labels.nii", some_labels(), affine)
    np.testing.assert_allclose(qform_of((tmp_path / "labels.nii").read_bytes()), affine, atol=1e-4)


def test_unfit_arguments_are_refused(tmp_path: Path) -> None:
    sheared = GRIDS["ras"].copy()
    sheared[1, 2] = 0.5
    with pytest.raises(ValueError, match="perpendicular"):
        write_label_map(tmp_path / "a.nii.gz", some_labels(), sheared)
    with pytest.raises(ValueError, match="perpendicular"):
        write_label_map(tmp_path / "a.nii.gz", some_labels(), np.zeros((4, 4)))
    with pytest.raises(ValueError, match=r"must be \(K, J, I\) of uint8, got \(4, 6, 5\) of int64"):
        write_label_map(tmp_path / "a.nii.gz", some_labels().astype(np.int64), GRIDS["ras"])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"must end in \.nii"):
        write_label_map(tmp_path / "a.mha", some_labels(), GRIDS["ras"])
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_no_label_maps(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no label map at"):
        read_label_map(tmp_path / "absent.nii.gz")
    (tmp_path / "junk.nii.gz").write_bytes(b"junk")
    with pytest.raises(ValueError, match="cannot be read as a label map"):
        read_label_map(tmp_path / "junk.nii.gz")
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.full((2, 3, 4), 0.5)), str(tmp_path / "gray.nii.gz"))
    with pytest.raises(ValueError, match="one whole number from 0 to 255"):
        read_label_map(tmp_path / "gray.nii.gz")

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from dicom_factory import (
    AXIAL,
    SAGITTAL,
    T2_TAGS,
    make_dataset,
    make_pixels,
    normal_of,
    save,
    tilted_axial,
    write_enhanced,
    write_series,
)
from lumbar_ellipses import turn_about
from numpy.typing import NDArray
from PIL import Image

from LumbarSegLib import geometry
from LumbarSegLib.io.label_maps import read_label_map, write_label_map
from LumbarSegLib.io.study import Study
from LumbarSegLib.phantom.study import write_phantom_study
from LumbarSegLib.study_reading import open_study


def shapes(study: Study) -> list[tuple[int, ...]]:
    return [block.image.shape for block in study.blocks]


def test_the_real_study(shared_data_dir: Path) -> None:
    study = open_study(shared_data_dir / "dicom_study")
    assert study.series_choice.startswith("Series 6 (UID 1.2.392.200036.9116.4.1.6847.642781.6001) was chosen")
    assert "the only axial T2-weighted series of 6 series (SE, TE 100 ms, TR 3502 ms)" in study.series_choice
    assert study.warnings == ()
    assert shapes(study) == [(4, 512, 512), (5, 512, 512), (4, 512, 512), (4, 512, 512)]
    for block in study.blocks:
        assert block.spacing_kji_mm == pytest.approx((4.3, 0.5078, 0.5078), abs=1e-4)
        assert block.slice_thickness_mm == 4.0
        assert block.slice_distance_mm == pytest.approx(4.3, abs=1e-3)
        assert block.slice_gap_mm == pytest.approx(0.3, abs=1e-3)
    tilts = [geometry.axial_tilt_deg(block.affine_ijk_to_ras) for block in study.blocks]
    assert tilts == pytest.approx([22.33, 10.58, 2.0, 0.27], abs=0.01)


def test_every_pixel_of_the_real_study_lies_where_its_own_tags_say(shared_data_dir: Path) -> None:
    study = open_study(shared_data_dir / "dicom_study")
    for block in study.blocks:
        for k, source in enumerate(block.slice_sources):
            dataset = pydicom.dcmread(study.source / source)
            np.testing.assert_array_equal(block.image[k], dataset.pixel_array)
            along_i, along_j = np.reshape(dataset.ImageOrientationPatient, (2, 3)).astype(float)
            row_mm, column_mm = map(float, dataset.PixelSpacing)
            far_corner = np.array(dataset.ImagePositionPatient, float) + 511 * (along_i * column_mm + along_j * row_mm)
            found = geometry.positions_ras_mm(block.affine_ijk_to_ras, np.array([[511, 511, k]]))[0]
            # Tags are rounded to 1e-4 mm.
            np.testing.assert_allclose(found, far_corner * (-1, -1, 1), atol=1e-3)


@pytest.mark.parametrize(
    "stored",
    [{}, {"flip_rows": True}, {"flip_columns": True}, {"transpose": True, "flip_rows": True}],
    ids=lambda stored: " ".join(stored) or "as read",
)
def test_a_phantom_study_is_read_on_its_true_grids(tmp_path: Path, stored: dict[str, bool]) -> None:
    truth = write_phantom_study(tmp_path / "study", seed=3, shape_ji=(72, 80), spacing_mm=2.5, **stored)
    study = open_study(tmp_path / "study")
    assert truth.series_uid in study.series_choice
    assert len(study.blocks) == len(truth.blocks)
    for block, true_block in zip(study.blocks, truth.blocks, strict=True):
        np.testing.assert_allclose(block.affine_ijk_to_ras, true_block.affine_ijk_to_ras, atol=1e-3)
        uids = [pydicom.dcmread(study.source / source).SOPInstanceUID for source in block.slice_sources]
        assert uids == [item.sop_instance_uid for item in true_block.slices]


def test_every_warning_goes_to_the_log_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    paths = write_series(tmp_path, 5, **T2_TAGS)
    paths[2].unlink()
    shutil.copy(paths[0], tmp_path / "copy")
    study = open_study(tmp_path)
    assert len(study.warnings) == 2
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == list(study.warnings)


def test_warnings_name_their_series_where_several_were_asked_for(tmp_path: Path) -> None:
    for number, height in ((1, 60.0), (2, 0.0)):
        paths = write_series(tmp_path, 3, number=number, first_position_mm=(-6, -5, height), **T2_TAGS)
        shutil.copy(paths[0], tmp_path / f"copy-{number}")
    study = open_study(tmp_path, series="1.2.1.1,1.2.1.2")
    assert [warning[:30] for warning in study.warnings] == [
        "series 1 't2_tse_tra': Positio",
        "series 2 't2_tse_tra': Positio",
    ]


@pytest.mark.parametrize("angles_deg", [(22.0, -3.0, 5.0), (-14.0, 7.0, 2.0), (33.0, -9.0, 4.0), (5.0, 1.0, -30.0)])
def test_rounded_direction_cosines_make_a_rectangular_grid(
    tmp_path: Path, angles_deg: tuple[float, float, float]
) -> None:
    """Three digits leave up to 0.06 degrees between the axes and a right angle; writing accepts 0.006."""
    turn = np.linalg.multi_dot([turn_about(axis, angle) for axis, angle in enumerate(angles_deg)])
    cosines = np.round(turn[:, :2].T.ravel(), 3)
    assert abs(cosines[:3] @ cosines[3:]) > 1e-4
    pixels = [0.507812, 0.507812]
    write_series(tmp_path / "study", 3, cosines=tuple(map(float, cosines)), **T2_TAGS, PixelSpacing=pixels)
    (block,) = open_study(tmp_path / "study").blocks
    assert block.spacing_kji_mm[1:] == pytest.approx(pixels, rel=1e-12)
    directions = block.affine_ijk_to_ras[:3, :3] / np.linalg.norm(block.affine_ijk_to_ras[:3, :3], axis=0)
    np.testing.assert_allclose(directions.T @ directions, np.eye(3), atol=1e-12)
    # No axis is turned by more than the rounding.
    np.testing.assert_allclose(directions[:, :2], np.diag([-1, -1, 1]) @ turn[:, :2], atol=1.2e-3)
    write_label_map(tmp_path / "labels.nii.gz", (block.image > 2000).astype(np.uint8), block.affine_ijk_to_ras)
    np.testing.assert_allclose(read_label_map(tmp_path / "labels.nii.gz")[1], block.affine_ijk_to_ras, atol=2e-5)


def test_sources_are_named_from_the_folder_on_that_was_read(tmp_path: Path) -> None:
    (path,) = write_series(tmp_path / "study" / "deep", 1, **T2_TAGS)
    other = save(make_dataset(make_pixels(9), (-6, -5, 4.4), **T2_TAGS, SeriesInstanceUID="1.2.1.1"), tmp_path / "b")
    name = str(Path("deep", "1-0.dcm"))
    assert open_study(tmp_path / "study").blocks[0].slice_sources == (name,)
    assert open_study([tmp_path / "study", other]).blocks[0].slice_sources == (name, str(other))
    assert open_study(path).blocks[0].slice_sources == ("1-0.dcm",)


def test_a_messy_folder(tmp_path: Path) -> None:
    """Two oblique blocks in one series, twice on the disk, a missing slice, a file without preamble, and noise."""
    low = write_series(
        tmp_path / "A", 4, cosines=tilted_axial(20), first_position_mm=(-6, -5, -40), **T2_TAGS, number=5
    )
    write_series(tmp_path / "B" / "C", 5, number=6, **T2_TAGS, SeriesInstanceUID="1.2.1.5", SeriesNumber=5)
    write_series(tmp_path, 3, number=7, cosines=SAGITTAL, **T2_TAGS)
    (tmp_path / "B" / "C" / "6-3.dcm").unlink()
    shutil.copy(low[0], tmp_path / "copy-of-a-slice")
    bare = pydicom.dcmread(low[1])
    del bare.SOPClassUID
    bare.file_meta = pydicom.dataset.FileMetaDataset()
    bare.preamble = None
    bare.save_as(low[1], implicit_vr=True, little_endian=True, enforce_file_format=False)
    (tmp_path / "README.txt").write_text("A study.")
    (tmp_path / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")

    study = open_study(tmp_path)
    assert [len(block.image) for block in study.blocks] == [4, 3, 1]
    np.testing.assert_array_equal(study.blocks[0].image[1], make_pixels(501))
    assert [block.series_uid for block in study.blocks] == ["1.2.1.5"] * 3
    for part in ("copies of one image", "A slice seems to be missing between", "Damaged or empty files left out: 1"):
        assert sum(part in warning for warning in study.warnings) == 1
    assert len(study.warnings) == 3


def test_a_dicomdir_stands_for_its_folder_and_single_files_for_themselves(tmp_path: Path) -> None:
    paths = write_series(tmp_path, 3, **T2_TAGS)
    (tmp_path / "DICOMDIR").write_bytes(b"")
    assert shapes(open_study(tmp_path / "DICOMDIR")) == [(3, 20, 24)]
    assert shapes(open_study(str(paths[1]))) == [(1, 20, 24)]
    assert shapes(open_study(paths[:2])) == [(2, 20, 24)]


def test_complementary_series_are_joined_on_request(tmp_path: Path) -> None:
    write_series(tmp_path, 3, number=1, first_position_mm=(-6, -5, 60), **T2_TAGS)
    write_series(tmp_path, 4, number=2, cosines=tilted_axial(25), **T2_TAGS)
    study = open_study(tmp_path, series="1.2.1.1,1.2.1.2")
    assert [(len(block.image), block.series_uid) for block in study.blocks] == [(4, "1.2.1.2"), (3, "1.2.1.1")]


def test_enhanced_multi_frame_study(tmp_path: Path) -> None:
    pixels = np.stack([make_pixels(k) for k in range(6)])
    cosines = tilted_axial(15)
    heights = [0.0, 4.0, 8.0, 50.0, 54.0, 58.0]
    # Frames from the head down.
    positions = [height * normal_of(cosines) for height in heights[::-1]]
    write_enhanced(tmp_path / "enhanced", pixels, positions, cosines)
    study = open_study(tmp_path)
    assert shapes(study) == [(3, 20, 24), (3, 20, 24)]
    assert study.blocks[0].slice_thickness_mm == 4.0
    np.testing.assert_array_equal(study.blocks[0].image[0], pixels[5] * 6.0)
    np.testing.assert_allclose(study.blocks[1].affine_ijk_to_ras[:3, 3], positions[2] * (-1, -1, 1), atol=1e-9)


def test_slices_of_other_planes_in_the_series_are_left_out(tmp_path: Path) -> None:
    write_series(tmp_path, 3, **T2_TAGS)
    save(make_dataset(make_pixels(9), (0, 0, 0), SAGITTAL, **T2_TAGS), tmp_path / "scout.dcm")
    study = open_study(tmp_path)
    assert shapes(study) == [(3, 20, 24)]
    assert study.warnings == ("Slices of the series left out because they are not axial: 1.",)


def test_spacing_is_given_where_the_tags_lack_it(tmp_path: Path) -> None:
    write_series(tmp_path, 2, PixelSpacing=None, **T2_TAGS)
    assert open_study(tmp_path, spacing_mm=0.7).blocks[0].spacing_kji_mm == pytest.approx((4.4, 0.7, 0.7))


def write_volume(path: Path, array: NDArray[np.generic], affine: NDArray[np.float64]) -> None:
    lps = geometry.lps_to_ras(affine)
    image = SimpleITK.GetImageFromArray(array)
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    SimpleITK.WriteImage(image, str(path))


def oblique_affine(step_mm: float = 4.4, z_mm: float = 0.0) -> NDArray[np.float64]:
    cosine, sine = np.cos(np.radians(20)), np.sin(np.radians(20))
    turn = np.array([[-1, 0, 0], [0, -cosine, sine], [0, sine, cosine]])
    affine = np.eye(4)
    affine[:3, :3] = turn * (0.5, 0.6, step_mm)
    affine[:3, 3] = (12.0, 34.0, z_mm)
    return affine


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("step_mm", [4.4, -4.4])
def test_a_volume_keeps_its_own_grid(tmp_path: Path, suffix: str, step_mm: float) -> None:
    array = np.random.default_rng(0).random((3, 20, 24), dtype=np.float32)
    write_volume(tmp_path / f"a{suffix}", array, oblique_affine(step_mm))
    study = open_study(tmp_path / f"a{suffix}")
    (block,) = study.blocks
    np.testing.assert_array_equal(block.image, array)
    np.testing.assert_allclose(block.affine_ijk_to_ras, oblique_affine(step_mm), atol=1e-5)
    assert block.orientation_known
    assert study.warnings == ()
    # What is written for the block lies on the grid of the input.
    write_label_map(tmp_path / "labels.nii.gz", (array > 0.5).astype(np.uint8), block.affine_ijk_to_ras)
    np.testing.assert_allclose(read_label_map(tmp_path / "labels.nii.gz")[1], oblique_affine(step_mm), atol=2e-5)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_volume_with_its_slices_along_another_axis_is_turned(tmp_path: Path, axis: int) -> None:
    array = np.random.default_rng(0).random((3, 20, 24), dtype=np.float32)
    order = [0, 1, 2]
    order[axis], order[2] = 2, axis
    write_volume(tmp_path / "a.nii.gz", np.swapaxes(array, 0, 2 - axis), oblique_affine()[:, [*order, 3]])
    study = open_study(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(study.blocks[0].image, array)
    np.testing.assert_allclose(study.blocks[0].affine_ijk_to_ras, oblique_affine(), atol=1e-5)
    assert f"lie along axis {'ij'[axis]}" in study.warnings[0]


def test_a_volume_of_few_values_is_taken_for_a_label_map(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).integers(0, 8, (3, 20, 24), dtype=np.uint8)
    write_volume(tmp_path / "a.nrrd", labels, oblique_affine())
    (warning,) = open_study(tmp_path / "a.nrrd").warnings
    assert "has only 8 different values and looks like a label map" in warning
    write_volume(tmp_path / "b.nrrd", labels + 8 * (labels[::-1] > 3), oblique_affine())
    assert open_study(tmp_path / "b.nrrd").warnings == ()


def test_several_volumes_are_blocks_from_caudal_to_cranial(tmp_path: Path) -> None:
    array = np.random.default_rng(0).random((3, 20, 24), dtype=np.float32)
    for name, height in (("a.nrrd", 40.0), ("b.nii", -40.0), ("c.mha", 0.0)):
        write_volume(tmp_path / name, array, oblique_affine(z_mm=height))
    study = open_study([tmp_path / name for name in ("a.nrrd", "b.nii", "c.mha")])
    assert [block.slice_sources[0] for block in study.blocks] == ["b.nii", "c.mha", "a.nrrd"]
    assert study.source == tmp_path / "a.nrrd"


def test_a_volume_without_spacing_takes_the_given_one_and_keeps_its_directions(tmp_path: Path) -> None:
    array = np.random.default_rng(0).random((3, 20, 24), dtype=np.float32)
    write_volume(tmp_path / "a.mha", array, oblique_affine())
    content = (tmp_path / "a.mha").read_bytes()
    begin = content.index(b"ElementSpacing")
    (tmp_path / "a.mha").write_bytes(content[:begin] + content[content.index(b"\n", begin) + 1 :])
    (block,) = open_study(tmp_path / "a.mha", spacing_mm=0.55).blocks
    assert block.spacing_kji_mm == pytest.approx((1.0, 0.55, 0.55))
    assert geometry.axial_tilt_deg(block.affine_ijk_to_ras) == pytest.approx(20.0)
    assert block.slice_distance_mm is None


def test_a_two_dimensional_file_is_read_as_a_picture_with_its_own_spacing(tmp_path: Path) -> None:
    image = SimpleITK.GetImageFromArray(make_pixels(0))
    image.SetSpacing((0.5, 0.6))
    image.SetDirection((-1.0, 0.0, 0.0, 1.0))
    SimpleITK.WriteImage(image, str(tmp_path / "a.mha"))
    study = open_study(tmp_path / "a.mha")
    (block,) = study.blocks
    np.testing.assert_array_equal(block.image[0], make_pixels(0))
    np.testing.assert_allclose(block.affine_ijk_to_ras, np.diag([-0.5, -0.6, 1.0, 1.0]))
    assert not block.orientation_known
    assert "check the sides" in study.warnings[0]


def test_a_picture_is_read_as_a_radiological_axial_image(tmp_path: Path) -> None:
    Image.fromarray(make_pixels(0).astype(np.uint8)).save(tmp_path / "a.png")
    study = open_study(tmp_path / "a.png", spacing_mm=0.4)
    (block,) = study.blocks
    assert block.image.shape == (1, 20, 24)
    assert not block.orientation_known
    assert "check the sides" in study.warnings[0]
    assert block.spacing_kji_mm[1:] == (0.4, 0.4)
    # Reading order already: the patient's right at the left edge, the front at the top.
    orientation = geometry.in_plane_orientation(block.affine_ijk_to_ras)
    assert orientation == geometry.InPlaneOrientation(transpose=False, flip_rows=False, flip_columns=False)
    corner, opposite = geometry.positions_ras_mm(block.affine_ijk_to_ras, np.array([[0, 0, 0], [23, 19, 0]]))
    assert corner[0] > opposite[0]
    assert corner[1] > opposite[1]


def test_directions_of_the_factory_are_those_of_the_body() -> None:
    """The planes that the tests above rely on, by the definition of DICOM."""
    assert normal_of(AXIAL).tolist() == [0, 0, 1]
    assert abs(normal_of(SAGITTAL)).tolist() == [1, 0, 0]

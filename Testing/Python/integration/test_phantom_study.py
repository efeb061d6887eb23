"""The phantom study as files: other libraries read it, and its geometry and truth fit its pixels."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK

from LumbarSegLib import anatomy, geometry
from LumbarSegLib.errors import InputError
from LumbarSegLib.phantom import shapes
from LumbarSegLib.phantom.shapes import draw_slice_shape
from LumbarSegLib.phantom.study import PhantomStudy, write_phantom_study

PAIRED = [entry.key for entry in anatomy.ANATOMIES if entry.is_paired]


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> PhantomStudy:
    return write_phantom_study(tmp_path_factory.mktemp("phantom") / "study", seed=3)


def read_instances(folder: Path) -> dict[str, pydicom.Dataset]:
    """Return every image of a folder by its SOP instance UID."""
    datasets = [pydicom.dcmread(path) for path in sorted(folder.rglob("*.dcm"))]
    return {str(dataset.SOPInstanceUID): dataset for dataset in datasets}


def affine_to_ras(dataset: pydicom.Dataset) -> np.ndarray:
    """Return the in-plane columns and the origin of DICOM's equation C.7.6.2.1-1, in RAS."""
    row_spacing, column_spacing = dataset.PixelSpacing
    affine = np.eye(4)
    affine[:3, 0] = np.array(dataset.ImageOrientationPatient[:3], dtype=float) * column_spacing
    affine[:3, 1] = np.array(dataset.ImageOrientationPatient[3:], dtype=float) * row_spacing
    affine[:3, 3] = dataset.ImagePositionPatient
    affine[:2] *= -1
    return affine


def side_areas_mm2(label_map: np.ndarray, affine: np.ndarray, index: int, middle_mm: float) -> tuple[float, float]:
    """Return the areas of a structure to the patient's left and right of `middle_mm` (R axis)."""
    rows, columns = np.nonzero(label_map == index)
    right_mm = geometry.positions_ras_mm(affine, np.column_stack([columns, rows, np.zeros_like(rows)]))[:, 0]
    pixel = geometry.pixel_area_mm2(affine)
    return pixel * np.count_nonzero(right_mm < middle_mm), pixel * np.count_nonzero(right_mm > middle_mm)


def test_series_are_those_of_a_lumbar_study(study):
    instances = read_instances(study.folder).values()
    assert {dataset.StudyInstanceUID for dataset in instances} == {study.study_uid}
    counts = {}
    for dataset in instances:
        counts[dataset.SeriesDescription] = counts.get(dataset.SeriesDescription, 0) + 1
    assert counts == {"T2 TSE ax": 9, "T1 SE ax": 9, "T2 TSE sag": 5}
    axial = [dataset for dataset in instances if dataset.SeriesInstanceUID == study.series_uid]
    assert {dataset.SeriesDescription for dataset in axial} == {"T2 TSE ax"}
    assert {truth.sop_instance_uid for block in study.blocks for truth in block.slices} == {
        dataset.SOPInstanceUID for dataset in axial
    }


def test_files_are_valid_mr_images(study, monkeypatch):
    # Makes pydicom refuse any value outside the limits of its representation (PS3.5 6.2).
    monkeypatch.setattr(pydicom.config.settings, "reading_validation_mode", pydicom.config.RAISE)
    for uid, dataset in read_instances(study.folder).items():
        assert {element.keyword for element in dataset} >= {"PatientID", "ScanningSequence", "FrameOfReferenceUID"}
        assert dataset.file_meta.MediaStorageSOPInstanceUID == uid
        assert dataset.file_meta.MediaStorageSOPClassUID == dataset.SOPClassUID == pydicom.uid.MRImageStorage
        assert dataset.pixel_array.dtype == np.uint16
        assert dataset.pixel_array.max() > 500


def test_blocks_run_from_caudal_to_cranial_and_so_do_their_slices(study):
    instances = read_instances(study.folder)
    centers = []
    for block in study.blocks:
        shape_kji = (len(block.slices), *block.slices[0].label_map.shape)
        normal = geometry.slice_normal_ras(block.affine_ijk_to_ras)
        assert block.affine_ijk_to_ras[:3, 2] @ normal == pytest.approx(4.4)
        centers.append(geometry.slice_center_ras_mm(block.affine_ijk_to_ras, shape_kji, 1)[2])
        for k, truth in enumerate(block.slices):
            stored = affine_to_ras(instances[truth.sop_instance_uid])
            expected = block.affine_ijk_to_ras.copy()
            expected[:3, 3] += k * expected[:3, 2]
            # Eight decimals of a millimeter in the tags.
            np.testing.assert_allclose(stored[:3, [0, 1, 3]], expected[:3, [0, 1, 3]], atol=1e-6)
    assert centers == sorted(centers)
    assert min(b - a for a, b in itertools.pairwise(centers)) > 20


def test_blocks_have_their_own_tilts(study):
    tilts = [geometry.axial_tilt_deg(block.affine_ijk_to_ras) for block in study.blocks]
    # The turns about the two axes multiply: cos(20) cos(2), cos(5), cos(8) cos(3).
    expected = np.degrees(np.arccos(np.cos(np.radians([20, 5, 8])) * np.cos(np.radians([2, 0, 3]))))
    np.testing.assert_allclose(tilts, expected, atol=1e-6)
    # L5/S1 drops toward the front: its normal leans forward. L3/4 leans back.
    lean = [geometry.slice_normal_ras(block.affine_ijk_to_ras)[1] for block in study.blocks]
    assert lean[0] > 0.3
    assert lean[2] < -0.1


def test_gdcm_reads_the_same_pixels_and_geometry(study):
    for uid, dataset in read_instances(study.folder / "series-2").items():
        image = SimpleITK.ReadImage(dataset.filename, imageIO="GDCMImageIO")
        np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image)[0], dataset.pixel_array)
        np.testing.assert_allclose(image.GetOrigin(), dataset.ImagePositionPatient, atol=1e-6)
        np.testing.assert_allclose(image.GetSpacing(), (0.625, 0.625, 4.4), atol=1e-6)
        assert image.GetMetaData("0008|0018").strip("\0 ") == uid


def test_truth_fits_the_stored_pixels(study):
    instances = read_instances(study.folder)
    for block in study.blocks:
        for truth in block.slices:
            pixels = instances[truth.sop_instance_uid].pixel_array
            assert truth.label_map.shape == pixels.shape
            assert set(np.unique(truth.label_map)) == set(range(anatomy.NUM_CLASSES))
            sac, psoas = (truth.label_map == anatomy.BY_KEY[key].index for key in ("dural_sac", "psoas"))
            assert np.median(pixels[sac]) > 1.5 * np.median(pixels[psoas])


def test_t1_series_shows_the_same_slices_with_dark_fluid(study):
    t2, t1 = (
        {dataset.InstanceNumber: dataset for dataset in read_instances(study.folder / name).values()}
        for name in ("series-2", "series-3")
    )
    assert t1.keys() == t2.keys()
    truths = {truth.sop_instance_uid: truth for block in study.blocks for truth in block.slices}
    for number, dataset in t2.items():
        assert dataset.ImagePositionPatient == t1[number].ImagePositionPatient
        sac = truths[dataset.SOPInstanceUID].label_map == anatomy.BY_KEY["dural_sac"].index
        assert np.median(t1[number].pixel_array[sac]) < 0.3 * np.median(dataset.pixel_array[sac])


def test_slices_of_a_block_change_gradually(study):
    for block in study.blocks:
        for first, second in itertools.pairwise(block.slices):
            assert first.areas_mm2 != second.areas_mm2
            for key, area in first.areas_mm2.items():
                assert second.areas_mm2[key] == pytest.approx(area, rel=0.35), key


@pytest.mark.parametrize(("flip_rows", "flip_columns", "transpose"), list(itertools.product([False, True], repeat=3)))
def test_sides_survive_every_way_of_storing(tmp_path, flip_rows, flip_columns, transpose):
    study = write_phantom_study(
        tmp_path / "study",
        shape_ji=(180, 200),
        spacing_mm=1.0,
        flip_rows=flip_rows,
        flip_columns=flip_columns,
        transpose=transpose,
    )
    instances = read_instances(study.folder)
    for block in study.blocks:
        for truth in block.slices:
            dataset = instances[truth.sop_instance_uid]
            assert (dataset.Rows, dataset.Columns) == truth.label_map.shape
            affine = affine_to_ras(dataset)
            disc = np.argwhere(truth.label_map == anatomy.BY_KEY["intervertebral_disc"].index).mean(axis=0)
            middle_mm = geometry.positions_ras_mm(affine, np.array([[disc[1], disc[0], 0.0]]))[0, 0]
            for key in PAIRED:
                left, right = side_areas_mm2(truth.label_map, affine, anatomy.BY_KEY[key].index, middle_mm)
                # The pixels are 1 mm wide and the patient is turned by 1.5 degrees: a few
                # percent, while the sides differ by at least 10.
                assert left == pytest.approx(truth.areas_mm2[f"{key}_left"], rel=0.05)
                assert right == pytest.approx(truth.areas_mm2[f"{key}_right"], rel=0.05)
                assert truth.areas_mm2[f"{key}_left"] > 1.1 * truth.areas_mm2[f"{key}_right"]


def test_reading_order_is_restored_from_the_tags(tmp_path):
    plain = write_phantom_study(tmp_path / "plain", shape_ji=(180, 200), spacing_mm=1.0)
    turned = write_phantom_study(
        tmp_path / "turned", shape_ji=(180, 200), spacing_mm=1.0, flip_rows=True, transpose=True
    )
    for expected, block in zip(plain.blocks, turned.blocks, strict=True):
        orientation = geometry.in_plane_orientation(block.affine_ijk_to_ras)
        for wanted, truth in zip(expected.slices, block.slices, strict=True):
            np.testing.assert_array_equal(orientation.apply(truth.label_map), wanted.label_map)
            assert truth.areas_mm2 == wanted.areas_mm2


def test_the_same_seed_gives_the_same_files(tmp_path):
    first, second = (
        write_phantom_study(tmp_path / name, seed=5, shape_ji=(160, 160), spacing_mm=1.2) for name in ("a", "b")
    )
    names = sorted(path.relative_to(first.folder) for path in first.folder.rglob("*.dcm"))
    assert len(names) == 23
    assert names == sorted(path.relative_to(second.folder) for path in second.folder.rglob("*.dcm"))
    for name in names:
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes(), name
    other = write_phantom_study(tmp_path / "c", seed=6, shape_ji=(160, 160), spacing_mm=1.2)
    assert other.study_uid != first.study_uid
    assert other.blocks[0].slices[0].areas_mm2 != first.blocks[0].slices[0].areas_mm2


@pytest.mark.parametrize("seed", [0, 1])
def test_the_patient_is_none_that_training_draws(tmp_path, monkeypatch, seed):
    """Training draws its phantoms from the streams [seed, number]."""
    drawn = []

    def keep(rng):
        drawn.append(draw_slice_shape(rng))
        return drawn[-1]

    monkeypatch.setattr(shapes, "draw_slice_shape", keep)
    write_phantom_study(tmp_path / "study", seed=seed, shape_ji=(160, 160), spacing_mm=1.2)
    assert len(drawn) == 7  # the patient, and two that each block is blended with
    of_training = [draw_slice_shape(np.random.default_rng([seed, number])) for number in range(200)]
    assert not [shape for shape in drawn if shape in of_training]


def test_a_folder_with_content_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="Name a new or empty folder"):
        write_phantom_study(tmp_path)
    with pytest.raises(InputError, match="not an empty folder"):
        write_phantom_study(tmp_path / "notes.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]

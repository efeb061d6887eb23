"""`lumbarseg import-slices`: outlines from elsewhere become labeled slices, the right way around."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from lumbar_ellipses import LUMBAR, axial_affine, draw, turn_about

from LumbarSegLib.anatomy import BY_KEY, IGNORE_INDEX
from LumbarSegLib.cli import main
from LumbarSegLib.io import itk_grid
from LumbarSegLib.io.labeled_slices import LabeledSlice, list_slices, read_slices
from LumbarSegLib.phantom.study import write_phantom_study
from LumbarSegLib.phantom.volume import draw_phantom_volume
from LumbarSegLib.study_reading import open_study

SPACING_KJI_MM = (4.4, 0.6, 0.6)
OBLIQUE = turn_about(0, 17.0) @ turn_about(1, 5.0) @ turn_about(2, -4.0)

#: Directions of i, j and k in the patient, before the tilt.
EDGES = {
    "reading order": ((-1, 0, 0), (0, -1, 0), (0, 0, 1)),
    "turned by 180 degrees": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "head to foot": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
    "left-handed": ((-1, 0, 0), (0, -1, 0), (0, 0, -1)),
    "mirrored": ((1, 0, 0), (0, -1, 0), (0, 0, 1)),
    "transposed": ((0, -1, 0), (-1, 0, 0), (0, 0, 1)),
}


def _write(path: Path, array: np.ndarray, affine: np.ndarray) -> Path:
    image = SimpleITK.GetImageFromArray(array)
    itk_grid.write_grid(image, affine)
    SimpleITK.WriteImage(image, str(path))
    return path


def _signal(label_map: np.ndarray) -> np.ndarray:
    """Signal that tells the label of every pixel."""
    texture = np.random.default_rng(0).integers(0, 40, label_map.shape)
    return (label_map.astype(np.int16) * 100 + 50 + texture).astype(np.int16)


def _study(folder: Path, edges: str = "reading order", suffix: str = ".nrrd") -> tuple[Path, Path]:
    """Write an image and its label map: three slices, the first one without outlines."""
    affine = axial_affine(EDGES[edges], SPACING_KJI_MM, OBLIQUE)
    label_map = draw(affine, LUMBAR.values(), slices=3)
    label_map[0] = 0
    image = _write(folder / f"P01{suffix}", _signal(label_map), affine)
    return image, _write(folder / f"outlines{suffix}", label_map, affine)


def _import(image: Path, outlines: Path, data: Path, *options: str) -> list[LabeledSlice]:
    assert main(["import-slices", str(image), str(outlines), "--data", str(data), "--quiet", *options]) == 0
    return read_slices(data, list_slices(data), nominal_spacing_mm=9.9)


def _center(label_map: np.ndarray, key: str) -> np.ndarray:
    return np.argwhere(label_map == BY_KEY[key].index).mean(axis=0)


def _same(first: list[LabeledSlice], second: list[LabeledSlice]) -> bool:
    return [each.name for each in first] == [each.name for each in second] and all(
        np.array_equal(one.label_map, other.label_map) and np.array_equal(one.image, other.image)
        for one, other in zip(first, second, strict=True)
    )


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("edges", EDGES)
def test_slices_read_like_radiological_images(tmp_path, edges, suffix):
    slices = _import(*_study(tmp_path, edges, suffix), tmp_path / "data")
    assert [each.name for each in slices] == ["P01-001", "P01-002"]
    for each in slices:
        assert each.spacing_mm == pytest.approx(0.6, rel=1e-4)
        labels = each.label_map
        # The front is at the top.
        rows = [_center(labels, key)[0] for key in ("intervertebral_disc", "dural_sac", "lamina", "multifidus")]
        assert rows == sorted(rows)
        # The patient's right is at the left of the picture.
        middle = round(_center(labels, "dural_sac")[1])
        psoas = labels == BY_KEY["psoas"].index
        for half, side in ((psoas[:, :middle], "right"), (psoas[:, middle:], "left")):
            ellipse = LUMBAR[f"psoas_{side}"]
            assert half.sum() * 0.36 == pytest.approx(ellipse.area_mm2, abs=ellipse.tolerance_mm2(0.6))
        # Each pixel kept its signal.
        assert np.array_equal((each.image - 50) // 100, labels)


def test_it_says_what_it_has_left_out(tmp_path, capsys):
    image, outlines = _study(tmp_path)
    assert main(["import-slices", str(image), str(outlines), "--data", str(tmp_path / "data")]) == 0
    assert "Wrote 2 slices" in (printed := capsys.readouterr().out)
    assert "1 have no outlines" in printed


def test_outlines_may_lie_on_a_part_of_the_grid_with_other_axes(tmp_path):
    image, outlines = _study(tmp_path, "head to foot")
    expected = _import(image, outlines, tmp_path / "expected")
    whole = SimpleITK.ReadImage(str(outlines))
    part = SimpleITK.Crop(whole, [10, 9, 1], [13, 12, 0])
    wide = SimpleITK.ConstantPad(whole, [3, 0, 2], [0, 7, 4])
    turned = SimpleITK.Flip(SimpleITK.PermuteAxes(part, [2, 0, 1]), [True, False, True], False)
    for number, other in enumerate((part, wide, turned, SimpleITK.Cast(part, SimpleITK.sitkFloat64))):
        assert other.GetSize() != whole.GetSize()
        path = tmp_path / f"{number}.nrrd"
        SimpleITK.WriteImage(other, str(path))
        assert _same(_import(image, path, tmp_path / str(number)), expected)


def test_blocks_of_a_dicom_study_are_imported_one_after_the_other(tmp_path):
    folder = write_phantom_study(tmp_path / "P05", seed=1, transpose=True).folder
    blocks = open_study(folder).blocks
    assert [len(block.image) for block in blocks] == [3, 3, 3]
    for number in (2, 0):
        block = blocks[number]
        # An outline that is as asymmetric as a slice: the brightest pixels.
        outlines = _write(
            tmp_path / f"{number}.nii.gz",
            (block.image > np.percentile(block.image, 97)).astype(np.uint8),
            block.affine_ijk_to_ras,
        )
        slices = _import(folder, outlines, tmp_path / "data")
    assert [each.name for each in slices] == [f"P05-{number:03d}" for number in (0, 1, 2, 6, 7, 8)]
    for each in slices:
        assert each.image[each.label_map == 1].min() > each.image[each.label_map == 0].mean()
        bright = np.percentile(each.image, 99.5)
        assert (each.label_map[each.image > bright] == 1).mean() > 0.9


def test_values_of_another_program_are_translated(tmp_path):
    image, outlines = _study(tmp_path)
    expected = _import(image, outlines, tmp_path / "expected")
    other = SimpleITK.ReadImage(str(outlines))
    SimpleITK.WriteImage(other + 20 * SimpleITK.Cast(other > 0, SimpleITK.sitkUInt8), str(tmp_path / "other.nrrd"))
    keys = [*BY_KEY][:-1]
    options = [f"--segment={20 + BY_KEY[key].index}={key}" for key in keys]
    slices = _import(image, tmp_path / "other.nrrd", tmp_path / "data", *options, "--segment=27=unlabeled")
    for each, before in zip(slices, expected, strict=True):
        assert np.array_equal(each.label_map, np.where(before.label_map == 7, IGNORE_INDEX, before.label_map))


def test_signal_beyond_16_bits_is_stretched(tmp_path):
    image, outlines = _study(tmp_path)
    (first, *_) = _import(image, outlines, tmp_path / "before")
    signal = SimpleITK.Cast(SimpleITK.ReadImage(str(image)), SimpleITK.sitkFloat32)
    SimpleITK.WriteImage(signal * 0.001 - 0.3, str(image))
    (each, *_) = _import(image, outlines, tmp_path / "data")
    whole = SimpleITK.GetArrayViewFromImage(signal)
    stretched = (first.image - whole.min()) / float(whole.max() - whole.min()) * 65535
    np.testing.assert_allclose(each.image, stretched, atol=1.0)


def test_a_folder_grows_and_its_index_keeps_what_it_says(tmp_path):
    phantom = draw_phantom_volume(2, shape_ji=(256, 256), spacing_mm=0.8)
    data = tmp_path / "data"
    image = _write(tmp_path / "a.nii.gz", phantom.image, phantom.affine_ijk_to_ras)
    outlines = _write(tmp_path / "b.nii.gz", phantom.label_map, phantom.affine_ijk_to_ras)
    _import(image, outlines, data, "--name", "P7")
    (data / "index.csv").write_text('plane,id,spacing_mm\ndisc,P7-000,0.8\n"a, b",P7-001,0.8')
    slices = _import(image, outlines, data, "--name", "P8")
    assert [each.name for each in slices] == ["P7-000", "P7-001", "P8-000", "P8-001"]
    assert [each.plane for each in slices] == ["disc", "a, b", "", ""]
    assert [each.spacing_mm for each in slices] == pytest.approx([0.8] * 4, rel=1e-5)
    for each, label_map in zip(slices, [*phantom.label_map] * 2, strict=True):
        assert np.array_equal(each.label_map, label_map)
    assert main(["check-data", str(data)]) == 0


def _changed(outlines: Path, change) -> None:
    SimpleITK.WriteImage(change(SimpleITK.ReadImage(str(outlines))), str(outlines))


def _moved(image: SimpleITK.Image) -> SimpleITK.Image:
    image.SetOrigin([value + 0.3 for value in image.GetOrigin()])
    return image


def _finer(image: SimpleITK.Image) -> SimpleITK.Image:
    image.SetSpacing([0.3, 0.3, 4.4])
    return image


def _far_away(image: SimpleITK.Image) -> SimpleITK.Image:
    image.SetOrigin(image.TransformIndexToPhysicalPoint([1000, 0, 0]))
    return image


def _oblong(image: Path, outlines: Path) -> None:
    for path in (image, outlines):
        content = SimpleITK.ReadImage(str(path))
        content.SetSpacing([0.6, 0.7, 4.4])
        SimpleITK.WriteImage(content, str(path))


FAULTS = {
    "no image": (lambda image, outlines: image.unlink(), [], "P01.nrrd does not exist"),
    "no outlines": (lambda image, outlines: outlines.unlink(), [], "outlines.nrrd does not exist"),
    "moved": (lambda image, outlines: _changed(outlines, _moved), [], "not on the grid"),
    "finer": (lambda image, outlines: _changed(outlines, _finer), [], "not on the grid"),
    "elsewhere": (lambda image, outlines: _changed(outlines, _far_away), [], "outlines nothing in"),
    "empty": (lambda image, outlines: _changed(outlines, lambda each: each * 0), [], "outlines nothing in"),
    "oblong": (_oblong, [], "not square (0.7 x 0.6 mm)"),
    "unknown value": (lambda image, outlines: _changed(outlines, lambda each: each * 9), [], "Unknown segments: 9, 18"),
    "an image": (lambda image, outlines: outlines.write_bytes(image.read_bytes()), [], "Pass outlines"),
    "fractions": (
        lambda image, outlines: _changed(outlines, lambda each: SimpleITK.Cast(each, SimpleITK.sitkFloat32) * 0.5),
        [],
        "other values",
    ),
    "colors": (lambda image, outlines: _changed(outlines, lambda each: SimpleITK.Compose(each, each)), [], "several"),
    "broken": (lambda image, outlines: outlines.write_bytes(b"NRRD0004\n"), [], "truncated or damaged"),
    "no such segment": (None, ["--segment", "sac=dural_sac"], "There is no segment 'sac'"),
    "no such anatomy": (None, ["--segment", "1=sac"], "Choose from dural_sac"),
    "no pair": (None, ["--segment", "1"], "NAME=ANATOMY"),
    "name": (None, ["--name", "a/b"], "is no name for slices"),
}


@pytest.mark.parametrize(("damage", "options", "message"), FAULTS.values(), ids=FAULTS)
def test_what_does_not_fit_is_one_line_and_writes_nothing(tmp_path, capsys, damage, options, message):
    image, outlines = _study(tmp_path)
    if damage is not None:
        damage(image, outlines)
    assert main(["import-slices", str(image), str(outlines), "--data", str(tmp_path / "data"), *options]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("lumbarseg: error:") == 1
    assert not (tmp_path / "data").exists()


def test_slices_are_never_replaced(tmp_path, capsys):
    image, outlines = _study(tmp_path)
    before = _import(image, outlines, tmp_path / "data")
    (tmp_path / "data" / "labels" / "P01-001.png").unlink()
    (tmp_path / "data" / "images" / "P01-001.png").unlink()
    (tmp_path / "data" / "index.csv").write_text("id,spacing_mm\nP01-002,0.6\n")
    # P01-001 is free, P01-002 is not: neither is written.
    assert main(["import-slices", str(image), str(outlines), "--data", str(tmp_path / "data")]) == 2
    assert "holds a slice P01-002" in capsys.readouterr().err
    assert _same(read_slices(tmp_path / "data", list_slices(tmp_path / "data"), 9.9), before[1:])


def test_a_full_disk_leaves_the_folder_as_it_was(tmp_path, monkeypatch):
    image, outlines = _study(tmp_path)
    data = tmp_path / "data"
    _import(image, outlines, data)
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(Path, "replace", full)
    assert main(["import-slices", str(image), str(outlines), "--data", str(data), "--name", "P02"]) == 1
    assert {path: path.read_bytes() for path in data.rglob("*") if path.is_file()} == before

"""`lumbarseg measure`: outlines of any source give the tables of `segment`, and a correction can be followed up."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from LumbarSegLib.anatomy import ANATOMIES, BY_KEY
from LumbarSegLib.cli import main
from LumbarSegLib.io import itk_grid
from LumbarSegLib.io.label_maps import read_label_map
from LumbarSegLib.phantom.volume import PhantomVolume, draw_phantom_volume

SAC, DISC = BY_KEY["dural_sac"].index, BY_KEY["intervertebral_disc"].index

FILES = {"measurements.csv", "measurements.json", "levels.csv", "overview.png", "run.json"}
AUDIT_FILES = {"audit.csv", "changed_pixels.csv"}


def _write(path: Path, array: np.ndarray, affine: np.ndarray) -> Path:
    image = SimpleITK.GetImageFromArray(array)
    itk_grid.write_grid(image, affine)
    SimpleITK.WriteImage(image, str(path))
    return path


def _write_as_slicer(path: Path, layers: list[np.ndarray], segments: list[tuple[str, int, int]], like: Path) -> Path:
    """Write a .seg.nrrd: of each segment its name, layer and value."""
    reference = SimpleITK.ReadImage(str(like))
    images = [SimpleITK.GetImageFromArray(layer) for layer in layers]
    image = SimpleITK.Compose(images) if len(images) > 1 else images[0]
    image.CopyInformation(reference)
    for number, (name, layer, value) in enumerate(segments):
        for key, content in (("Name", name), ("Layer", layer), ("LabelValue", value)):
            image.SetMetaData(f"Segment{number}_{key}", str(content))
    SimpleITK.WriteImage(image, str(path))
    return path


def _phantom(num_slices: int = 2, **named: object) -> PhantomVolume:
    return draw_phantom_volume(num_slices, shape_ji=(200, 200), spacing_mm=1.0, **named)


def _study(folder: Path) -> tuple[Path, Path, PhantomVolume]:
    """Write an image of two slices and its true outlines."""
    phantom = _phantom()
    image = _write(folder / "image.nii.gz", phantom.image, phantom.affine_ijk_to_ras)
    return image, _write(folder / "outlines.nii.gz", phantom.label_map, phantom.affine_ijk_to_ras), phantom


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def _json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir() if not each.name.startswith(".")}


def _run(
    image: Path | list[Path], segmentation: Path | list[Path], output: Path, *more: object
) -> list[dict[str, str]]:
    images, outlines = (each if isinstance(each, list) else [each] for each in (image, segmentation))
    words = ["measure", "--image", *images, "--segmentation", *outlines, "--output", output, "--quiet", *more]
    assert main([str(word) for word in words]) == 0
    return _rows(output / "measurements.csv")


def _figures(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return what is measured, without what only a network can know."""
    units = ("_mm2", "_mm", "_deg", "_percent", "_fraction", "_ratio")
    return [
        {
            name: cell
            for name, cell in row.items()
            if name.endswith(units) and "_low_" not in name and "_high_" not in name
        }
        for row in rows
    ]


@pytest.fixture(scope="module")
def segmented(tmp_path_factory) -> tuple[list[Path], Path]:
    """Two blocks of one study, as two files, and what `lumbarseg segment` made of them."""
    folder = tmp_path_factory.mktemp("segmented")
    images = []
    for number, tilt_deg in enumerate((15.0, 4.0)):
        phantom = _phantom(seed=number, tilt_deg=tilt_deg)
        affine = phantom.affine_ijk_to_ras.copy()
        affine[2, 3] += 35.0 * number
        images.append(_write(folder / f"block{number}.nii.gz", phantom.image, affine))
    words = ["segment", *images, "--output", folder / "out", "--device", "cpu", "--quiet"]
    assert main([str(word) for word in words]) == 0
    return images, folder / "out"


@pytest.fixture
def result(segmented, tmp_path) -> tuple[list[Path], Path]:
    """A copy of it, to be edited."""
    images, folder = segmented
    return images, Path(shutil.copytree(folder, tmp_path / "segmented"))


def _edit(label_map: np.ndarray) -> tuple[int, int]:
    """Take the sac's last row and give the disc a piece of background, in slice 1; return how many pixels of each."""
    rows = np.flatnonzero((label_map[1] == SAC).any(axis=1))
    removed = int((label_map[1, rows[-1]] == SAC).sum())
    label_map[1, rows[-1]][label_map[1, rows[-1]] == SAC] = 0
    assert not label_map[1, 2:5, 2:6].any()
    label_map[1, 2:5, 2:6] = DISC
    return removed, 12


def test_outlines_of_segment_measured_again_give_its_figures(segmented, tmp_path):
    images, folder = segmented
    rows = _run(images, folder, tmp_path / "out")
    before = _rows(folder / "measurements.csv")
    assert len(rows) == 4
    assert _figures(rows) == _figures(before)
    assert any(float(row["dural_sac_area_mm2"] or 0) > 0 for row in rows)
    assert _names(tmp_path / "out") == FILES | {f"segmentation_block-0{number}.nii.gz" for number in (1, 2)}
    for row, old in zip(rows, before, strict=True):
        assert row["source"] == "model"
        assert row["weights_sha256"] == old["weights_sha256"]
        assert row["dural_sac_area_low_mm2"] == ""
        assert "no class probabilities" in row["absent"]
    assert [row["level"] for row in _rows(tmp_path / "out" / "levels.csv")] == [
        row["level"] for row in _rows(folder / "levels.csv")
    ]


def test_what_slicer_saved_in_the_folder_is_measured_beside_the_original(result, tmp_path):
    images, folder = result
    original_path = folder / "segmentation_block-02.nii.gz"
    original, _ = read_label_map(original_path)
    edited = original.copy()
    removed, added = _edit(edited)
    segments = [(each.name, 0, each.index) for each in ANATOMIES]
    saved = _write_as_slicer(folder / "segmentation_block-02.seg.nrrd", [edited], segments, original_path)
    untouched = original_path.read_bytes()

    rows = _run(images, folder, tmp_path / "out")
    assert {row["source"] for row in rows} == {"edited"}
    assert {row["weights_name"] for row in rows} == {row["weights_name"] for row in _rows(folder / "measurements.csv")}
    assert original_path.read_bytes() == untouched
    assert (read_label_map(tmp_path / "out" / "original_block-02.nii.gz")[0] == original).all()
    assert (read_label_map(tmp_path / "out" / "segmentation_block-02.nii.gz")[0] == edited).all()

    changed = {
        (row["block"], row["slice"], row["anatomy"]): (int(row["pixels_added"]), int(row["pixels_removed"]))
        for row in _rows(tmp_path / "out" / "changed_pixels.csv")
        if row["pixels_added"] != "0" or row["pixels_removed"] != "0"
    }
    assert changed == {("2", "2", "dural_sac"): (0, removed), ("2", "2", "intervertebral_disc"): (added, 0)}
    sac = next(
        row
        for row in _rows(tmp_path / "out" / "changed_pixels.csv")
        if (row["block"], row["slice"], row["anatomy"]) == ("2", "2", "dural_sac")
    )
    before = int((original[1] == SAC).sum())
    assert float(sac["dice"]) == pytest.approx(2 * (before - removed) / (2 * before - removed), abs=1e-4)
    assert float(sac["removed_mm2"]) == pytest.approx(removed, rel=1e-4)  # pixels of 1 mm2

    figures = {(row["block"], row["slice"], row["measure"]): row for row in _rows(tmp_path / "out" / "audit.csv")}
    row = figures["2", "2", "dural_sac_area"]
    assert float(row["value"]) == pytest.approx(before - removed, rel=1e-4)
    assert float(row["model_value"]) == pytest.approx(before, rel=1e-4)
    assert float(row["difference"]) == pytest.approx(-removed, rel=1e-3)
    assert row["unit"] == "mm2"
    old = {(row["block"], row["slice"]): row for row in _rows(folder / "measurements.csv")}
    for (block, slice_number, measure), row in figures.items():
        assert row["model_value"] == old[block, slice_number].get(f"{measure}_{row['unit']}", row["model_value"])
        if block == "1":
            assert row["value"] == row["model_value"]

    audit = _json(tmp_path / "out" / "measurements.json")["audit"]
    assert audit["original_weights"] == _json(folder / "run.json")["weights"]
    assert audit["changed_pixels"] == removed + added
    assert audit["changed_slices"] == 1
    assert audit["made_at"].startswith("20")
    block = audit["blocks"][1]
    assert block["outlines"] == {"file": str(saved), "sha256": _sha256(saved)}
    assert block["original"] == {"file": str(original_path), "sha256": _sha256(original_path)}
    signal = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(images[1]))).astype("<f4")
    assert block["image_sha256"] == hashlib.sha256(signal.tobytes()).hexdigest()
    assert block["slices"][1]["measures"]["dural_sac_area"]["difference"] == float(
        figures["2", "2", "dural_sac_area"]["difference"]
    )


def test_a_file_goes_before_the_folder(result, tmp_path):
    images, folder = result
    edited, affine = read_label_map(folder / "segmentation_block-01.nii.gz")
    removed, added = _edit(edited)
    corrected = _write(tmp_path / "corrected.nrrd", edited, affine)
    rows = _run(images, [folder, corrected], tmp_path / "out")
    assert len(rows) == 4
    assert _json(tmp_path / "out" / "measurements.json")["audit"]["changed_pixels"] == removed + added
    # Alone, it is measured alone.
    alone = _run(images, corrected, tmp_path / "alone", "--against", folder / "segmentation_block-01.nii.gz")
    assert [row["dural_sac_area_mm2"] for row in alone] == [row["dural_sac_area_mm2"] for row in rows[:2]]
    assert {row["source"] for row in alone} == {"edited"}
    assert "Block 2 of the image (block1.nii.gz to block1.nii.gz) has no outlines" in str(
        _json(tmp_path / "alone" / "run.json")["warnings"]
    )
    assert len(_rows(tmp_path / "alone" / "audit.csv")) * 2 == len(_rows(tmp_path / "out" / "audit.csv"))
    # The folder may hold the outlines of more blocks.
    _run(images, corrected, tmp_path / "beside", "--against", folder)
    assert _rows(tmp_path / "beside" / "audit.csv") == _rows(tmp_path / "alone" / "audit.csv")


def test_a_label_map_edited_in_place_is_known_as_such(result, tmp_path, caplog):
    images, folder = result
    edited, affine = read_label_map(folder / "segmentation_block-02.nii.gz")
    removed, added = _edit(edited)
    _write(folder / "segmentation_block-02.nii.gz", edited, affine)
    rows = _run(images, folder, tmp_path / "out")
    assert {row["source"] for row in rows} == {"edited"}
    assert "segmentation_block-02.nii.gz changed since" in caplog.text
    assert not _names(tmp_path / "out") & AUDIT_FILES
    # The network can outline the image again.
    rows = _run(images, folder, tmp_path / "again", "--against-model", "--device", "cpu")
    assert {row["source"] for row in rows} == {"edited"}
    assert _json(tmp_path / "again" / "measurements.json")["audit"]["changed_pixels"] == removed + added
    assert AUDIT_FILES <= _names(tmp_path / "again")


def test_the_network_outlines_again_for_the_comparison(segmented, tmp_path):
    images, folder = segmented
    label_map, affine = read_label_map(folder / "segmentation_block-01.nii.gz")
    given = label_map.copy()
    removed, added = _edit(given)
    outlines = _write(tmp_path / "mine.nrrd", given, affine)
    rows = _run(images[0], outlines, tmp_path / "out", "--against-model", "--device", "cpu")
    assert {row["source"] for row in rows} == {"given"}
    audit = _json(tmp_path / "out" / "measurements.json")["audit"]
    assert audit["changed_pixels"] == removed + added
    assert audit["original_weights"]["sha256"] == _json(folder / "run.json")["weights"]["sha256"]
    original = tmp_path / "out" / "original_block-01.nii.gz"
    assert audit["blocks"][0]["original"] == {"file": original.name, "sha256": _sha256(original)}
    assert (read_label_map(original)[0] == label_map).all()
    assert _json(tmp_path / "out" / "run.json")["device"]["name"] == "cpu"


def test_outlines_of_unknown_origin_have_no_weights_and_need_no_network(tmp_path):
    image, outlines, phantom = _study(tmp_path)
    code = "import sys; from LumbarSegLib.cli import main; sys.exit(main(sys.argv[1:]) or 'torch' in sys.modules)"
    words = ["measure", "--image", image, "--segmentation", outlines, "--output", tmp_path / "out"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "2 slices in 1 block(s)" in done.stdout
    for row, label_map in zip(_rows(tmp_path / "out" / "measurements.csv"), phantom.label_map, strict=True):
        assert (row["source"], row["weights_name"], row["weights_sha256"]) == ("given", "", "")
        assert "weights: the outlines were given" in row["absent"]
        for key in ("dural_sac", "lamina", "intervertebral_disc"):
            area = float(np.count_nonzero(label_map == BY_KEY[key].index))  # pixels of 1 mm2
            assert float(row[f"{key}_area_mm2"]) == pytest.approx(area, rel=1e-4)
    assert _names(tmp_path / "out") == FILES | {"segmentation_block-01.nii.gz"}
    record = _json(tmp_path / "out" / "run.json")
    assert record["device"] == {"name": "none", "reason": "no network ran"}
    assert record["outlines"][0]["sha256"] == _sha256(outlines)
    assert record["source"] == "given"


def test_options_of_measuring_are_those_of_segment(tmp_path):
    image, outlines, _ = _study(tmp_path)
    rows = _run(
        image, outlines, tmp_path / "out", "--fat-method", "otsu", "--lowest-level", "L4-L5", "--bands", "steurer"
    )
    assert {row["fat_method"] for row in rows} == {"otsu"}
    assert {row["level_name"] for row in rows} == {"L4-L5"}
    assert {row["dsca_band"] for row in rows} <= {"below 70 mm2", "70 mm2 or more"}


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_axes_may_run_otherwise_on_the_same_grid(tmp_path, suffix):
    image, outlines, _ = _study(tmp_path)
    expected = _run(image, outlines, tmp_path / "expected")
    turned = SimpleITK.Flip(
        SimpleITK.PermuteAxes(SimpleITK.ReadImage(str(outlines)), [1, 2, 0]), [True, False, True], False
    )
    path = tmp_path / f"turned{suffix}"
    SimpleITK.WriteImage(SimpleITK.ConstantPad(turned, [3, 0, 2], [0, 4, 1]), str(path))
    assert _run(image, path, tmp_path / "out") == expected


def test_what_lies_outside_the_image_is_counted(tmp_path, caplog):
    image, outlines, _ = _study(tmp_path)
    path = tmp_path / "wide.nrrd"
    SimpleITK.WriteImage(
        SimpleITK.ConstantPad(SimpleITK.ReadImage(str(outlines)), [0, 0, 1], [0, 0, 0], SAC), str(path)
    )
    expected = _run(image, outlines, tmp_path / "expected")
    assert "outside the image" not in caplog.text
    assert _run(image, path, tmp_path / "out") == expected
    assert f"{200 * 200} outlined pixels" in caplog.text


def test_where_segments_overlap_the_later_one_counts(tmp_path, caplog):
    image, outlines, phantom = _study(tmp_path)
    label_map = phantom.label_map.copy()
    sac = label_map == SAC
    wide_disc = (label_map == DISC) | sac
    first = np.where(label_map == DISC, 0, label_map).astype(np.uint8)
    others = [(each.name, 0, each.index) for each in ANATOMIES if each.index != DISC]
    disc_first = [("My disc", 1, 1), *others]
    layers = [first, wide_disc.astype(np.uint8)]
    path = _write_as_slicer(tmp_path / "sac wins.seg.nrrd", layers, disc_first, outlines)
    rows = _run(image, path, tmp_path / "sac wins", "--segment", "My disc=intervertebral_disc")
    assert _figures(rows) == _figures(_run(image, outlines, tmp_path / "expected"))
    assert f"{sac.sum()} pixels" in caplog.text
    path = _write_as_slicer(tmp_path / "disc wins.seg.nrrd", layers, [*others, ("My disc", 1, 1)], outlines)
    for row, mask in zip(
        _run(image, path, tmp_path / "disc wins", "--segment", "My disc=intervertebral_disc"), wide_disc, strict=True
    ):
        assert row["dural_sac_area_mm2"] == ""
        assert float(row["intervertebral_disc_area_mm2"]) == pytest.approx(mask.sum(), rel=1e-4)
    warnings = _json(tmp_path / "disc wins" / "run.json")["warnings"]
    assert f"{sac.sum()} pixels" in warnings[-1]


def test_other_labels_are_left_out_when_told_so(tmp_path):
    image, outlines, phantom = _study(tmp_path)
    label_map = phantom.label_map.copy()
    label_map[:, :5, :5] = 8
    label_map[:, -5:, :5] = 30
    path = _write(tmp_path / "more.nrrd", label_map, phantom.affine_ijk_to_ras)
    rows = _run(image, path, tmp_path / "out", "--segment", "8=background", "--segment", "30=background")
    assert _figures(rows) == _figures(_run(image, outlines, tmp_path / "expected"))


def _change(path: Path, change) -> None:
    SimpleITK.WriteImage(change(SimpleITK.ReadImage(str(path))), str(path))


def _moved(image: SimpleITK.Image, voxels: float) -> SimpleITK.Image:
    image.SetOrigin(image.TransformContinuousIndexToPhysicalPoint([voxels, 0.0, 0.0]))
    return image


def _shear(path: Path) -> None:
    """Write the same values as an NRRD whose second axis leans."""
    array = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    header = "NRRD0004\ntype: uint8\ndimension: 3\nspace: left-posterior-superior\n"
    header += f"sizes: {array.shape[2]} {array.shape[1]} {array.shape[0]}\n"
    header += "space directions: (1,0,0) (0.3,1,0) (0,0,4.4)\nencoding: raw\nspace origin: (0,0,0)\n\n"
    path.with_name("sheared.nrrd").write_bytes(header.encode() + array.astype(np.uint8).tobytes())


REFUSALS = {
    "missing": (lambda path: path.unlink(), "outlines.nii.gz", [], "does not exist"),
    "between the voxels": (
        lambda path: _change(path, lambda each: _moved(each, 0.4)),
        "outlines.nii.gz",
        [],
        "is not on the grid of the image: it has 200 x 200 x 2 voxels of 1 x 1 x 4.4 mm from R, A, S = 99.1",
    ),
    "elsewhere": (
        lambda path: _change(path, lambda each: _moved(each, 1000.0)),
        "outlines.nii.gz",
        [],
        "does not overlap the image",
    ),
    "empty": (lambda path: _change(path, lambda each: each * 0), "outlines.nii.gz", [], "outlines nothing"),
    "sheared": (_shear, "sheared.nrrd", [], "not perpendicular"),
    "other labels": (
        lambda path: _change(path, lambda each: each * 9),
        "outlines.nii.gz",
        [],
        "Unknown segments: 9, 18",
    ),
    "vertebral body": (
        lambda path: _change(path, lambda each: each + 1),
        "outlines.nii.gz",
        [],
        "--segment '8=background'",
    ),
    "an image": (
        lambda path: shutil.copy(path.with_name("image.nii.gz"), path),
        "outlines.nii.gz",
        [],
        "Pass outlines, not an image",
    ),
    "no result folder": (lambda path: (path.parent / "empty").mkdir(), "empty", [], "holds no label maps"),
    "no such segment": (None, "outlines.nii.gz", ["--segment", "12=psoas"], "There is no segment '12'"),
    "no such level": (None, "outlines.nii.gz", ["--lowest-level", "L9-S1"], "L9-S1"),
    "no such original": (None, "outlines.nii.gz", ["--against", "nowhere.nii.gz"], "nowhere.nii.gz does not exist"),
}


@pytest.mark.parametrize(("prepare", "name", "options", "message"), REFUSALS.values(), ids=REFUSALS)
def test_what_does_not_fit_is_one_line_and_writes_nothing(tmp_path, capsys, prepare, name, options, message):
    image, outlines, _ = _study(tmp_path)
    if prepare is not None:
        prepare(outlines)
    words = ["measure", "--image", image, "--segmentation", tmp_path / name, "--output", tmp_path / "out", *options]
    assert main([str(word) for word in words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("lumbarseg: error:") == 1
    assert not (tmp_path / "out").exists()


def test_two_outlines_of_a_block_are_refused(tmp_path, capsys):
    image, outlines, _ = _study(tmp_path)
    other = Path(shutil.copy(outlines, tmp_path / "other.nii.gz"))
    words = ["measure", "--image", image, "--segmentation", outlines, "--segmentation", other, "--output", "out"]
    assert main([str(word) for word in words]) == 2
    assert "both outline block 1" in capsys.readouterr().err


def test_the_original_is_never_replaced(result, capsys):
    images, folder = result
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    words = ["measure", "--image", *images, "--segmentation", folder, "--output", folder, "--overwrite"]
    assert main([str(word) for word in words]) == 2
    assert "which is read" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before

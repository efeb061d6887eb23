"""`lumbarseg segment` as a user runs it: the files, the sides, the real study."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import LumbarSegLib
from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.cli import main
from LumbarSegLib.io.label_maps import read_label_map
from LumbarSegLib.phantom.study import PhantomStudy, write_phantom_study

FILES = {"measurements.csv", "measurements.json", "levels.csv", "overview.png", "run.json"}


def _segment(study: Path, output: Path, *more: str) -> list[dict[str, str]]:
    assert main(["segment", str(study), "--output", str(output), "--device", "cpu", "--quiet", *more]) == 0
    return list(csv.DictReader((output / "measurements.csv").read_text(encoding="utf-8").splitlines()))


@pytest.fixture(scope="module")
def phantom(tmp_path_factory) -> PhantomStudy:
    return write_phantom_study(tmp_path_factory.mktemp("phantom") / "study", seed=3)


@pytest.fixture(scope="module")
def result(phantom, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("result") / "out"
    _segment(phantom.folder, output)
    return output


def test_result_holds_the_files_the_readme_names(phantom, result):
    names = {each.name for each in result.iterdir() if not each.name.startswith(".")}
    assert names == FILES | {f"segmentation_block-{n:02d}.nii.gz" for n in (1, 2, 3)}
    with Image.open(result / "overview.png") as picture:
        assert min(picture.size) > 500
    record = json.loads((result / "run.json").read_text(encoding="utf-8"))
    assert record["device"]["name"] == "cpu"
    assert record["device"]["reason"]
    assert len(record["weights"]["sha256"]) == 64
    assert {"import", "read", "network", "write", "total"} <= set(record["timings_s"])
    assert [block["shape_kji"][0] for block in record["blocks"]] == [3, 3, 3]


def test_a_named_lowest_level_names_all_levels(phantom, result, tmp_path):
    _segment(phantom.folder, tmp_path / "out", "--lowest-level", "L4-L5")
    rows = list(csv.DictReader((tmp_path / "out" / "levels.csv").read_text(encoding="utf-8").splitlines()))
    by_height = sorted(rows, key=lambda row: float(row["position_s_mm"]))
    assert [row["level_name"] for row in by_height] == ["L4-L5", "L3-L4", "L2-L3"]
    assert {row["level_source"] for row in rows} == {"user"}
    slices = csv.DictReader((tmp_path / "out" / "measurements.csv").read_text(encoding="utf-8").splitlines())
    assert {row["level_name"] for row in slices} - {""} == {"L4-L5", "L3-L4", "L2-L3"}
    # The picture shows the names, and is else the same.
    with Image.open(tmp_path / "out" / "overview.png") as named, Image.open(result / "overview.png") as unnamed:
        assert named.size == unnamed.size
        assert named.tobytes() != unnamed.tobytes()


def test_a_name_of_no_level_is_refused_before_any_work(phantom, tmp_path, capsys):
    output = tmp_path / "out"
    assert main(["segment", str(phantom.folder), "--output", str(output), "--lowest-level", "L4-S2"]) == 2
    assert "'L4-S2' names no level" in capsys.readouterr().err
    assert not output.exists()


def test_label_maps_lie_on_the_grid_of_their_block(phantom, result):
    for number, block in enumerate(phantom.blocks, start=1):
        label_map, affine = read_label_map(result / f"segmentation_block-{number:02d}.nii.gz")
        assert label_map.shape == (3, 320, 320)
        np.testing.assert_allclose(affine, block.affine_ijk_to_ras, atol=1e-3)


def test_areas_and_sides_come_close_to_the_truth(phantom, result):
    rows = list(csv.DictReader((result / "measurements.csv").read_text(encoding="utf-8").splitlines()))
    truth = [each.areas_mm2 for block in phantom.blocks for each in block.slices]
    assert len(rows) == len(truth) == 9
    errors: dict[str, list[float]] = {}
    for row, areas in zip(rows, truth, strict=True):
        for key, area in areas.items():
            errors.setdefault(key, []).append(float(row[f"{key}_area_mm2"] or 0.0) / area - 1)
        # The phantom's right muscles are a fifth smaller: swapped sides would show.
        for muscle in ("psoas", "multifidus", "erector_spinae"):
            assert float(row[f"{muscle}_right_area_mm2"]) < float(row[f"{muscle}_left_area_mm2"])
    # What the network reaches on phantoms, with some room: it knows them from one slice in nine. Wrong
    # spacing would show in the disc and the psoas, which it outlines well.
    limits = {"intervertebral_disc": 0.05, "psoas_left": 0.10, "psoas_right": 0.10}
    for key, values in errors.items():
        assert np.mean(np.abs(values)) < limits.get(key, 0.35), key


@pytest.mark.parametrize("stored", [{"flip_columns": True}, {"flip_rows": True}, {"transpose": True}], ids=str)
def test_sides_survive_other_orders_of_the_stored_axes(stored, result, tmp_path):
    other = write_phantom_study(tmp_path / "study", seed=3, **stored)
    rows = _segment(other.folder, tmp_path / "out")
    expected = list(csv.DictReader((result / "measurements.csv").read_text(encoding="utf-8").splitlines()))
    for row, reference in zip(rows, expected, strict=True):
        for anatomy in ANATOMIES:
            keys = [anatomy.key] if not anatomy.is_paired else [f"{anatomy.key}_left", f"{anatomy.key}_right"]
            for key in keys:
                # The pixels are the same; only the last bit of a resampling may differ.
                assert float(row[f"{key}_area_mm2"]) == pytest.approx(float(reference[f"{key}_area_mm2"]), rel=0.02)


def test_python_gives_what_the_command_writes(phantom, result):
    segmentation = LumbarSegLib.segment(phantom.folder, device="cpu")
    for number, block in enumerate(segmentation.blocks, start=1):
        written, _ = read_label_map(result / f"segmentation_block-{number:02d}.nii.gz")
        assert (block.label_map == written).all()
        assert block.probabilities.shape == (3, 8, 320, 320)
        np.testing.assert_allclose(block.affine_ijk_to_ras, phantom.blocks[number - 1].affine_ijk_to_ras, atol=1e-6)


def test_python_takes_arrays_with_their_geometry(phantom, result):
    from LumbarSegLib.study_reading import open_study

    block = open_study(phantom.folder).blocks[0]
    segmentation = LumbarSegLib.segment(
        block.image, affine_ijk_to_ras=block.affine_ijk_to_ras, device="cpu", keep_probabilities=False
    )
    written, _ = read_label_map(result / "segmentation_block-01.nii.gz")
    assert (segmentation.blocks[0].label_map == written).all()
    assert segmentation.blocks[0].probabilities is None
    with pytest.raises(LumbarSegLib.InputError, match="no geometry"):
        LumbarSegLib.segment(block.image)
    for arguments in ({"series": "1.2.3"}, {"spacing_mm": 0.5}):
        with pytest.raises(LumbarSegLib.InputError, match="for files"):
            LumbarSegLib.segment(block.image, affine_ijk_to_ras=block.affine_ijk_to_ras, **arguments)
    with pytest.raises(LumbarSegLib.InputError, match="geometry of their own"):
        LumbarSegLib.segment(phantom.folder, affine_ijk_to_ras=block.affine_ijk_to_ras)
    with pytest.raises(LumbarSegLib.InputError, match="blank"):
        LumbarSegLib.segment(np.ones((1, 9, 9)), affine_ijk_to_ras=block.affine_ijk_to_ras)
    with pytest.raises(LumbarSegLib.InputError, match="pixel spacing"):
        LumbarSegLib.segment(block.image, affine_ijk_to_ras=block.affine_ijk_to_ras * 900)
    sheared = block.affine_ijk_to_ras.copy()
    sheared[:3, 1] += 0.3 * sheared[:3, 0]
    with pytest.raises(LumbarSegLib.InputError, match="sheared"):
        LumbarSegLib.segment(block.image, affine_ijk_to_ras=sheared)
    with pytest.raises(LumbarSegLib.InputError, match="degrees off axial"):
        LumbarSegLib.segment(block.image, affine_ijk_to_ras=block.affine_ijk_to_ras[:, [2, 0, 1, 3]])


def test_an_earlier_result_needs_overwrite(phantom, result, capsys):
    before = (result / "run.json").read_bytes()
    arguments = ["segment", str(phantom.folder), "--output", str(result), "--device", "cpu"]
    assert main(arguments) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (result / "run.json").read_bytes() == before
    assert main([*arguments, "--overwrite", "--quiet"]) == 0
    assert (result / "run.json").read_bytes() != before


def test_the_whole_process_as_installed(phantom, tmp_path):
    command = [sys.executable, "-m", "LumbarSegLib.cli", "segment", phantom.folder, "--output", tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "slice 9 of 9" in done.stderr
    assert "was chosen" in done.stderr
    assert "9 slices in 3 block(s)" in done.stdout
    assert (tmp_path / "out" / "overview.png").is_file()


def test_real_study(shared_data_dir, tmp_path):
    rows = _segment(shared_data_dir / "dicom_study", tmp_path / "out")
    blocks = [row["block"] for row in rows]
    assert [blocks.count(str(n)) for n in (1, 2, 3, 4)] == [4, 5, 4, 4]
    assert {row["spacing_i_mm"] for row in rows} == {"0.5078"}
    assert {row["slice_thickness_mm"] for row in rows} == {"4.0"}
    # A slice through the middle of each disc, by eye.
    for block, number in (("1", "3"), ("2", "3"), ("3", "3"), ("4", "3")):
        (row,) = [each for each in rows if (each["block"], each["slice"]) == (block, number)]
        for anatomy in ANATOMIES:
            keys = [anatomy.key] if not anatomy.is_paired else [f"{anatomy.key}_left", f"{anatomy.key}_right"]
            for key in keys:
                assert row[f"{key}_area_mm2"], (block, key)
        assert 60 < float(row["dural_sac_area_mm2"]) < 350
        assert 1200 < float(row["intervertebral_disc_area_mm2"]) < 3000
    record = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert "6001" in record["input"]["series_choice"]

"""The command-line module as Slicer and other clients run it: as a process of its own."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from cli_process import SCRIPT, oblique_flipped_block, run_cli, write_volume

from LumbarSegLib.cli import main
from LumbarSegLib.geometry import axial_tilt_deg
from LumbarSegLib.io.label_maps import read_label_map
from LumbarSegLib.io.study import Block
from LumbarSegLib.study_reading import open_study

OUTPUTS = {
    "outputLabelMap": "labels.nrrd",
    "--measurements": "slices.csv",
    "--levels": "levels.csv",
    "--returnparameterfile": "run.params",
}

#: Geometry of NIfTI files has single precision.
NIFTI_TOLERANCE_MM = 1e-4


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ","))


@pytest.fixture(scope="module")
def block(tmp_path_factory) -> Block:
    block = oblique_flipped_block(tmp_path_factory.mktemp("phantom") / "study")
    assert axial_tilt_deg(block.affine_ijk_to_ras) > 15
    assert np.linalg.det(block.affine_ijk_to_ras) > 0 > block.affine_ijk_to_ras[2, 2]
    return block


@pytest.fixture(scope="module")
def volume(block, tmp_path_factory) -> Path:
    return write_volume(tmp_path_factory.mktemp("volume") / "axial.nrrd", block)


@pytest.fixture(scope="module")
def segmented(volume, tmp_path_factory) -> Path:
    """Folder of what `lumbarseg segment` says of the same volume."""
    folder = tmp_path_factory.mktemp("segmented") / "out"
    assert main(["segment", str(volume), "--output", str(folder), "--device", "cpu", "--quiet"]) == 0
    return folder


@pytest.fixture(scope="module")
def by_slicer(volume, tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Folder and process of a run as Slicer starts it: flags first, bare booleans, files in its temporary folder."""
    folder = tmp_path_factory.mktemp("slicer")
    (folder / "labels.nrrd").write_text("of an earlier run")
    flags = [word for flag, name in OUTPUTS.items() if flag.startswith("--") for word in (flag, folder / name)]
    choices = ["--overwrite", "--device", "cpu", "--precision", "auto"]
    done = run_cli(*flags, *choices, volume, folder / "labels.nrrd")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in folder.iterdir()} == set(OUTPUTS.values())
    return folder, done


def test_label_map_is_that_of_lumbarseg_segment(by_slicer, segmented, block):
    label_map, affine = read_label_map(by_slicer[0] / "labels.nrrd")
    expected, nifti_affine = read_label_map(segmented / "segmentation_block-01.nii.gz")
    assert label_map.shape == (3, 320, 320)
    assert set(np.unique(label_map)) == set(range(8))
    np.testing.assert_array_equal(label_map, expected)
    np.testing.assert_allclose(affine, block.affine_ijk_to_ras, rtol=0, atol=1e-9)
    np.testing.assert_allclose(affine, nifti_affine, rtol=0, atol=NIFTI_TOLERANCE_MM)


def test_tables_are_those_of_lumbarseg_segment(by_slicer, segmented):
    folder, _ = by_slicer
    assert (folder / "slices.csv").read_bytes() == (segmented / "measurements.csv").read_bytes()
    assert (folder / "levels.csv").read_bytes() == (segmented / "levels.csv").read_bytes()
    assert len(rows_of(folder / "slices.csv")) == 3
    assert [row["level"] for row in rows_of(folder / "levels.csv")] == ["1"]


def test_another_client_gets_the_same(by_slicer, volume, tmp_path):
    """Values after booleans, other formats, and the folder of the script as slicer_cli_web has it."""
    done = run_cli(
        *("--device", "cpu", "--flipAverage", "false", "--levels", tmp_path / "levels.tsv", "--overwrite", "false"),
        *("--weights", "", volume, tmp_path / "labels.nii.gz"),
        script=Path(SCRIPT.parent.name) / SCRIPT.name,
        cwd=SCRIPT.parents[1],
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert {path.name for path in tmp_path.iterdir()} == {"levels.tsv", "labels.nii.gz"}
    assert rows_of(tmp_path / "levels.tsv") == rows_of(by_slicer[0] / "levels.csv")
    label_map, _ = read_label_map(tmp_path / "labels.nii.gz")
    np.testing.assert_array_equal(label_map, read_label_map(by_slicer[0] / "labels.nrrd")[0])


def test_flip_average_is_passed_on(by_slicer, volume, tmp_path):
    assert run_cli("--flipAverage", "--device", "cpu", volume, tmp_path / "labels.nrrd").returncode == 0
    averaged, _ = read_label_map(tmp_path / "labels.nrrd")
    plain, _ = read_label_map(by_slicer[0] / "labels.nrrd")
    assert 0 < np.mean(averaged != plain) < 0.05


def test_return_parameters(by_slicer, segmented):
    lines = (by_slicer[0] / "run.params").read_text(encoding="utf-8").splitlines()
    values = dict(re.fullmatch(r"(\w+) = (.*)", line).groups() for line in lines)
    tree = ElementTree.parse(SCRIPT.with_suffix(".xml"))  # noqa: S314 - our own file
    parameters = [each for group in tree.iter("parameters") for each in group if each.find("name") is not None]
    promised = {
        each.findtext("name")
        for each in parameters
        if each.findtext("channel") == "output" and each.find("longflag") is None and each.find("index") is None
    }
    assert set(values) == promised
    record = json.loads((segmented / "run.json").read_text(encoding="utf-8"))
    assert (values["weightsName"], values["weightsSha256"]) == (record["weights"]["name"], record["weights"]["sha256"])
    assert (values["deviceUsed"], values["deviceReason"]) == ("cpu", record["device"]["reason"])
    assert values["numberFormat"] == record["settings"]["number_format"]
    assert values["numSlices"] == "3"
    assert values["warnings"] == "; ".join(record["warnings"])


def test_progress_protocol(by_slicer):
    lines = by_slicer[1].stdout.splitlines()
    assert all(re.fullmatch(r"</?filter-[a-z]+>|<(filter-[a-z]+)>[^<>]*</\1>", line) for line in lines)
    assert lines[:2] == ["<filter-start>", "<filter-name>LumbarSegCLI</filter-name>"]
    assert lines.index("<filter-start>") < lines.index("</filter-start>") < lines.index("<filter-end>")
    assert lines[-1] == "</filter-end>"
    start = lines.index("<filter-progress>0.3333</filter-progress>")
    assert lines[start : start + 6] == [
        "<filter-progress>0.3333</filter-progress>",
        "<filter-comment>slice 1 of 3</filter-comment>",
        "<filter-progress>0.6667</filter-progress>",
        "<filter-comment>slice 2 of 3</filter-comment>",
        "<filter-progress>1</filter-progress>",
        "<filter-comment>slice 3 of 3</filter-comment>",
    ]
    assert "<filter-comment>Running on cpu: CPU asked for.</filter-comment>" in lines[:start]


def test_slicer_needs_no_package_beyond_torch(volume, tmp_path):
    """Slicer brings none of these, and the library's commands are for terminals."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "missing = 'rich', 'matplotlib', 'sklearn', 'skimage', 'LumbarSegLib.commands'\n"
        "sys.modules.update(dict.fromkeys(missing))\n"  # None there makes an import fail
    )
    paths = (str(tmp_path), os.environ.get("PYTHONPATH", ""))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    table = tmp_path / "slices.csv"
    done = run_cli("--device", "cpu", "--measurements", table, volume, tmp_path / "labels.nrrd", env=environment)
    assert done.returncode == 0, done.stderr
    rows = rows_of(table)
    assert all(row["dural_sac_area_mm2"] for row in rows)
    assert all("scikit-learn is not installed" in row["absent"] for row in rows)


def test_text_in_tags_is_escaped(volume, tmp_path):
    strange = tmp_path / "T1 < T2 & <filter-end>.nrrd"
    strange.write_bytes(b"no volume")
    done = run_cli(strange, tmp_path / "labels.nrrd")
    assert done.returncode == 2
    assert "T1 &lt; T2 &amp; &lt;filter-end&gt;.nrrd</filter-comment>" in done.stdout


def test_real_study(shared_data_dir, tmp_path):
    """Each block as a volume of its own: the label maps and figures are those of the DICOM study."""
    source = shared_data_dir / "dicom_study"
    assert main(["segment", str(source), "--output", str(tmp_path / "out"), "--device", "cpu", "--quiet"]) == 0
    slices, levels = (rows_of(tmp_path / "out" / name) for name in ("measurements.csv", "levels.csv"))
    for number, each in enumerate(open_study(source).blocks, start=1):
        volume = write_volume(tmp_path / f"{number}.nrrd", each)
        files = [tmp_path / f"{number}-{name}" for name in ("labels.nrrd", "slices.csv", "levels.csv")]
        done = run_cli("--device", "cpu", "--measurements", files[1], "--levels", files[2], volume, files[0])
        assert done.returncode == 0, done.stderr
        label_map, affine = read_label_map(files[0])
        expected, _ = read_label_map(tmp_path / "out" / f"segmentation_block-{number:02d}.nii.gz")
        np.testing.assert_array_equal(label_map, expected)
        np.testing.assert_allclose(affine, each.affine_ijk_to_ras, rtol=0, atol=1e-9)
        for table, file in ((slices, files[1]), (levels, files[2])):
            of_block = [row for row in table if row["block"] == str(number)]
            figures = [
                key for key in of_block[0] if key.endswith("_mm2") or key in ("slice", "smallest_dural_sac_slice")
            ]
            assert len(figures) > 13
            assert [[row[key] for key in figures] for row in rows_of(file)] == [
                [row[key] for key in figures] for row in of_block
            ]
    assert [row["level"] for row in levels] == [str(n + 1) for n in range(len(levels))]
    assert len(levels) >= 4

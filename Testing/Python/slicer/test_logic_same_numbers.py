"""Panel, command-line module and `lumbarseg segment` give the same label maps and tables, to the last digit."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import slicer_host
from panel_driving import add_volume, oblique_flipped_phantom

slicer_host.install()

import slicer  # noqa: E402
from cli_process import run_cli, write_volume  # noqa: E402

from LumbarSeg import LumbarSegLogic, ResultNodes  # noqa: E402
from LumbarSegLib.cli import main  # noqa: E402
from LumbarSegLib.io.label_maps import read_label_map  # noqa: E402
from LumbarSegLib.io.study import Block  # noqa: E402
from LumbarSegLib.report.tables import write_csv  # noqa: E402
from LumbarSegLib.study_reading import open_study  # noqa: E402
from LumbarSegNodes import segmentations  # noqa: E402
from LumbarSegNodes.childProcess import SliceDone  # noqa: E402
from LumbarSegNodes.tableRows import rowsFromTable  # noqa: E402

#: What names the source differs: a node of the scene, a file. What takes class probabilities is not in a scene.
NAMES = {"volume", "segmentation", "outlines", "series_uid", "series_description", "image_file", "absent"}
NAMES |= {"quality", "quality_notes"}

Table = list[dict[str, str]]


def without(names: set[str], rows: Table) -> Table:
    return [
        {name: cell for name, cell in row.items() if name not in names and not name.endswith(("_low_mm2", "_high_mm2"))}
        for row in rows
    ]


def read_table(path: Path) -> Table:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def exported(table, folder: Path) -> Table:
    """Return a table node as the panel exports it."""
    write_csv(folder / "table.csv", rowsFromTable(table))
    return read_table(folder / "table.csv")


def segment_in_slicer(block: Block, **options: object) -> tuple[ResultNodes, np.ndarray]:
    volume = add_volume("T2 ax", block.image, block.affine_ijk_to_ras)
    nodes = LumbarSegLogic().process(volume, device="cpu", **options)
    label_map, notes = segmentations.labelMapFromSegmentation(nodes.segmentationNode, volume)
    assert notes == []
    return nodes, label_map


@pytest.fixture(scope="module", autouse=True)
def _own_scene() -> None:
    slicer_host.install()
    slicer.mrmlScene.Clear(0)


def test_on_an_oblique_flipped_phantom(tmp_path: Path) -> None:
    phantom = oblique_flipped_phantom(2)
    block = Block(phantom.image, phantom.affine_ijk_to_ras)
    file = write_volume(tmp_path / "volume.nrrd", block)
    assert main(["segment", str(file), "--output", str(tmp_path / "out"), "--device", "cpu", "--quiet"]) == 0
    tables = ("--measurements", tmp_path / "slices.csv", "--levels", tmp_path / "levels.csv")
    assert run_cli(file, tmp_path / "labels.nrrd", "--device", "cpu", *tables).returncode == 0
    events: list[object] = []
    nodes, label_map = segment_in_slicer(block, onProgress=events.append)

    assert SliceDone(2, 2) in events
    assert len(np.unique(label_map)) == 8
    np.testing.assert_array_equal(label_map, read_label_map(tmp_path / "out" / "segmentation_block-01.nii.gz")[0])
    np.testing.assert_array_equal(label_map, read_label_map(tmp_path / "labels.nrrd")[0])
    for table, of_module, of_segment in (
        (nodes.sliceTableNode, "slices.csv", "measurements.csv"),
        (nodes.levelTableNode, "levels.csv", "levels.csv"),
    ):
        rows = without(NAMES, exported(table, tmp_path))
        assert rows == without(NAMES, read_table(tmp_path / of_module))
        assert rows == without(NAMES, read_table(tmp_path / "out" / of_segment))


def test_on_the_blocks_of_a_real_study(shared_data_dir: Path, tmp_path: Path) -> None:
    source = shared_data_dir / "dicom_study"
    output = str(tmp_path / "out")
    options = ("--lowest-level", "none", "--device", "cpu", "--quiet")
    assert main(["segment", str(source), "--output", output, *options]) == 0
    of_segment = read_table(tmp_path / "out" / "measurements.csv")
    blocks = open_study(source).blocks
    assert len(blocks) > 1
    for number, block in enumerate(blocks, start=1):
        nodes, label_map = segment_in_slicer(block)
        np.testing.assert_array_equal(
            label_map, read_label_map(tmp_path / "out" / f"segmentation_block-{number:02d}.nii.gz")[0]
        )
        # A volume of the scene is one block with levels of its own, and knows no slice thickness.
        names = NAMES | {"block", "level", "slice_thickness_mm", "slice_gap_mm"}
        expected = [row for row in of_segment if row["block"] == str(number)]
        assert without(names, exported(nodes.sliceTableNode, tmp_path)) == without(names, expected)

"""Tables of a segmentation: numbers, sources, place, updates, and the scene's way through files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import slicer
from lumbar_ellipses import LUMBAR, draw
from lumbar_grids import GRIDS
from segment_edits import add_segment, half_of, paint

from LumbarSegLib.errors import InputError
from LumbarSegLib.io.study import Block
from LumbarSegLib.measurement import measure_block
from LumbarSegLib.report.provenance import Provenance
from LumbarSegLib.report.tables import level_rows, table_rows
from LumbarSegNodes.hierarchy import placeBeside
from LumbarSegNodes.measuring import measureSegmentation
from LumbarSegNodes.results import findTables, updateTables
from LumbarSegNodes.segmentations import createSegmentation, labelMapFromSegmentation, setOrigin, updateSegmentation

pytestmark = pytest.mark.usefixtures("no_vtk_messages")


def test_measuring_needs_only_what_slicer_ships(project_root: Path) -> None:
    code = (
        f"import sys; sys.path.append({str(project_root / 'LumbarSeg')!r}); import LumbarSegNodes.results; "
        "print([name for name in ('torch', 'rich', 'matplotlib', 'safetensors') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def segmented(add_volume, grid: str = "oblique"):
    """Return a volume, its label map and a segmentation that the network seems to have made."""
    affine = GRIDS[grid]
    label_map = draw(affine, LUMBAR.values(), slices=3)
    volume = add_volume(label_map * 10.0, affine)
    node = createSegmentation(volume)
    updateSegmentation(node, label_map, volume)
    setOrigin(node, "msff", "ab" * 32, "cpu")
    return volume, label_map, node


def column(table, name: str) -> list:
    array = table.GetTable().GetColumnByName(name)
    return [array.GetValue(row) for row in range(table.GetNumberOfRows())]


@pytest.mark.parametrize("grid", GRIDS)
def test_areas_and_patient_sides_are_right_on_any_grid(add_volume, grid: str) -> None:
    volume, _, node = segmented(add_volume, grid)
    slices, levels = updateTables(node, volume)
    assert column(slices, "slice") == [1, 2, 3]
    for muscle in ("psoas", "multifidus", "erector_spinae"):
        for side in ("left", "right"):
            ellipse = LUMBAR[f"{muscle}_{side}"]
            areas = column(slices, f"{muscle}_{side}_area_mm2")
            assert areas == pytest.approx([ellipse.area_mm2] * 3, abs=ellipse.tolerance_mm2(0.7))
    assert column(levels, "level") == [1]
    assert column(levels, "slice") == [2]


def test_tables_hold_the_librarys_rows(add_volume) -> None:
    volume, label_map, node = segmented(add_volume)
    measured = measureSegmentation(node, volume)
    block = Block(label_map * np.float32(10), GRIDS["oblique"], series_description="T2 ax")
    measurements = [measure_block(label_map, GRIDS["oblique"], image=block.image)]
    provenance = Provenance(weights_name="msff", weights_sha256="ab" * 32)
    sources = {"volume": "T2 ax", "segmentation": "T2 ax LumbarSeg", "outlines": "as segmented"}
    assert measured.sliceRows == [sources | row for row in table_rows([block], measurements, provenance)]
    assert measured.levelRows == [sources | row for row in level_rows([block], measurements, provenance)]
    assert measured.notes == ()
    slices, _ = updateTables(node, volume)
    assert [slices.GetColumnName(index) for index in range(slices.GetNumberOfColumns())] == [*measured.sliceRows[0]]
    for name in ("dural_sac_area_mm2", "position_s_mm", "weights_sha256", "absent"):
        assert column(slices, name) == [row[name] for row in measured.sliceRows]


def test_levels_are_named_from_the_lowest_one(add_volume) -> None:
    volume, _, node = segmented(add_volume)
    slices, levels = updateTables(node, volume, "l5/s1")
    assert column(slices, "level_name") == ["L5-S1"] * 3
    assert column(levels, "level_name") == ["L5-S1"]
    assert column(levels, "level_source") == ["user"]
    with pytest.raises(InputError, match="names no level"):
        updateTables(node, volume, "L5-L9")
    assert column(levels, "level_name") == ["L5-S1"]


def test_half_a_segment_is_half_the_area(add_volume) -> None:
    volume, label_map, node = segmented(add_volume)
    slices, levels = updateTables(node, volume)
    sac = label_map == 1
    before = column(slices, "dural_sac_area_mm2")
    half = np.stack([half_of(each) for each in sac])
    paint(node, "LumbarSeg_dural_sac", half, volume)
    assert updateTables(node, volume) == (slices, levels)
    after = column(slices, "dural_sac_area_mm2")
    pixel_mm2 = 0.7 * 0.6
    assert after == pytest.approx([area / 2 for area in before], abs=pixel_mm2 / 2 + 0.01)
    assert column(levels, "dural_sac_area_mm2") == [after[1]]
    assert column(slices, "outlines") == ["edited"] * 3
    assert column(slices, "source") == ["edited"] * 3
    assert column(slices, "psoas_left_area_mm2")[0] > 0


def test_outlines_by_hand_need_no_network(add_volume) -> None:
    label_map = draw(GRIDS["oblique"], LUMBAR.values(), slices=2)
    volume = add_volume(label_map, GRIDS["oblique"])
    node = volume.GetScene().AddNewNodeByClass("vtkMRMLSegmentationNode", "by hand")
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    add_segment(node, "Dural sac", label_map == 1, volume)
    slices, levels = updateTables(node, volume)
    assert column(slices, "outlines") == ["edited"] * 2
    assert column(slices, "weights_name") == [""] * 2
    assert column(slices, "dural_sac_area_mm2")[0] > 100
    assert np.isnan(column(slices, "psoas_left_area_mm2")).all()
    # Without a disc there is no level, and the table says so.
    assert column(levels, "level") == [""]
    assert "level: no disc is outlined" in column(levels, "absent")[0]
    assert "There is no segment for" in slices.GetDescription()


def test_tables_are_made_once_and_again_where_removed(add_volume) -> None:
    volume, label_map, node = segmented(add_volume)
    scene = volume.GetScene()
    assert findTables(node) == (None, None)
    tables = updateTables(node, volume)
    tables[0].SetName("my table")
    assert findTables(node) == tables
    number_of_nodes = scene.GetNumberOfNodes()
    updateSegmentation(node, np.roll(label_map, 1, axis=2), volume)
    assert updateTables(node, volume) == tables
    assert tables[0].GetName() == "my table"
    assert scene.GetNumberOfNodes() == number_of_nodes
    scene.RemoveNode(tables[1])
    assert findTables(node) == (tables[0], None)
    assert updateTables(node, volume)[0] is tables[0]
    assert scene.GetNumberOfNodes() == number_of_nodes


def test_segmentations_do_not_share_tables(add_volume) -> None:
    volume, label_map, node = segmented(add_volume)
    other = createSegmentation(volume)
    updateSegmentation(other, label_map, volume)
    tables = {*updateTables(node, volume), *updateTables(other, volume)}
    assert len(tables) == 4
    assert len({table.GetName() for table in tables}) == 4


def test_a_refused_volume_leaves_the_scene_alone(add_volume) -> None:
    volume, _, node = segmented(add_volume)
    volume.SetSpacing(0.6, 0, 4)
    number_of_nodes = volume.GetScene().GetNumberOfNodes()
    with pytest.raises(InputError, match="voxel size"):
        updateTables(node, volume)
    assert volume.GetScene().GetNumberOfNodes() == number_of_nodes


def study_of(scene) -> tuple[object, int]:
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "patient")
    return hierarchy, hierarchy.CreateStudyItem(patient, "study")


def test_results_lie_beside_their_volume(add_volume) -> None:
    volume = add_volume(draw(GRIDS["oblique"], LUMBAR.values()), GRIDS["oblique"])
    hierarchy, study = study_of(volume.GetScene())
    hierarchy.CreateItem(study, volume)
    node = createSegmentation(volume)
    nodes = (node, *updateTables(node, volume))
    assert [hierarchy.GetItemParent(hierarchy.GetItemByDataNode(each)) for each in nodes] == [study] * 3
    number_of_items = hierarchy.GetNumberOfItems()
    for each in nodes:
        placeBeside(each, volume)
    assert hierarchy.GetNumberOfItems() == number_of_items
    # Where the volume goes, the results go with the next run.
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "folder")
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(volume), folder)
    updateTables(node, volume)
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(nodes[1])) == folder


def save_and_reload(scene, folder: Path, kind: str):
    """Take a scene through files: a bundle, or a folder of a .mrml file and the nodes' files."""
    if kind == "mrb":
        assert scene.WriteToMRB(str(folder / "scene.mrb"))
    else:
        (folder / "scene").mkdir()
        assert scene.SaveSceneToSlicerDataBundleDirectory(str(folder / "scene"))
    loaded = slicer.vtkMRMLScene()
    # Bundles are unpacked into the application's cache.
    (folder / ".slicer-cache").touch()
    cache = slicer.vtkCacheManager()
    cache.SetRemoteCacheDirectory(str(folder))
    manager = slicer.vtkDataIOManager()
    manager.SetCacheManager(cache)
    loaded.SetDataIOManager(manager)
    loaded.SetCacheManager(cache)
    if kind == "mrb":
        assert loaded.ReadFromMRB(str(folder / "scene.mrb"), True)
    else:
        (file,) = (folder / "scene").glob("*.mrml")
        loaded.SetURL(str(file))
        assert loaded.Connect()
    return loaded


def areas_of(table, step: int = 1) -> list[list[float]]:
    return [column(table, name)[::step] for name in ("dural_sac_area_mm2", "psoas_left_area_mm2")]


@pytest.mark.parametrize("kind", ["mrb", "mrml"])
@pytest.mark.parametrize("grid", ["oblique", "left_handed"])
def test_a_saved_scene_comes_back_whole(add_volume, tmp_path: Path, kind: str, grid: str) -> None:
    volume, label_map, node = segmented(add_volume, grid)
    label_map[0][label_map[0] == 1] = 0  # tell the slices apart
    updateSegmentation(node, label_map, volume)
    tables = updateTables(node, volume)
    hierarchy, study = study_of(volume.GetScene())
    for each in (volume, node, *tables):
        hierarchy.SetItemParent(hierarchy.GetItemByDataNode(each) or hierarchy.CreateItem(study, each), study)
    before = areas_of(tables[0])

    scene = save_and_reload(volume.GetScene(), tmp_path, kind)
    # Slicer's reader turns left-handed volumes over.
    step = -1 if grid == "left_handed" else 1

    volume = scene.GetFirstNodeByName("T2 ax")
    node = scene.GetFirstNodeByName("T2 ax LumbarSeg")
    read, notes = labelMapFromSegmentation(node, volume)
    np.testing.assert_array_equal(read, label_map[::step])
    assert notes == []
    assert node.GetAttribute("LumbarSeg.WeightsName") == "msff"
    loaded = findTables(node)
    assert [table.GetName() for table in loaded] == ["T2 ax LumbarSeg slices", "T2 ax LumbarSeg levels"]
    np.testing.assert_array_equal(areas_of(loaded[0]), before)
    assert loaded[0].GetColumnUnitLabel("dural_sac_area_mm2") == "mm2"
    # Measured again, into the same tables, the outlines count as untouched.
    assert updateTables(node, volume) == loaded
    assert column(loaded[0], "outlines") == ["as segmented"] * 3
    np.testing.assert_array_equal(areas_of(loaded[0], step), before)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    parents = {hierarchy.GetItemParent(hierarchy.GetItemByDataNode(each)) for each in (volume, node, *loaded)}
    assert len(parents) == 1
    assert hierarchy.GetItemName(parents.pop()) == "study"
    # And a second run still finds its segments.
    updateSegmentation(node, label_map, volume)
    assert node.GetSegmentation().GetNumberOfSegments() == 7
    assert node.GetSegmentation().GetNthSegmentID(2) == "LumbarSeg_psoas"

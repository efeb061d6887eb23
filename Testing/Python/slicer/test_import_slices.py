"""What 3D Slicer's own storage node writes is what `lumbarseg import-slices` reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import slicer
from lumbar_ellipses import LUMBAR, axial_affine, draw, turn_about

from LumbarSegLib.anatomy import BY_KEY, IGNORE_INDEX
from LumbarSegLib.cli import main
from LumbarSegLib.io.labeled_slices import list_slices, read_slices
from LumbarSegNodes.grids import orientedImage
from LumbarSegNodes.segments import nameSegment

#: From left to right and from head to foot, tilted: nothing is in reading order.
AFFINE = axial_affine(((1, 0, 0), (0, -1, 0), (0, 0, -1)), (4.4, 0.6, 0.6), turn_about(0, 17.0) @ turn_about(1, 5.0))


@pytest.mark.parametrize("crop", [False, True], ids=["whole", "cropped"])
def test_a_saved_segmentation_becomes_slices(mrml_scene, add_volume, tmp_path: Path, crop: bool) -> None:
    label_map = draw(AFFINE, LUMBAR.values(), slices=2)
    volume = add_volume((label_map * np.int16(100) + 50).astype(np.int16), AFFINE)
    node = mrml_scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    node.GetSegmentation().SetSourceRepresentationName("Binary labelmap")
    for key, anatomy in BY_KEY.items():
        segment = slicer.vtkSegment()
        mask = label_map == anatomy.index
        if key == "psoas":  # as LumbarSeg's module makes it, then renamed
            nameSegment(segment, anatomy)
        if key == "intervertebral_disc":  # reaches into the sac: a second layer in the file
            mask |= np.roll(mask, 40, axis=1)
        segment.SetName({"psoas": "M. psoas", "lamina": "bone, behind"}.get(key, anatomy.name))
        segment.AddRepresentation("Binary labelmap", orientedImage(mask.astype(np.uint8), volume))
        assert node.GetSegmentation().AddSegment(segment, key)
    image, outlines = tmp_path / "P01.nrrd", tmp_path / "P01.seg.nrrd"
    for kind, saved, path in (("Segmentation", node, outlines), ("VolumeArchetype", volume, image)):
        storage = mrml_scene.AddNewNodeByClass(f"vtkMRML{kind}StorageNode")
        storage.SetFileName(str(path))
        if kind == "Segmentation":
            storage.SetCropToMinimumExtent(crop)
        assert storage.WriteData(saved)

    options = ["--data", str(tmp_path / "data"), "--segment", "bone, behind=lamina"]
    assert main(["import-slices", str(image), str(outlines), *options]) == 0
    slices = read_slices(tmp_path / "data", list_slices(tmp_path / "data"), 9.9)
    assert [each.name for each in slices] == ["P01-000", "P01-001"]
    for each in slices:
        drawn = ((each.image - 50) / 100).astype(int)  # the signal tells the truth, turned alike
        ambiguous = each.label_map == IGNORE_INDEX
        assert ambiguous.any()
        assert set(np.unique(drawn[ambiguous])) <= set(range(7))
        grown = (drawn == 0) & (each.label_map == 7)
        assert np.array_equal(each.label_map[~ambiguous & ~grown], drawn[~ambiguous & ~grown])
        middle = round(np.argwhere(drawn == 1).mean(axis=0)[1])
        psoas = each.label_map == BY_KEY["psoas"].index
        assert psoas[:, :middle].sum() > 1.2 * psoas[:, middle:].sum()  # the right one is larger, and at the left

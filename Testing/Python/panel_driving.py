"""What the tests of the panel share: volumes to segment, and what a user has in the scene."""

from __future__ import annotations

import numpy as np
import slicer
import slicer.util

from LumbarSegLib.phantom.volume import PhantomVolume, draw_phantom_volume

#: Longer than any run of the tests takes on a busy computer.
PATIENCE_S = 60.0


def oblique_flipped_phantom(num_slices: int = 2) -> PhantomVolume:
    """Return a tilted phantom stored from left to right, from head to foot, with rows and columns swapped."""
    straight = draw_phantom_volume(num_slices, seed=5, tilt_deg=17.0)
    # Index (i, j, k) of the stored volume is (I - 1 - j, i, K - 1 - k) of the straight one.
    slices, _, columns = straight.image.shape
    stored_to_straight = np.array(
        [[0, -1, 0, columns - 1], [1, 0, 0, 0], [0, 0, -1, slices - 1], [0, 0, 0, 1]], dtype=float
    )

    def turn(array: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(array[::-1, :, ::-1].swapaxes(1, 2))

    return PhantomVolume(
        turn(straight.image), turn(straight.label_map), straight.affine_ijk_to_ras @ stored_to_straight
    )


def add_volume(name: str, image: np.ndarray, affine_ijk_to_ras: np.ndarray) -> slicer.vtkMRMLScalarVolumeNode:
    """Add a volume to Slicer's scene."""
    return slicer.util.addVolumeFromArray(image, affine_ijk_to_ras, name)


def scene_content() -> dict[str, tuple[object, ...]]:
    """Return the nodes of the scene with what a run would change, without the panel's own parameters."""
    content = {}
    for node in slicer.util.getNodesByClass("vtkMRMLNode"):
        if node.IsA("vtkMRMLScriptedModuleNode") or node.GetSingletonTag() or node.GetHideFromEditors():
            continue
        # The content of segments and tables changes with these times.
        data = node.GetSegmentation() if node.IsA("vtkMRMLSegmentationNode") else node
        attributes = tuple((name, node.GetAttribute(name)) for name in node.GetAttributeNames())
        content[node.GetID()] = (node.GetName(), data.GetMTime(), attributes)
    return content

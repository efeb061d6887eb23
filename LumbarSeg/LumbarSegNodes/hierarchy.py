"""The subject hierarchy: results lie beside their volume, in the same study."""

from __future__ import annotations

import slicer


def placeBeside(node: slicer.vtkMRMLNode, volumeNode: slicer.vtkMRMLVolumeNode) -> None:
    """Put a node under the same item (study, folder or scene) as a volume; nothing happens if it is there.

    Parameters
    ----------
    node : vtkMRMLNode
        Segmentation or table.
    volumeNode : vtkMRMLVolumeNode
        Of the same scene.
    """
    hierarchy = _hierarchy(volumeNode)
    volumeItem = hierarchy.GetItemByDataNode(volumeNode)
    parent = hierarchy.GetItemParent(volumeItem) if volumeItem else hierarchy.GetSceneItemID()
    item = hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(parent, node)
    if hierarchy.GetItemParent(item) != parent:
        hierarchy.SetItemParent(item, parent)


def seriesUid(volumeNode: slicer.vtkMRMLVolumeNode) -> str:
    """Return the DICOM series instance UID that Slicer's import has noted for a volume, or ""."""
    hierarchy = _hierarchy(volumeNode)
    item = hierarchy.GetItemByDataNode(volumeNode)
    uid = hierarchy.GetItemUID(item, slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMUIDName()) if item else ""
    return str(uid or "")


def _hierarchy(node: slicer.vtkMRMLNode) -> slicer.vtkMRMLSubjectHierarchyNode:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())

"""What the tests here need of Slicer: slicer-core, an empty scene, volumes made of arrays."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from slicer_core_import import import_slicer_core

try:
    importlib.metadata.version("slicer-core")
    HAS_SLICER_CORE = True
    # Beside a test folder that bears its name, it cannot be imported as usual.
    import_slicer_core()
except importlib.metadata.PackageNotFoundError:
    HAS_SLICER_CORE = False


class ModuleWithoutSlicer(pytest.Module):
    """A test file that cannot even be imported."""

    def collect(self) -> list[pytest.Item]:
        pytest.skip("needs slicer-core, which is not installed: pip install -e '.[test]'", allow_module_level=True)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Skip every test file of this folder, with the reason, where slicer-core is missing."""
    return None if HAS_SLICER_CORE else ModuleWithoutSlicer.from_parent(parent, path=module_path)


@pytest.fixture
def mrml_scene() -> Iterator[object]:
    """Return an empty scene that converts segmentations as Slicer's Segmentations module does."""
    import slicer

    factory = slicer.vtkSegmentationConverterFactory.GetInstance()
    rules = (
        slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule(),
        slicer.vtkClosedSurfaceToBinaryLabelmapConversionRule(),
    )
    for rule in rules:
        factory.RegisterConverterRule(rule)
    scene = slicer.vtkMRMLScene()
    yield scene
    scene.Clear(True)
    for rule in rules:
        factory.UnregisterConverterRule(rule)


@pytest.fixture
def add_volume(mrml_scene: object) -> Callable[..., object]:
    """Return a function that adds an array (K, J, I) with its affine to the scene, as a volume node."""
    import slicer
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    def add(
        image: np.ndarray,
        affine: np.ndarray,
        name: str = "T2 ax",
        node_class: str = "vtkMRMLScalarVolumeNode",
    ) -> slicer.vtkMRMLScalarVolumeNode:
        slices, rows, columns = image.shape[:3]
        data = vtk.vtkImageData()
        data.SetDimensions(columns, rows, slices)
        data.GetPointData().SetScalars(numpy_to_vtk(image.reshape(columns * rows * slices, -1), deep=True))
        node = mrml_scene.AddNewNodeByClass(node_class, name)
        node.SetAndObserveImageData(data)
        matrix = vtk.vtkMatrix4x4()
        matrix.DeepCopy(np.asarray(affine, dtype=float).ravel())
        node.SetIJKToRASMatrix(matrix)
        return node

    return add


@pytest.fixture
def no_vtk_messages(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Fail a test during which Slicer's classes warn or complain on the console."""
    yield
    _, errors = capfd.readouterr()
    complaints = [line for line in errors.splitlines() if "WARN|" in line or " ERR|" in line]
    assert complaints == []

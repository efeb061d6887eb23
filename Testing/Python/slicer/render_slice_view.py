"""Draw Slicer's axial slice view of a phantom with its outlines, offscreen, into a PNG.

python Testing/Python/slicer/render_slice_view.py slice_view.png

The image comes from Slicer's slice logic, the outlines from its displayable
manager for segmentations, both through slicer-core. The phantom is synthetic.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(PROJECT_ROOT / "LumbarSeg"))

import slicer  # noqa: E402 - LumbarSegNodes lies beside the module, not on the path
import vtk  # noqa: E402
from vtk.util.numpy_support import numpy_to_vtk  # noqa: E402

from LumbarSegLib.phantom.volume import PhantomVolume, draw_phantom_volume  # noqa: E402
from LumbarSegNodes.segmentations import createSegmentation, updateSegmentation  # noqa: E402
from LumbarSegNodes.views import jumpToSlice  # noqa: E402

#: Width and height of the view in pixels.
VIEW_SIZE = (720, 720)

#: Where the letters of the patient's sides stand, as parts of the view, by the view's own axes.
LETTER_POSITIONS = {(-1, 0): (0.02, 0.5), (1, 0): (0.97, 0.5), (0, 1): (0.5, 0.96), (0, -1): (0.5, 0.02)}


def add_phantom(scene: slicer.vtkMRMLScene, phantom: PhantomVolume) -> slicer.vtkMRMLScalarVolumeNode:
    """Add the phantom's image to a scene, in gray, with a window that shows fat and fluid."""
    image = vtk.vtkImageData()
    image.SetDimensions(phantom.image.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(phantom.image.ravel(), deep=True))
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(phantom.affine_ijk_to_ras.ravel())
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "phantom")
    volume.SetAndObserveImageData(image)
    volume.SetIJKToRASMatrix(matrix)
    colors = slicer.vtkMRMLColorTableNode()
    colors.SetTypeToGrey()
    scene.AddNode(colors)
    display = scene.AddNewNodeByClass("vtkMRMLScalarVolumeDisplayNode")
    display.SetAndObserveColorNodeID(colors.GetID())
    display.SetAutoWindowLevel(True)
    volume.SetAndObserveDisplayNodeID(display.GetID())
    return volume


class SliceView:
    """Slicer's axial slice view without a window."""

    def __init__(self, scene: slicer.vtkMRMLScene, volume: slicer.vtkMRMLScalarVolumeNode) -> None:
        self.application = slicer.vtkMRMLApplicationLogic()
        self.application.SetMRMLScene(scene)
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene)
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLApplicationLogic(self.application)
        self.logic.SetMRMLScene(scene)
        self.node = self.logic.AddSliceNode("Red")
        self.node.SetOrientation("Axial")
        self.node.SetDimensions(*VIEW_SIZE, 1)
        self.logic.GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
        self.renderer = vtk.vtkRenderer()
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(True)
        self.window.SetMultiSamples(0)
        self.window.SetSize(*VIEW_SIZE)
        self.window.AddRenderer(self.renderer)
        self.interactor = vtk.vtkGenericRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)

    def draw(self, path: Path) -> None:
        """Draw the image, the outlines over it, and the letters of the patient's sides, and write the view."""
        self._add_image()
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(self.application)
        factory.RegisterDisplayableManager("vtkMRMLSegmentationsDisplayableManager2D")
        group = slicer.vtkMRMLDisplayableManagerGroup()
        group.Initialize(factory, self.renderer)
        group.SetMRMLDisplayableNode(self.node)
        for (x, y), position in LETTER_POSITIONS.items():
            self._add_letter(self._patient_side(x, y), position)
        self.window.Render()
        grabber = vtk.vtkWindowToImageFilter()
        grabber.SetInput(self.window)
        writer = vtk.vtkPNGWriter()
        writer.SetInputConnection(grabber.GetOutputPort())
        writer.SetFileName(str(path))
        writer.Write()

    def _add_image(self) -> None:
        """Show the slice logic's blended image pixel by pixel, as the application's slice view does."""
        self.logic.UpdatePipeline()
        mapper = vtk.vtkImageMapper()
        mapper.SetInputConnection(self.logic.GetImageDataConnection())
        mapper.SetColorWindow(255)
        mapper.SetColorLevel(127.5)
        actor = vtk.vtkActor2D()
        actor.SetMapper(mapper)
        actor.GetProperty().SetDisplayLocationToBackground()
        self.renderer.AddViewProp(actor)

    def _patient_side(self, x: int, y: int) -> str:
        """Return the letter of the patient's side to which an axis of the view runs."""
        to_ras = self.node.GetSliceToRAS()
        direction = [x * to_ras.GetElement(axis, 0) + y * to_ras.GetElement(axis, 1) for axis in range(3)]
        axis = max(range(3), key=lambda each: abs(direction[each]))
        return "RAS"[axis] if direction[axis] > 0 else "LPI"[axis]

    def _add_letter(self, letter: str, position: tuple[float, float]) -> None:
        text = vtk.vtkTextActor()
        text.SetInput(letter)
        text.GetTextProperty().SetFontSize(20)
        text.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
        text.SetPosition(*position)
        self.renderer.AddViewProp(text)


def render(path: Path) -> None:
    """Write the view of the middle slice of a phantom with its true outlines."""
    phantom = draw_phantom_volume(5)
    scene = slicer.vtkMRMLScene()
    volume = add_phantom(scene, phantom)
    segmentation = createSegmentation(volume)
    updateSegmentation(segmentation, phantom.label_map, volume)
    view = SliceView(scene, volume)
    jumpToSlice(volume, 2)
    view.logic.FitSliceToBackground(*VIEW_SIZE)
    view.draw(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("png", type=Path, help="picture to write")
    render(parser.parse_args().png)

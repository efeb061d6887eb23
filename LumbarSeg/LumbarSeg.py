"""The Slicer module: outline and measure axial T2-weighted lumbar MRI in a panel, or from a script."""

import contextlib
import enum
import importlib
import importlib.util
import logging
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode, vtkMRMLTableNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

if importlib.util.find_spec("LumbarSegLib") is None:  # a checkout: the library lies in the folder above
    sys.path.append(str(Path(__file__).resolve().parents[1]))

# LumbarSegNodes and LumbarSegLib are imported where they are used: both import
# numpy, and Slicer reads this file at every start.

#: After these, a volume may have become usable, or no longer be so.
_VOLUME_EVENTS = (
    vtk.vtkCommand.ModifiedEvent,
    vtkMRMLScalarVolumeNode.TransformModifiedEvent,
    vtkMRMLScalarVolumeNode.ImageDataModifiedEvent,
)

#: After these, a segmentation's tables no longer belong to its outlines.
_OUTLINE_EVENTS = (
    slicer.vtkSegmentation.SourceRepresentationModified,
    slicer.vtkSegmentation.SegmentAdded,
    slicer.vtkSegmentation.SegmentRemoved,
)

#: Kinds of messages, by the color of the bar at their left; readable on light and dark.
_INFO, _DONE, _WARNING, _REFUSED = "#7f8c99", "#3d9a5f", "#d9912b", "#d0453c"


def _barStyle(kind: str) -> str:
    # Without the first part, Qt draws no border at all.
    return f"border: none; border-left: 4px solid {kind}; padding: 4px 8px;"


class LumbarSeg(ScriptedLoadableModule):
    """Name, category and help text of the module."""

    def __init__(self, parent) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("LumbarSeg")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = []
        parent.contributors = ["The LumbarSeg developers"]
        parent.helpText = _(
            "Outlines and measures dural sac, ligamentum flavum, psoas, multifidus, erector spinae, lamina and disc "
            "in axial T2-weighted lumbar MRI. Select a volume, press Apply, check the outlines, edit them in the "
            "Segment Editor where they are wrong, and press Measure again. Research use only; not a medical device."
        )
        parent.acknowledgementText = ""
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData() -> None:
    """Offer the synthetic volume in the Sample Data module."""
    import SampleData

    def makeSample(_source):
        volumeNode = LumbarSegLogic().loadSample()
        slicer.util.setSliceViewerLayers(background=volumeNode, fit=True, rotateToVolumePlane=True)
        return [volumeNode]

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="LumbarSeg",
        sampleName="LumbarSegPhantom",
        # The Sample Data module wants these three; nothing is downloaded.
        uris="",
        fileNames="LumbarSegPhantom.nrrd",
        nodeNames="LumbarSegPhantom",
        customDownloader=makeSample,
        thumbnailFileName=str(Path(__file__).parent / "Resources" / "Icons" / "LumbarSeg.png"),
    )


class Device(enum.Enum):
    """Choices of the device; the values are those of the command line."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"

    def label(self) -> str:
        """Return the text of the choice in the panel."""
        labels = {"auto": _("Automatic"), "cpu": _("CPU"), "cuda": _("NVIDIA GPU (CUDA)"), "mps": _("Apple GPU (MPS)")}
        return labels[self.value]


class Precision(enum.Enum):
    """Choices of the number format; the values are those of the command line."""

    AUTO = "auto"
    FULL = "full"

    def label(self) -> str:
        """Return the text of the choice in the panel."""
        return {"auto": _("Automatic"), "full": _("Full (32 bit)")}[self.value]


class LowestLevel(enum.Enum):
    """Names of the lowest disc that is outlined; the values are those of the command line."""

    NOT_NAMED = ""
    L5_S1 = "L5-S1"
    L4_L5 = "L4-L5"
    L3_L4 = "L3-L4"
    L2_L3 = "L2-L3"
    L1_L2 = "L1-L2"
    T12_L1 = "T12-L1"
    L6_S1 = "L6-S1"
    L5_L6 = "L5-L6"
    L4_S1 = "L4-S1"
    S1_S2 = "S1-S2"

    def label(self) -> str:
        """Return the text of the choice in the panel."""
        return self.value or _("Not named")


@parameterNodeWrapper
class LumbarSegParameterNode:
    """What the panel remembers with the scene.

    inputVolume - The volume to segment.
    outputSegmentation - Where the outlines go; none makes a new one.
    lowestLevel - What the lowest outlined disc is called.
    device - Where the network runs.
    weightsPath - File of the network's weights; empty for those that come with LumbarSeg.
    precision - Number format of the network.
    flipAverage - Average with the result of the mirrored slices.
    surfaces - Show the outlines as surfaces.
    tableInLayout - Show the table below the slice views.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    outputSegmentation: vtkMRMLSegmentationNode
    lowestLevel: LowestLevel = LowestLevel.NOT_NAMED
    device: Device = Device.AUTO
    weightsPath: str = ""
    precision: Precision = Precision.AUTO
    flipAverage: bool = False
    surfaces: bool = False
    tableInLayout: bool = True


class LumbarSegWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel: shows the parameter node, starts the logic's jobs and follows them."""

    def __init__(self, parent=None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None
        self._run = None
        self._results = None
        self._volume = None
        self._segmentation = None
        self._outlinesChanged = False
        self._jobOutput = None
        self._message = None

    # Slicer calls these.

    def setup(self) -> None:
        """Build the panel."""
        ScriptedLoadableModuleWidget.setup(self)
        from LumbarSegNodes.resultsPanel import ResultsPanel
        from LumbarSegNodes.runPanel import RunPanel

        uiWidget = slicer.util.loadUI(self.resourcePath("UI/LumbarSeg.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)

        lineEdit = self.ui.weightsPathLineEdit.comboBox().lineEdit()
        lineEdit.placeholderText = _("default")

        self.logic = LumbarSegLogic()
        self._results = ResultsPanel(self.ui, self._onSliceClicked)
        self._run = RunPanel(self.ui, self._onJobEnded)

        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self._onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self._onSceneEndClose)
        self.ui.loadSampleButton.connect("clicked(bool)", self._onLoadSample)
        self.ui.defaultWeightsButton.connect("clicked(bool)", self._onDefaultWeights)
        self.ui.weightsPathLineEdit.connect("currentPathChanged(QString)", self._onWeightsChanged)
        self.ui.applyButton.connect("clicked(bool)", self._onApply)
        self.ui.cancelButton.connect("clicked(bool)", self._onCancel)
        self.ui.measureButton.connect("clicked(bool)", self._onMeasure)
        self.ui.copyButton.connect("clicked(bool)", self._onCopy)
        self.ui.exportButton.connect("clicked(bool)", self._onExport)
        self.ui.tablesTabWidget.connect("currentChanged(int)", self._onTabChanged)
        self.ui.tableInLayoutCheckBox.connect("toggled(bool)", self._onTableInLayoutToggled)
        self.ui.surfacesCheckBox.connect("toggled(bool)", self._onSurfacesToggled)
        self.initializeParameterNode()

    def cleanup(self) -> None:
        """End a running job and stop observing: the panel is about to go."""
        self._run.cancel()
        self._disconnectParameterNode()
        self.removeObservers()

    def enter(self) -> None:
        """Connect the panel with the scene when the module is opened."""
        self.initializeParameterNode()

    def exit(self) -> None:
        """Disconnect the panel when another module is opened; a running job goes on."""
        self._disconnectParameterNode()

    def onReload(self) -> None:
        """Reload the packages too: Slicer's developer mode reloads this file only."""
        self.cleanup()
        reloadPackages()
        ScriptedLoadableModuleWidget.onReload(self)

    # The parameter node.

    def initializeParameterNode(self) -> None:
        """Show the scene's parameter node, with a volume that can be segmented where none is selected."""
        self.setParameterNode(self.logic.getParameterNode())
        if self._parameterNode.inputVolume is None:
            self._parameterNode.inputVolume = self.logic.firstUsableVolume()

    def setParameterNode(self, parameterNode) -> None:
        """Connect the panel with a parameter node, or with none."""
        self._disconnectParameterNode()
        self._parameterNode = parameterNode
        if parameterNode is not None:
            self._parameterNodeGuiTag = parameterNode.connectGui(self.ui)
            self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self._onParametersChanged)
        self._onParametersChanged()

    def _disconnectParameterNode(self) -> None:
        if self._parameterNodeGuiTag is not None:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self._parameterNodeGuiTag = None
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._onParametersChanged)

    def _onParametersChanged(self, _caller=None, _event=None) -> None:
        parameters = self._parameterNode
        if parameters is not None and self.ui.weightsPathLineEdit.currentPath != parameters.weightsPath:
            self.ui.weightsPathLineEdit.currentPath = parameters.weightsPath
        self._message = None
        self._observeVolume(parameters.inputVolume if parameters is not None else None)
        self._observeSegmentation(parameters.outputSegmentation if parameters is not None else None)
        self._updatePanel()

    def _observeVolume(self, volumeNode) -> None:
        """Follow the selected volume, as hardening a transform makes it usable."""
        if volumeNode is self._volume:
            return
        self._replaceObservers(self._volume, volumeNode, _VOLUME_EVENTS, self._onVolumeChanged)
        self._volume = volumeNode
        self._run.cancel()  # while a job runs, the selection changes only if the volume is removed
        segmentationNode = self._parameterNode.outputSegmentation if self._parameterNode is not None else None
        if segmentationNode is not None and self.logic.volumeOf(segmentationNode) not in (None, volumeNode):
            # Another volume's outlines are not what this one's should replace.
            self._parameterNode.outputSegmentation = self.logic.segmentationOf(volumeNode)

    def _observeSegmentation(self, segmentationNode) -> None:
        """Show the tables of the selected segmentation, and notice when its outlines change."""
        if segmentationNode is self._segmentation:
            return
        self._replaceObservers(self._segmentation, segmentationNode, _OUTLINE_EVENTS, self._onOutlinesChanged)
        self._segmentation = segmentationNode
        self._showTables()

    def _replaceObservers(self, before, after, events, method) -> None:
        for event in events:
            if before is not None:
                self.removeObserver(before, event, method)
            if after is not None:
                self.addObserver(after, event, method)

    def _onVolumeChanged(self, _caller=None, _event=None) -> None:
        self._updatePanel()

    def _onOutlinesChanged(self, _caller=None, _event=None) -> None:
        self._outlinesChanged = True
        self._message = None
        self._updatePanel()

    def _onSceneStartClose(self, _caller=None, _event=None) -> None:
        self._run.cancel()
        self.setParameterNode(None)

    def _onSceneEndClose(self, _caller=None, _event=None) -> None:
        if self.parent.isEntered:
            self.initializeParameterNode()

    # Segmenting.

    def _onLoadSample(self, _checked: bool = False) -> None:
        with self._failuresShown(_("The sample could not be made.")), slicer.util.WaitCursor():
            volumeNode = self.logic.loadSample()
            self._parameterNode.inputVolume = volumeNode
            slicer.util.setSliceViewerLayers(background=volumeNode, fit=True, rotateToVolumePlane=True)

    def _onDefaultWeights(self, _checked: bool = False) -> None:
        self._parameterNode.weightsPath = ""

    def _onWeightsChanged(self, path: str) -> None:
        if self._parameterNode is not None:
            self._parameterNode.weightsPath = path

    def _onApply(self, _checked: bool = False) -> None:
        from LumbarSegNodes import installation

        parameters = self._parameterNode
        with self._failuresShown(_("The segmentation could not be started.")):
            if not installation.ensureInstalled():
                self._setMessage(_INFO, _("Nothing was installed. Segmenting needs PyTorch; Apply asks again."))
                return
            if not self._mayReplace(parameters.outputSegmentation):
                return
            with slicer.util.WaitCursor():
                job = self.logic.start(
                    parameters.inputVolume,
                    device=parameters.device.value,
                    weightsPath=parameters.weightsPath or None,
                    precision=parameters.precision.value,
                    flipAverage=parameters.flipAverage,
                )
            self._jobOutput = parameters.outputSegmentation
            self._message = None
            self._run.follow(job)
        self._updatePanel()

    def _mayReplace(self, segmentationNode) -> bool:
        """Ask before outlines are replaced that a person has drawn or changed."""
        if segmentationNode is None or not self.logic.isEdited(segmentationNode, self._volume):
            return True
        question = _("The outlines in {name} have been edited by hand. Replace them?")
        return slicer.util.confirmOkCancelDisplay(
            question.format(name=segmentationNode.GetName()), windowTitle=_("Replace edited outlines?")
        )

    def _onJobEnded(self, job, seconds: float) -> None:
        """Put the result into the scene."""
        output, self._jobOutput = self._jobOutput, None
        with self._failuresShown(_("The segmentation failed.")), slicer.util.WaitCursor():
            parameters = self._parameterNode
            nodes = self.logic.finish(job, output, parameters.surfaces, parameters.lowestLevel.value)
            self._parameterNode.outputSegmentation = nodes.segmentationNode
            self._observeSegmentation(
                nodes.segmentationNode
            )  # the parameter node is silent while another module is open
            self._showTables()
            if self.parent.isEntered:
                self._showResults(job.volumeNode)
            text = _("Finished in {seconds:.0f} s. Check the outlines before you use the measurements.")
            text = "\n".join([text.format(seconds=seconds), *nodes.warnings])
            self._setMessage(_WARNING if nodes.warnings else _DONE, text)
        self._updatePanel()

    def _showResults(self, volumeNode) -> None:
        slicer.util.setSliceViewerLayers(background=volumeNode, fit=True, rotateToVolumePlane=True)
        self._onSliceClicked(volumeNode.GetImageData().GetDimensions()[2] // 2)
        self._results.showInLayout(self._parameterNode.tableInLayout)

    def _onCancel(self, _checked: bool = False) -> None:
        self._run.cancel()
        self._setMessage(_INFO, _("Cancelled. The scene is as it was."))

    # Results.

    def _showTables(self) -> None:
        """Show the tables of the selected segmentation, which belong to its outlines now."""
        self._outlinesChanged = False
        tables = self.logic.findTables(self._segmentation)
        self._results.setTables(*tables)
        if any(tables):
            self.ui.resultsCollapsibleButton.collapsed = False

    def _onMeasure(self, _checked: bool = False) -> None:
        with self._failuresShown(_("The outlines could not be measured.")), slicer.util.WaitCursor():
            self.logic.measure(self._segmentation, self._measuredVolume(), self._parameterNode.lowestLevel.value)
            self._showTables()
            self._setMessage(_DONE, _("Measured the outlines as they are now."))

    def _measuredVolume(self):
        return self.logic.volumeOf(self._segmentation) or self._parameterNode.inputVolume

    def _onSliceClicked(self, sliceIndex: int) -> None:
        from LumbarSegNodes import views

        views.jumpToSlice(self._measuredVolume(), sliceIndex)

    def _onCopy(self, _checked: bool = False) -> None:
        self._results.copy()
        self._setMessage(_DONE, _("Copied the table."))

    def _onExport(self, _checked: bool = False) -> None:
        with self._failuresShown(_("The table could not be saved.")):
            path = self._results.askAndExport()
            if path is not None:
                self._setMessage(_DONE, _("Saved {path}").format(path=path))

    def _onTabChanged(self, _index: int) -> None:
        if self._parameterNode is not None and self._parameterNode.tableInLayout:
            self._results.showInLayout(True)

    def _onTableInLayoutToggled(self, checked: bool) -> None:
        self._results.showInLayout(checked)

    def _onSurfacesToggled(self, checked: bool) -> None:
        from LumbarSegNodes import views

        if self._segmentation is not None:
            with self._failuresShown(_("The surfaces could not be made.")), slicer.util.WaitCursor():
                views.showSurfaces(self._segmentation, checked)

    # What the panel says.

    @contextlib.contextmanager
    def _failuresShown(self, title: str) -> Iterator[None]:
        """Show what a user can repair in the panel, and faults of the program in a window with details."""
        from LumbarSegLib.errors import InputError

        with slicer.util.tryWithErrorDisplay(title):
            try:
                yield
            except (InputError, RuntimeError, OSError) as error:
                logging.warning("%s %s", title, error)
                self._run.log(str(error))
                self._setMessage(_REFUSED, f"{title} {error}")

    def _setMessage(self, kind: str, text: str) -> None:
        self._message = (kind, text)
        self._updatePanel()

    def _updatePanel(self) -> None:
        """Enable what can be done and say why the rest cannot."""
        isRunning = self._run.isRunning
        refusal = self.logic.refusal(self._volume)
        canApply = refusal is None and not isRunning
        self.ui.applyButton.enabled = canApply
        self.ui.applyButton.toolTip = _("Outline and measure the volume.") if canApply else str(refusal or "")
        self.ui.cancelButton.enabled = isRunning
        self.ui.progressBar.visible = isRunning
        for widget in (self.ui.inputsCollapsibleButton, self.ui.advancedCollapsibleButton):
            widget.enabled = not isRunning
        self._updateResultWidgets(isRunning)
        kind, text = self._status(isRunning, refusal)
        self.ui.statusLabel.text = text
        self.ui.statusLabel.styleSheet = _barStyle(kind)

    def _updateResultWidgets(self, isRunning: bool) -> None:
        hasTable = self._results.currentTable is not None
        self.ui.measureButton.enabled = self._segmentation is not None and not isRunning
        self.ui.tablesTabWidget.visible = hasTable
        for widget in (self.ui.copyButton, self.ui.exportButton, self.ui.allColumnsCheckBox):
            widget.enabled = hasTable
        self.ui.resultsLabel.text = self._resultsText(hasTable)
        self.ui.resultsLabel.styleSheet = _barStyle(_WARNING) if hasTable and self._staleness() else ""
        device = self.logic.deviceOf(self._segmentation) if self._segmentation is not None else ""
        self.ui.deviceReasonLabel.text = (
            _("Last run: {device}").format(device=device) if device else _("Chosen when the segmentation starts.")
        )

    def _resultsText(self, hasTable: bool) -> str:
        if not hasTable:
            return _("No measurements yet.")
        return self._staleness() or self._results.source

    def _staleness(self) -> str:
        """Say what has changed since the tables were computed; an empty text if nothing has."""
        if self._outlinesChanged:
            return _("The outlines have changed since they were measured: press Measure again.")
        parameters = self._parameterNode
        if parameters is not None and parameters.lowestLevel.value != self.logic.lowestLevelOf(self._segmentation):
            return _("The lowest level was renamed: press Measure again to name the levels.")
        return ""

    def _status(self, isRunning: bool, refusal) -> tuple[str, str]:
        if isRunning:
            return _INFO, _("Segmenting {volume}. You can go on working.").format(volume=self._volume.GetName())
        if self._volume is not None and refusal is not None:
            return _REFUSED, str(refusal)
        if self._message is not None:
            return self._message
        if self._volume is None:
            return _INFO, _("Select an axial T2 volume, or press 'Load sample'.")
        warnings = self.logic.warnings(self._volume)
        if warnings:
            return _WARNING, "\n".join(warnings)
        count = self._volume.GetImageData().GetDimensions()[2]
        return _DONE, _("Ready: {n} slices.").format(n=count) if count != 1 else _("Ready: 1 slice.")


@dataclass(frozen=True)
class ResultNodes:
    """What a run has put into the scene.

    Parameters
    ----------
    segmentationNode : vtkMRMLSegmentationNode
        The outlines.
    sliceTableNode, levelTableNode : vtkMRMLTableNode
        The measurements by slice and by level.
    warnings : tuple of str
        What a reader of the results has to know.
    """

    segmentationNode: vtkMRMLSegmentationNode
    sliceTableNode: vtkMRMLTableNode
    levelTableNode: vtkMRMLTableNode
    warnings: tuple[str, ...]


class LumbarSegLogic(ScriptedLoadableModuleLogic):
    """Segment and measure volumes of the scene; needs no panel.

    From a script: ``LumbarSegLogic().process(volumeNode)``.
    """

    def getParameterNode(self) -> LumbarSegParameterNode:
        """Return the scene's parameter node."""
        return LumbarSegParameterNode(super().getParameterNode())

    def process(
        self,
        volumeNode,
        segmentationNode=None,
        device: str = "auto",
        weightsPath: str | Path | None = None,
        precision: str = "auto",
        flipAverage: bool = False,
        surfaces: bool = False,
        onProgress: Callable[[object], None] | None = None,
        lowestLevel: str = "",
    ) -> ResultNodes:
        """Segment and measure a volume, and wait for it.

        Parameters
        ----------
        volumeNode : vtkMRMLScalarVolumeNode
            Axial T2-weighted lumbar MRI.
        segmentationNode : vtkMRMLSegmentationNode, optional
            Gets the outlines; made where not given.
        device, weightsPath, precision, flipAverage
            See `LumbarSegNodes.childProcess.SegmentationOptions`.
        surfaces : bool
            Also make surfaces and show them.
        onProgress : callable, optional
            Gets every event of the job, see `LumbarSegNodes.childProcess`.
        lowestLevel : str
            Name of the lowest disc of the volume, such as ``L5-S1``; those above
            are counted. Empty names none.

        Returns
        -------
        ResultNodes

        Raises
        ------
        InputError
            If the volume, the weights, the device or the name of the level cannot be used.
        RuntimeError
            If the segmentation failed. The scene is as it was then.
        """
        job = self.start(volumeNode, device, weightsPath, precision, flipAverage)
        try:
            isRunning = True
            while isRunning:
                isRunning = job.isRunning  # asked first: what it said last must not be missed
                for event in job.poll():
                    if onProgress is not None:
                        onProgress(event)
                time.sleep(0.02)
            return self.finish(job, segmentationNode, surfaces, lowestLevel)
        except BaseException:
            job.cancel()
            raise

    def start(
        self,
        volumeNode,
        device: str = "auto",
        weightsPath: str | Path | None = None,
        precision: str = "auto",
        flipAverage: bool = False,
    ):
        """Start to segment a volume in a child process; `finish` takes the job when it has ended.

        Parameters
        ----------
        volumeNode, device, weightsPath, precision, flipAverage
            As for `process`.

        Returns
        -------
        LumbarSegNodes.childProcess.SegmentationJob

        Raises
        ------
        InputError
            If the volume cannot be used.
        """
        from LumbarSegNodes.childProcess import SegmentationJob, SegmentationOptions

        refusal = self.refusal(volumeNode)
        if refusal is not None:
            raise refusal
        weights = Path(weightsPath) if weightsPath else None
        job = SegmentationJob(volumeNode, SegmentationOptions(device, weights, precision, flipAverage))
        job.start()
        return job

    def finish(self, job, segmentationNode=None, surfaces: bool = False, lowestLevel: str = "") -> ResultNodes:
        """Put the result of a job that has ended into the scene.

        Parameters
        ----------
        job : LumbarSegNodes.childProcess.SegmentationJob
            No longer running.
        segmentationNode, surfaces, lowestLevel
            As for `process`; a node that has left the scene is made anew.

        Returns
        -------
        ResultNodes

        Raises
        ------
        InputError
            If the input was refused, or the volume has left the scene or changed
            so that the outlines do not fit it.
        RuntimeError
            If the job failed or was cancelled.
        """
        from LumbarSegLib.errors import InputError
        from LumbarSegNodes import results, segmentations, views

        result = job.result()
        volumeNode = job.volumeNode
        if not slicer.mrmlScene.IsNodePresent(volumeNode):
            raise InputError(_("The volume was removed meanwhile."), _("Load it and press Apply again."))
        # Checked before anything is replaced: outlines of another grid would be measured wrongly.
        refusal = self.refusal(volumeNode)
        if refusal is not None:
            raise refusal
        if not job.isVolumeAsStarted:
            raise InputError(_("The volume's grid was changed meanwhile."), _("Press Apply again."))
        with _withoutLeftovers():
            if segmentationNode is None or not slicer.mrmlScene.IsNodePresent(segmentationNode):
                segmentationNode = segmentations.createSegmentation(volumeNode)
            segmentations.updateSegmentation(segmentationNode, result.labelMap, volumeNode)
            weights = (result.parameters["weightsName"], result.parameters["weightsSha256"])
            segmentations.setOrigin(segmentationNode, *weights, result.device)
            sliceTable, levelTable = results.updateTables(segmentationNode, volumeNode, lowestLevel)
            if surfaces:
                views.showSurfaces(segmentationNode, True)
        warnings = dict.fromkeys([*self.warnings(volumeNode), *result.warnings])
        return ResultNodes(segmentationNode, sliceTable, levelTable, tuple(warnings))

    def measure(self, segmentationNode, volumeNode, lowestLevel: str = ""):
        """Compute a segmentation's tables from the outlines that it holds now.

        Parameters
        ----------
        segmentationNode : vtkMRMLSegmentationNode
            With LumbarSeg's segments, edited or not.
        volumeNode : vtkMRMLScalarVolumeNode
            The volume that they outline.
        lowestLevel : str
            As for `process`.

        Returns
        -------
        sliceTableNode, levelTableNode : vtkMRMLTableNode
            The same nodes at every call.

        Raises
        ------
        InputError
            If the volume cannot be measured, or the name is of no level.
        """
        from LumbarSegNodes import results

        refusal = self.refusal(volumeNode)
        if refusal is not None:
            raise refusal
        return results.updateTables(segmentationNode, volumeNode, lowestLevel)

    def loadSample(self):
        """Put a synthetic volume into the scene and return it; nothing is downloaded."""
        from LumbarSegLib.phantom.volume import draw_phantom_volume

        phantom = draw_phantom_volume()
        return slicer.util.addVolumeFromArray(phantom.image, phantom.affine_ijk_to_ras, _("Lumbar phantom"))

    # What the panel asks.

    def refusal(self, volumeNode):
        """Return why a volume cannot be segmented (an InputError), or None."""
        from LumbarSegNodes import volumes

        return volumes.refusal(volumeNode)

    def warnings(self, volumeNode) -> list[str]:
        """Return what a reader of the results has to know about a volume that is not refused."""
        from LumbarSegNodes import volumes

        return volumes.warnings(volumeNode)

    def firstUsableVolume(self):
        """Return the first volume of the scene that can be segmented, else the first volume, else None."""
        volumeNodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
        usable = [node for node in volumeNodes if self.refusal(node) is None]
        return next(iter(usable + volumeNodes), None)

    def findTables(self, segmentationNode):
        """Return the slice table and the level table of a segmentation, None for what is not there."""
        from LumbarSegNodes import results

        return (None, None) if segmentationNode is None else results.findTables(segmentationNode)

    def volumeOf(self, segmentationNode):
        """Return the volume whose grid a segmentation has, or None."""
        role = vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
        return segmentationNode.GetNodeReference(role)

    def segmentationOf(self, volumeNode):
        """Return LumbarSeg's segmentation of a volume, or None."""
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
            if self.volumeOf(node) is volumeNode and self.findTables(node)[0] is not None:
                return node
        return None

    def isEdited(self, segmentationNode, volumeNode) -> bool:
        """Whether a segmentation holds outlines of LumbarSeg's anatomies that a person has drawn or changed."""
        from LumbarSegNodes import segmentations

        labelMap, _notes = segmentations.labelMapFromSegmentation(segmentationNode, volumeNode)
        return bool(labelMap.any()) and not segmentations.isAsSegmented(segmentationNode, labelMap, volumeNode)

    def lowestLevelOf(self, segmentationNode) -> str:
        """Return what the lowest level was called when a segmentation was measured, or an empty text."""
        from LumbarSegNodes import results

        return segmentationNode.GetAttribute(results.LOWEST_LEVEL_ATTRIBUTE) or ""

    def deviceOf(self, segmentationNode) -> str:
        """Return which device made a segmentation and why, or an empty text."""
        from LumbarSegNodes import segmentations

        return segmentationNode.GetAttribute(segmentations.DEVICE_ATTRIBUTE) or ""


@contextlib.contextmanager
def _withoutLeftovers() -> Iterator[None]:
    """Remove the nodes that were added meanwhile, if the block fails."""
    before = set(slicer.util.getNodesByClass("vtkMRMLNode"))
    try:
        yield
    except BaseException:
        for node in slicer.util.getNodesByClass("vtkMRMLNode"):
            # Removing a node may take others along.
            if node not in before and slicer.mrmlScene.IsNodePresent(node):
                slicer.mrmlScene.RemoveNode(node)
        raise


def reloadPackages() -> None:
    """Import the module's packages anew from their files, for developers."""
    names = [name for name in sys.modules if name.partition(".")[0] in {"LumbarSegNodes", "LumbarSegLib"}]
    for name in names:
        del sys.modules[name]
    for name in names:
        importlib.import_module(name)


class LumbarSegTest(ScriptedLoadableModuleTest):
    """Runs inside Slicer on the synthetic volume; the tests outside Slicer are in Testing/Python."""

    def setUp(self) -> None:
        """Start from an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """Run every test."""
        for test in (self.test_refusal, self.test_measure, self.test_process):
            self.setUp()
            test()
            self.delayDisplay(f"{test.__name__} passed")

    def test_refusal(self) -> None:
        """A sagittal volume is refused with its angle."""
        logic = LumbarSegLogic()
        volumeNode = logic.loadSample()
        self.assertIsNone(logic.refusal(volumeNode))
        volumeNode.SetIJKToRASDirections(0, 0, 1, 1, 0, 0, 0, 1, 0)
        self.assertIn("90", str(logic.refusal(volumeNode)))

    def test_measure(self) -> None:
        """Outlines drawn by hand are measured, and again after an edit, into the same tables."""
        from LumbarSegLib.phantom.volume import draw_phantom_volume
        from LumbarSegNodes import segmentations

        logic = LumbarSegLogic()
        volumeNode = logic.loadSample()
        segmentationNode = segmentations.createSegmentation(volumeNode)
        labelMap = draw_phantom_volume().label_map
        segmentations.updateSegmentation(segmentationNode, labelMap, volumeNode)
        sliceTable, levelTable = logic.measure(segmentationNode, volumeNode)
        self.assertEqual(sliceTable.GetNumberOfRows(), len(labelMap))
        self.assertEqual(levelTable.GetNumberOfRows(), 1)
        labelMap[labelMap == 1] = 0
        segmentations.updateSegmentation(segmentationNode, labelMap, volumeNode)
        self.assertEqual(logic.measure(segmentationNode, volumeNode), (sliceTable, levelTable))

    def test_process(self) -> None:
        """The network outlines the sample's disc; needs PyTorch, which a self-test never installs."""
        from LumbarSegNodes import installation, segmentations

        if missing := installation.missingPackages():
            self.delayDisplay(f"Skipped the network: {', '.join(missing)} not installed")
            return
        logic = LumbarSegLogic()
        volumeNode = logic.loadSample()
        nodes = logic.process(volumeNode, device="cpu")
        labelMap, notes = segmentations.labelMapFromSegmentation(nodes.segmentationNode, volumeNode)
        self.assertEqual(labelMap.shape, slicer.util.arrayFromVolume(volumeNode).shape)
        self.assertGreater((labelMap == 7).sum(), 1000)
        self.assertEqual(notes, [])
        self.assertEqual(nodes.sliceTableNode.GetNumberOfRows(), len(labelMap))

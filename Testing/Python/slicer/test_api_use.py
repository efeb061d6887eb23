"""Every name of Slicer, Qt, CTK and VTK that the module uses is one that there is."""

from __future__ import annotations

from pathlib import Path

import pytest
import slicer_host

slicer_host.install()

from slicer_host.api_use import faults_in, ui_classes  # noqa: E402

PROJECT_ROOT = Path(__file__).resolve().parents[3]
SOURCES = [path for folder in ("LumbarSeg", "LumbarSegCLI") for path in sorted((PROJECT_ROOT / folder).rglob("*.py"))]
UI_FILE = PROJECT_ROOT / "LumbarSeg" / "Resources" / "UI" / "LumbarSeg.ui"


def test_there_are_sources_that_use_slicer() -> None:
    assert {"LumbarSeg.py", "LumbarSegCLI.py", "volumes.py"} <= {path.name for path in SOURCES}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_name_that_is_used_exists(path: Path) -> None:
    assert faults_in(path.read_text(encoding="utf-8"), ui_classes(UI_FILE)) == []


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("import qt\nqt.QPushButon()", "qt has no 'QPushButon'"),
        ("import qt\nqt.QSizePolicy.Expandin", "QSizePolicy has no 'Expandin'"),
        ("import qt\nqt.QSizePolicy.Policy.Expanding", "without Policy"),
        ("import qt\nqt.Signal()", "qt has no 'Signal'"),
        ("import qt\nb = qt.QPushButton()\nb.clicked.connect(f)\nb.tooltip = ''", "QPushButton has no 'tooltip'"),
        ("import qt\nb = qt.QPushButton()\nb.connect('click()', f)", "QPushButton has no signal 'click()'"),
        ("import ctk\nctk.ctkColapsibleButton()", "ctk has no 'ctkColapsibleButton'"),
        ("import slicer\nslicer.qMRMLNodeCombobox()", "slicer has no 'qMRMLNodeCombobox'"),
        ("import slicer\nslicer.app.layoutManger()", "qSlicerApplication has no 'layoutManger'"),
        ("import slicer\nm = slicer.app.layoutManager()\nm.setLayuot(3)", "qSlicerLayoutManager has no 'setLayuot'"),
        ("import slicer\nslicer.app.layoutManager().setLayout(1, 2)", "setLayout takes [1] arguments"),
        ("import slicer\nslicer.mrmlScene.Close()", "vtkMRMLScene has no 'Close'"),
        ("import slicer\nslicer.vtkMRMLScalarVolume", "slicer has no 'vtkMRMLScalarVolume'"),
        ("import slicer\nslicer.util.errorDisplays('x')", "slicer.util has no 'errorDisplays'"),
        ("import slicer\nslicer.util.infoDisplay('x', title='y')", None),
        ("import slicer\nslicer.util.showStatusMessage('x', time=1)", "has no argument 'time'"),
        ("import slicer\ndef f(n: slicer.vtkMRMLTableNode | None):\n n.GetRows()", "vtkMRMLTableNode has no 'GetRows'"),
        ("from slicer.util import WaitCursors", "slicer.util has no 'WaitCursors'"),
        ("from slicer.packaging import pip_ensures", "slicer.packaging has no 'pip_ensures'"),
        ("from slicer.packaging import pip_ensure\npip_ensure('a', ask=True)", "has no argument 'ask'"),
        ("from slicer.parameterNodeWrapper import parameterNodeWrap", "has no 'parameterNodeWrap'"),
        ("import PyTorchUtils\nPyTorchUtils.PyTorchUtilsLogic().install()", "PyTorchUtils has no 'install'"),
        ("import PyTorchUtils\nPyTorchUtils.PyTorchUtilsLogic().installTorch(ask=True)", "has no argument 'ask'"),
        ("import vtk\nvtk.vtkCommand.ModifedEvent", "vtkCommand has no 'ModifedEvent'"),
        ("self.ui.applyButon.enabled = True", "the .ui file has no 'applyButon'"),
        ("self.ui.applyButton.enable = True", "QPushButton has no 'enable'"),
        ("self.ui.inputVolumeSelector.currentNodes()", "qMRMLNodeComboBox has no 'currentNodes'"),
        (
            "self.ui.inputVolumeSelector.connect('currentNodeChanged(int)', f)",
            "has no signal 'currentNodeChanged(int)'",
        ),
        (
            "import qt\nclass W:\n def a(self):\n  self.t = qt.QTimer()\n def b(self):\n  self.t.begin()",
            "QTimer has no 'begin'",
        ),
    ],
)
def test_a_wrong_use_is_found(source: str, fault: str | None) -> None:
    faults = faults_in(source, ui_classes(UI_FILE))
    assert len(faults) == (fault is not None)
    assert fault is None or fault in faults[0]

"""The host that stands in for Slicer's application: honest about names, and it does what Slicer does."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import slicer_host
from host_toys import MODULE, UI, fresh_host
from slicer_host import make_names, tables
from slicer_host.dialogs import UnansweredDialogError
from slicer_host.proxies import PARTS, Part, proxy_class
from slicer_host.pythonqt import SignalNotFoundError

slicer_host.install()

import ctk  # noqa: E402
import qt  # noqa: E402
import slicer  # noqa: E402
import slicer.util  # noqa: E402

LISTED = sorted(tables.NAMES["classes"])


@pytest.fixture(autouse=True)
def _fresh_host() -> Iterator[None]:
    yield from fresh_host()


# Names


@pytest.mark.parametrize("name", LISTED)
def test_a_class_offers_what_the_tables_list_and_no_more(name: str) -> None:
    cls = proxy_class(name)
    chain = tables.ancestry(name)
    listed = {
        member
        for table in map(tables.class_table, chain)
        for member in (*table.properties, *table.methods, *(signal for signal, _types in table.signals))
    }
    qt_base = next(base for base in cls.__mro__ if base.__module__.startswith("PySide6"))
    assert {member for member in dir(cls) if not member.startswith("_")} == listed | {
        member for member in dir(qt_base) if not member.startswith("_")
    }


@pytest.mark.parametrize("part", sorted(set(PARTS.values()), key=lambda part: part.__name__))
def test_a_part_plays_listed_names_only(part: type[Part]) -> None:
    owners = [name for name, registered in PARTS.items() if issubclass(registered, part)]
    chain = {name for owner in owners for name in tables.ancestry(owner)}
    properties = {name for entry in chain for name in tables.class_table(entry).properties}
    methods = {name for entry in chain for name in tables.class_table(entry).methods}
    played = {name for name, value in vars(part).items() if callable(value) and not name.startswith("_")}
    accessors = {f"{way}_{name}" for way in ("read", "write") for name in properties}
    # A table model gets its node from its view.
    internal = {"show_node"} if part.__name__ == "TableModel" else set()
    assert played - set(part.OVERRIDES) - internal <= accessors | methods


def test_names_agree_with_the_shared_tables(shared_data_dir: Path) -> None:
    assert make_names.collect(shared_data_dir.parent / "slicer_api") == tables.NAMES


@pytest.mark.parametrize(
    "module", ["PyTorchUtils", "SampleData", "slicer.ScriptedLoadableModule", "slicer.i18n", "slicer.packaging"]
)
def test_python_modules_have_listed_names_and_arguments(module: str) -> None:
    listed = tables.NAMES["modules"][module]
    for name, value in vars(sys.modules[module]).items():
        if name.startswith("_"):
            continue
        if isinstance(listed[name], str):
            assert tables.argument_names(str(inspect.signature(value))) == tables.argument_names(listed[name])
            continue
        methods = listed[name]["methods"]
        for method, function in vars(value).items():
            if callable(function) and not method.startswith("_"):
                expected = [argument for argument in tables.argument_names(methods[method]) if argument != "self"]
                bound = function.__func__ if isinstance(function, staticmethod) else function
                found = tables.argument_names(str(inspect.signature(bound)))
                assert [argument for argument in found if argument != "self"] == expected


def test_unknown_names_are_refused_with_the_class() -> None:
    selector = slicer.qMRMLNodeComboBox()
    with pytest.raises(AttributeError, match=r"qMRMLNodeComboBox.*'currentNodes'"):
        selector.currentNodes()
    with pytest.raises(AttributeError, match=r"qMRMLNodeComboBox.*'setNodeTypes'"):
        selector.setNodeTypes(["vtkMRMLTableNode"])
    with pytest.raises(AttributeError, match=r"QPushButton.*'payload'"):
        qt.QPushButton().payload = 1
    with pytest.raises(AttributeError, match="ctkPathLineEdits"):
        ctk.ctkPathLineEdits()
    with pytest.raises(AttributeError, match="nosuchmodule"):
        _ = slicer.modules.nosuchmodule
    with pytest.raises(AttributeError, match="Signal"):
        _ = qt.Signal
    with pytest.raises(NotImplementedError, match=r"qSlicerCoreApplication\.restart"):
        slicer.app.restart()


def test_properties_take_their_type_only() -> None:
    with pytest.raises(ValueError, match="baseName"):
        slicer.qMRMLNodeComboBox().baseName = 3
    with pytest.raises(ValueError, match="text"):
        qt.QLabel().text = object()
    with pytest.raises(AttributeError, match="method"):
        qt.QPushButton().click = None
    with pytest.raises(TypeError, match="setCurrentNodeID"):
        slicer.qMRMLNodeComboBox().setCurrentNodeID("a", "b")


def test_a_python_class_keeps_its_own_attributes() -> None:
    class Filter(qt.QObject):
        def __init__(self) -> None:
            super().__init__()
            self.count = 0

        def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802
            self.count += 1
            return False

    button, events = qt.QPushButton(), Filter()
    button.installEventFilter(events)
    button.show()
    slicer.app.processEvents()
    assert events.count > 0


# PythonQt


def test_properties_are_attributes_beside_their_setters() -> None:
    label = qt.QLabel("one")
    label.text = "two"
    assert label.text == "two"
    label.setText("three")
    assert (label.text, label.className()) == ("three", "QLabel")
    label.name = "title"
    assert label.objectName == "title"
    label.setProperty("SlicerParameterName", "a")
    assert label.SlicerParameterName == "a"
    layout = qt.QVBoxLayout()
    layout.spacing = 7
    assert layout.spacing == 7
    assert label.sizeHint.width() > 0


def test_signals_connect_by_name_and_by_attribute() -> None:
    button = qt.QPushButton()
    button.checkable = True
    heard: list[Any] = []

    def plain(*arguments: Any) -> None:
        heard.append(arguments)

    button.connect("clicked()", plain)
    button.connect("toggled(bool)", heard.append)
    button.clicked.connect(lambda checked: heard.append(checked))
    button.click()
    assert heard == [True, (), True]
    button.disconnect("clicked()", plain)
    button.disconnect("toggled(bool)", heard.append)
    button.click()
    assert heard[3:] == [False]
    with pytest.raises(SignalNotFoundError, match=r"QPushButton.*clickd"):
        button.connect("clickd()", plain)
    with pytest.raises(SignalNotFoundError, match=r"qMRMLNodeComboBox.*valueChanged"):
        slicer.qMRMLNodeComboBox().connect("valueChanged(double)", plain)


def test_errors_in_receivers_are_not_lost() -> None:
    def fail() -> None:
        raise LookupError("from a receiver")

    button = qt.QPushButton()
    button.connect("clicked()", fail)
    button.click()
    with pytest.raises(LookupError, match="from a receiver"):
        slicer_host.raise_unhandled_errors()


# Dialogs and installations


def test_messages_are_recorded_and_questions_answered() -> None:
    slicer.util.errorDisplay("It went wrong.", windowTitle="Segment", detailedText="Details")
    slicer_host.DIALOGS.answers[:] = [qt.QMessageBox.Cancel, qt.QMessageBox.Yes]
    assert not slicer.util.confirmOkCancelDisplay("Install?")
    assert slicer.util.confirmYesNoDisplay("Replace?")
    assert [message.text for message in slicer_host.DIALOGS.messages] == ["It went wrong.", "Install?", "Replace?"]
    assert slicer_host.DIALOGS.messages[0].detailed_text == "Details"
    with pytest.raises(UnansweredDialogError, match="Again"):
        slicer.util.confirmYesNoDisplay("Again?")
    with pytest.raises(UnansweredDialogError, match="QDialog"):
        qt.QDialog().exec_()


def test_an_answer_that_the_box_does_not_offer_is_refused() -> None:
    slicer_host.DIALOGS.answers[:] = [qt.QMessageBox.Yes]
    with pytest.raises(UnansweredDialogError, match="button"):
        slicer.util.confirmOkCancelDisplay("Install?")


def test_file_dialogs_return_the_path_alone() -> None:
    slicer_host.DIALOGS.file_answers[:] = ["/somewhere/areas.csv", ""]
    assert qt.QFileDialog.getSaveFileName(None, "Export", "", "CSV (*.csv)") == "/somewhere/areas.csv"
    path = ctk.ctkPathLineEdit()
    path.currentPath = "kept"
    path.browse()
    assert path.currentPath == "kept"
    assert slicer_host.DIALOGS.file_requests == ["Export", ""]


def test_shown_errors_are_raised_again_by_slicer_util() -> None:
    with pytest.raises(ValueError, match="broken"), slicer.util.tryWithErrorDisplay("Failed.", waitCursor=True):
        raise ValueError("broken")
    assert slicer_host.DIALOGS.messages[0].text == "Failed.\n\nbroken"


def test_hidden_packages_are_gone_until_they_are_installed() -> None:
    import importlib.util

    import PyTorchUtils

    slicer_host.INSTALLER.hide("torch")
    assert importlib.util.find_spec("torch") is None
    assert not PyTorchUtils.PyTorchUtilsLogic.torchInstalled()
    slicer_host.INSTALLER.accepts = False
    assert PyTorchUtils.PyTorchUtilsLogic().installTorch(askConfirmation=True) is None
    assert importlib.util.find_spec("torch") is None
    slicer_host.INSTALLER.works = False
    with pytest.raises(RuntimeError, match="failed"):
        PyTorchUtils.PyTorchUtilsLogic().installTorch()
    slicer_host.INSTALLER.reset()
    assert importlib.util.find_spec("torch") is not None


# A module


def test_a_module_lives_from_setup_to_cleanup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Resources" / "UI").mkdir(parents=True)
    (tmp_path / "Resources" / "UI" / "Toy.ui").write_text(UI, encoding="utf-8")
    (tmp_path / "Toy.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    panel = slicer_host.openPanel("Toy")
    first = panel.widget
    assert (slicer.modules.toy.title, slicer.modules.ToyWidget, first.events) == ("Toy", first, ["enter"])
    assert first.node is slicer.mrmlScene.GetSingletonNode("Toy", "vtkMRMLScriptedModuleNode")
    slicer.util.reloadScriptedModule("Toy")
    assert first.events == ["enter", "cleanup"]
    assert panel.widget is not first
    panel.picture(tmp_path / "toy.png")
    assert (tmp_path / "toy.png").stat().st_size > 1000
    slicer.mrmlScene.Clear(0)
    with pytest.raises(RuntimeError, match="not ready"):
        panel.process_events()
    panel.close()
    assert panel.widget.events == ["closed", "exit", "cleanup"]

"""What clients read of the command-line module: its description, and that the script keeps to it.

The clients are Slicer, ctk-cli and slicer_cli_web (Girder). What slicer_cli_web
asks for is written here from its README and from how it builds a command line,
version 5.0; it needs a server and is not installed.
"""

from __future__ import annotations

import importlib.util
import io
import logging
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import ctk_cli
import pytest

from LumbarSegLib.io.label_maps import LABEL_MAP_SUFFIXES
from LumbarSegLib.io.volume_files import VOLUME_SUFFIXES
from LumbarSegLib.report.volume_result import TABLE_SUFFIXES
from LumbarSegLib.version import __version__

#: What slicer_cli_web can show and pass on.
WEB_TYPES = {
    *("boolean", "integer", "float", "double", "string", "region", "image", "file", "item", "directory"),
    *(f"{kind}-vector" for kind in ("integer", "float", "double", "string")),
    *(f"{kind}-enumeration" for kind in ("integer", "float", "double", "string")),
}

#: Slicer and slicer_cli_web give it to a module that has simple outputs.
RETURN_PARAMETER_FLAG = "--returnparameterfile"


@pytest.fixture(scope="module")
def folder(project_root: Path) -> Path:
    return project_root / "LumbarSegCLI"


@pytest.fixture(scope="module")
def script(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("LumbarSegCLI", folder / "LumbarSegCLI.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def description(folder: Path) -> ctk_cli.CLIModule:
    return ctk_cli.CLIModule(str(folder / "LumbarSegCLI.xml"))


def for_web(folder: Path) -> ctk_cli.CLIModule:
    """Parse the description after the change that its comment names for slicer_cli_web."""
    text = (folder / "LumbarSegCLI.xml").read_text(encoding="utf-8")
    assert 'replace "table" by "file"' in text
    text = text.replace("<table ", "<file ").replace("</table>", "</file>")
    return ctk_cli.CLIModule(stream=io.StringIO(text))


def values_of(parameter: ctk_cli.module.CLIParameter) -> list[str]:
    """Values that a client may pass."""
    if parameter.typ == "boolean":
        return ["true", "false"]
    if parameter.elements is not None:
        return list(parameter.elements)
    return [f"some{(parameter.fileExtensions or [''])[0]}"]


def imported_by(*command: str) -> set[str]:
    """Run Python and return the names of all modules that it imports."""
    done = subprocess.run([sys.executable, "-X", "importtime", *command], capture_output=True, text=True, check=True)
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


def test_xml_is_the_file_beside_the_script(folder: Path) -> None:
    done = subprocess.run([sys.executable, folder / "LumbarSegCLI.py", "--xml"], capture_output=True, check=True)
    assert done.stdout == (folder / "LumbarSegCLI.xml").read_bytes()
    assert done.stderr == b""


def test_xml_is_there_at_once(folder: Path) -> None:
    """Nothing slow is imported: the standard library alone, and not even LumbarSegLib."""
    startup = {name.partition(".")[0] for name in imported_by("-c", "")}
    names = {name.partition(".")[0] for name in imported_by(str(folder / "LumbarSegCLI.py"), "--xml")} - startup
    assert "argparse" in names
    assert names <= sys.stdlib_module_names


def test_ctk_cli_parses_it_without_a_warning(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        module = ctk_cli.CLIModule(str(folder / "LumbarSegCLI.xml"))
        arguments, options, outputs = module.classifyParameters()
    assert [parameter.name for parameter in arguments] == ["inputVolume", "outputLabelMap"]
    assert {parameter.name for parameter in options} == {
        *("measurements", "levels", "lowestLevel", "device", "weights", "precision", "flipAverage", "overwrite"),
    }
    # ctk-cli 1.5 says this of every output that comes back through the return parameter file.
    for record in caplog.records:
        assert re.fullmatch(r"Parameter (\w+) cannot be passed .*", record.getMessage()).group(1) in {
            output.name for output in outputs
        }
    assert len(caplog.records) == len(outputs) == 7


def test_texts_and_version(description: ctk_cli.CLIModule) -> None:
    assert description.name == "LumbarSegCLI"
    assert description.version == __version__
    assert description.category == "Segmentation"
    assert "Research use only" in description.description
    for text in (description.title, description.license, description.contributor, description.acknowledgements):
        assert text
    for parameter in description.parameters():
        assert parameter.label
        assert parameter.description
        # Slicer turns double quotes into single ones.
        assert '"' not in parameter.description


def test_file_formats_are_those_that_are_read_and_written(description: ctk_cli.CLIModule) -> None:
    by_name = {parameter.name: parameter for parameter in description.parameters()}
    assert set(by_name["inputVolume"].fileExtensions) <= set(VOLUME_SUFFIXES)
    assert set(by_name["outputLabelMap"].fileExtensions) == set(LABEL_MAP_SUFFIXES)
    # Slicer exchanges files of the first format: only NRRD holds a geometry in full.
    assert by_name["inputVolume"].fileExtensions[0] == by_name["outputLabelMap"].fileExtensions[0] == ".nrrd"
    assert by_name["outputLabelMap"].subtype == "label"
    for name in ("measurements", "levels"):
        assert by_name[name].typ == "table"
        assert tuple(by_name[name].fileExtensions) == TABLE_SUFFIXES


def test_script_and_description_name_the_same_arguments(
    folder: Path, script: ModuleType, description: ctk_cli.CLIModule
) -> None:
    arguments, options, _ = description.classifyParameters()
    text = subprocess.run(
        [sys.executable, folder / "LumbarSegCLI.py", "--help"], capture_output=True, text=True, check=True
    ).stdout
    described = {option.longflag for option in options}
    assert set(re.findall(r"^  (?:-h, )?(--\w+)", text, re.MULTILINE)) == described | {
        *("--help", "--xml", RETURN_PARAMETER_FLAG),
    }
    defaults = vars(script.parse(["in.nrrd", "out.nrrd"]))
    for parameter in (*arguments, *options):
        assert parameter.name in defaults
        if parameter.default is not None:
            assert defaults[parameter.name] == parameter.default


@pytest.mark.parametrize("style", ["Slicer", "slicer_cli_web"])
def test_every_value_is_understood_in_both_styles(
    script: ModuleType, description: ctk_cli.CLIModule, style: str
) -> None:
    """Flags stand before the two files; Slicer gives true booleans bare, slicer_cli_web all with a value."""
    for option in description.classifyParameters()[1]:
        for value in values_of(option):
            words = [option.longflag, value]
            if style == "Slicer" and option.typ == "boolean":
                words = [option.longflag] if value == "true" else []
            parsed = vars(script.parse([*words, RETURN_PARAMETER_FLAG, "r", "in.nrrd", "out.nrrd"]))
            assert str(parsed[option.name]).lower() == value
            assert (parsed["inputVolume"], parsed["outputLabelMap"]) == (Path("in.nrrd"), Path("out.nrrd"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--overwrite", "in.nrrd", "out.nrrd"], (True, False)),
        (["--overwrite", "false", "in.nrrd", "out.nrrd"], (False, False)),
        (["in.nrrd", "out.nrrd", "--overwrite"], (True, False)),
        (["--overwrite", "--flipAverage", "in.nrrd", "out.nrrd"], (True, True)),
        (["--overwrite=true", "in.nrrd", "--flipAverage", "1", "out.nrrd"], (True, True)),
        (["in.nrrd", "out.nrrd", "--flipAverage", "True", "--overwrite", "0"], (False, True)),
    ],
)
def test_booleans(script: ModuleType, words: list[str], expected: tuple[bool, bool]) -> None:
    options = script.parse(words)
    assert (options.overwrite, options.flipAverage) == expected
    assert (options.inputVolume, options.outputLabelMap) == (Path("in.nrrd"), Path("out.nrrd"))


def test_an_empty_value_is_no_value(script: ModuleType) -> None:
    options = script.parse(["--weights", "", "--levels", "", "in.nrrd", "out.nrrd"])
    assert (options.weights, options.levels) == (None, None)


def web_complaints(module: ctk_cli.CLIModule) -> Iterator[str]:
    """Say what slicer_cli_web could not do with a description."""
    arguments, options, outputs = module.classifyParameters()
    names = [parameter.identifier() for parameter in module.parameters()]
    if len(names) != len(set(names)):
        yield "two parameters have the same name"
    if [argument.index for argument in arguments] != list(range(len(arguments))):
        yield "the indices are not 0, 1, ..."
    for parameter in (*arguments, *options):
        name = parameter.identifier()
        if parameter.typ not in WEB_TYPES:
            yield f"{name} has the type {parameter.typ}"
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            yield f"{name} is no name for a REST parameter"
        # The folder of an output is asked for under this name.
        if f"{name}_folder" in names or name == RETURN_PARAMETER_FLAG.lstrip("-"):
            yield f"{name} is taken"
        if parameter.isExternalType() and parameter.channel not in ("input", "output"):
            yield f"{name} has no channel"
        if parameter.default is not None and parameter.elements and parameter.default not in parameter.elements:
            yield f"the default of {name} is none of its values"
    for option in options:
        if option.longflag is None or not option.longflag.startswith("--"):
            yield f"{option.identifier()} has no long flag"
    for output in outputs:
        if output.flag or output.longflag or output.index is not None:
            yield f"{output.identifier()} is no argument but has a flag or index"


def test_slicer_cli_web_can_use_it(folder: Path) -> None:
    assert list(web_complaints(for_web(folder))) == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("<file fileExtensions", "<geometry fileExtensions", "type geometry"),
        ("<index>1</index>", "<index>2</index>", "indices"),
        ("<channel>output</channel>\n      <index>", "<index>", "outputLabelMap has no channel"),
        ("<longflag>--device</longflag>", "<flag>-d</flag>", "no long flag"),
        ("<name>levels</name>", "<name>measurements</name>", "same name"),
        ("<name>levels</name>", "<name>measurements_folder</name>", "measurements is taken"),
        ("<name>levels</name>", "<name>the levels</name>", "no name for"),
        ("<default>auto</default>", "<default>gpu</default>", "none of its values"),
        ("<name>numSlices</name>", "<name>numSlices</name><longflag>--n</longflag>", "is no argument"),
    ],
)
def test_the_conventions_can_fail(folder: Path, old: str, new: str, complaint: str) -> None:
    text = (folder / "LumbarSegCLI.xml").read_text(encoding="utf-8")
    text = text.replace("<table ", "<file ").replace("</table>", "</file>")
    assert old in text
    if "geometry" in new:
        text = text.replace("</file>", "</geometry>")
    module = ctk_cli.CLIModule(stream=io.StringIO(text.replace(old, new)))
    assert any(complaint in each for each in web_complaints(module))


def test_the_folder_is_what_cmake_installs(folder: Path, project_root: Path) -> None:
    """slicer_cli_web runs NAME/NAME.py; Slicer's macro installs NAME.py and NAME.xml and nothing else."""
    files = {path.name for path in folder.iterdir() if path.is_file()}
    assert files == {"LumbarSegCLI.py", "LumbarSegCLI.xml", "CMakeLists.txt"}
    assert re.search(
        r"^SlicerMacroBuildScriptedCLI\(\s*NAME LumbarSegCLI\s*\)$",
        (folder / "CMakeLists.txt").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert "\nadd_subdirectory(LumbarSegCLI)\n" in (project_root / "CMakeLists.txt").read_text(encoding="utf-8")
    assert (folder / "LumbarSegCLI.py").read_text(encoding="utf-8").startswith("#!/usr/bin/env python-real\n")
    ElementTree.parse(folder / "LumbarSegCLI.xml")  # noqa: S314 - our own file


@pytest.mark.parametrize("beside", [".", "qt-scripted-modules"])
def test_the_library_is_found_where_it_is_installed(
    folder: Path, project_root: Path, tmp_path: Path, beside: str
) -> None:
    """In a checkout, and in Slicer's folders; an interpreter without site-packages knows no other place."""
    script = tmp_path / "cli-modules" / "LumbarSegCLI.py"
    script.parent.mkdir()
    script.write_bytes((folder / "LumbarSegCLI.py").read_bytes())
    (tmp_path / beside).mkdir(exist_ok=True)
    (tmp_path / beside / "LumbarSegLib").symlink_to(project_root / "LumbarSegLib", target_is_directory=True)
    code = f"import runpy; runpy.run_path({str(script)!r})['find_library'](); import LumbarSegLib.errors as e; print(e)"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, cwd="/", check=False)
    assert str(tmp_path / beside / "LumbarSegLib") in done.stdout.replace("/./", "/"), done.stderr

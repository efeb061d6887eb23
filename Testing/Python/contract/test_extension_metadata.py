"""What 3D Slicer's catalog reads: one set of facts in CMakeLists.txt, .s4ext and .json."""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path

import pytest
from PIL import Image

#: What a module file may import when Slicer scans it: Slicer itself and the standard library.
SLICER_MODULES = frozenset({"slicer", "vtk", "qt", "ctk"})

#: Keys of slicer-extension-catalog-entry-schema-v1.0.2, which allows no others.
CATALOG_KEYS = frozenset(
    {
        "$schema",
        "category",
        "scm_url",
        "scm_revision",
        "scm_type",
        "build_dependencies",
        "dicom_support_rule",
        "build_subdirectory",
        "enabled",
        "tier",
    }
)


@pytest.fixture
def cmake(project_root: Path) -> dict[str, str]:
    text = (project_root / "CMakeLists.txt").read_text(encoding="utf-8")
    values = dict(re.findall(r'^set\(EXTENSION_(\w+) "(.*)"\)$', text, re.MULTILINE))
    values["NAME"] = re.findall(r"^project\((\w+)\)$", text, re.MULTILINE)[0]
    return values


@pytest.fixture
def s4ext(project_root: Path, cmake: dict[str, str]) -> dict[str, str]:
    lines = (project_root / f"{cmake['NAME']}.s4ext").read_text(encoding="utf-8").splitlines()
    pairs = [line.partition(" ")[::2] for line in lines if line and not line.startswith("#")]
    assert len(pairs) == len(dict(pairs)), "a keyword stands twice"
    return {keyword: value.strip() for keyword, value in pairs}


@pytest.fixture
def catalog(project_root: Path, cmake: dict[str, str]) -> dict[str, object]:
    entry: dict[str, object] = json.loads((project_root / f"{cmake['NAME']}.json").read_text(encoding="utf-8"))
    return entry


def test_description_file_repeats_cmake(cmake: dict[str, str], s4ext: dict[str, str]) -> None:
    assert cmake["NAME"] == "LumbarSeg"
    same = ("homepage", "category", "contributors", "description", "iconurl", "screenshoturls", "depends")
    assert {key: s4ext[key] for key in same} == {key: cmake[key.upper()] for key in same}
    assert s4ext["build_subdirectory"] == cmake["BUILD_SUBDIRECTORY"]


def test_catalog_entry_repeats_cmake_and_description_file(
    cmake: dict[str, str], s4ext: dict[str, str], catalog: dict[str, object]
) -> None:
    assert set(catalog) <= CATALOG_KEYS
    assert str(catalog["$schema"]).endswith("slicer-extension-catalog-entry-schema-v1.0.2.json#")
    assert catalog["category"] == cmake["CATEGORY"]
    assert catalog["build_dependencies"] == cmake["DEPENDS"].split()
    assert catalog["build_subdirectory"] == cmake["BUILD_SUBDIRECTORY"]
    assert catalog["scm_type"] == s4ext["scm"]
    assert catalog["scm_url"] == s4ext["scmurl"]
    assert catalog["scm_revision"] == s4ext["scmrevision"]
    assert catalog["tier"] == int(s4ext["tier"])
    assert catalog["enabled"] == (s4ext["enabled"] == "1")


def test_package_description_is_the_same(project_root: Path, cmake: dict[str, str]) -> None:
    pyproject = (project_root / "pyproject.toml").read_text(encoding="utf-8")
    assert f'\ndescription = "{cmake["DESCRIPTION"]}"\n' in pyproject


def test_icon_and_screenshots_are_files_of_the_repository(project_root: Path, cmake: dict[str, str]) -> None:
    for url in (cmake["ICONURL"], *cmake["SCREENSHOTURLS"].split()):
        assert url.startswith(cmake["HOMEPAGE"] + "/")
        assert (project_root / url.removeprefix(cmake["HOMEPAGE"] + "/")).is_file(), url
    icon = project_root / cmake["ICONURL"].removeprefix(cmake["HOMEPAGE"] + "/")
    with Image.open(icon) as picture:
        assert picture.size == (128, 128)


def listed_files(cmake_file: Path) -> list[str]:
    text = cmake_file.read_text(encoding="utf-8").replace("${MODULE_NAME}", "LumbarSeg")
    return re.findall(r"^  ([\w./-]+\.\w+)$", text, re.MULTILINE)


def files_below(folder: Path, relative_to: Path) -> list[str]:
    return [
        path.relative_to(relative_to).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and path.name != "CMakeLists.txt"
    ]


def test_cmake_ships_every_file_of_the_module(project_root: Path) -> None:
    folder = project_root / "LumbarSeg"
    listed = listed_files(folder / "CMakeLists.txt")
    assert "LumbarSeg.py" in listed
    assert sorted(listed) == sorted(name for name in files_below(folder, folder) if not name.endswith(".md"))


def test_cmake_ships_every_file_of_the_library(project_root: Path) -> None:
    """Names from the root on: the package keeps its folders, and the weights their card."""
    listed = listed_files(project_root / "LumbarSegLib" / "CMakeLists.txt")
    assert "LumbarSegLib/weights/msff_axial_t2.safetensors" in listed
    assert sorted(listed) == sorted(files_below(project_root / "LumbarSegLib", project_root))


def test_cmake_builds_every_part_and_its_tests(project_root: Path) -> None:
    text = (project_root / "CMakeLists.txt").read_text(encoding="utf-8")
    parts = re.findall(r"^ *add_subdirectory\((\w+)\)$", text, re.MULTILINE)
    assert parts == ["LumbarSegLib", "LumbarSeg", "LumbarSegCLI", "Testing"]
    for part in parts:
        assert (project_root / part / "CMakeLists.txt").is_file()
    tests = project_root / "Testing" / "Python" / "CMakeLists.txt"
    (script,) = re.findall(r"SCRIPT ([\w/.]+)\)", tests.read_text(encoding="utf-8"))
    assert (tests.parent / script).is_file()


def test_no_module_lies_loose_in_the_root(project_root: Path) -> None:
    assert [path.name for path in project_root.glob("*.py")] == []


def test_module_imports_only_slicer_and_the_standard_library_at_file_scope(project_root: Path) -> None:
    tree = ast.parse((project_root / "LumbarSeg" / "LumbarSeg.py").read_text(encoding="utf-8"))
    imported = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").split(".")[0])
    assert "slicer" in imported
    assert imported <= SLICER_MODULES | sys.stdlib_module_names

"""The rules of the house: who may import whom, what an import costs, clean linters.

The import rules read the sources with `ast`, so that an import inside a
function counts as well. `PLANTED` breaks every rule once and thereby shows
that it can fail.
"""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = "LumbarSegLib"

#: A part imports itself and parts of earlier layers. `phantom` stands where
#: training can use it; what it may use itself is narrower (`ONLY`). The last
#: layer's empty name is the package's own `__init__`.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"errors", "version"}),
    frozenset({"anatomy", "geometry"}),
    frozenset({"io", "preprocessing", "models", "losses", "measurement", "weights"}),
    frozenset({"study_reading"}),
    frozenset({"inference", "phantom"}),
    frozenset({"evaluation", "dataset_checks"}),
    frozenset({"training", "report"}),
    frozenset({"benchmark", "selftest"}),
    frozenset({"commands"}),
    frozenset({"cli", ""}),
)
RANK = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}

#: Parts that may use fewer parts than their layer allows.
ONLY = {"phantom": frozenset({"errors", "anatomy", "geometry", "io"})}

#: What the library never imports: it runs without Slicer.
SLICER_MODULES = frozenset({"slicer", "vtk", "qt", "ctk", "__main__"})

#: Measuring takes arrays and geometry: no network, no files.
NOT_IN_MEASUREMENT = frozenset({"torch", "pathlib", "os", "SimpleITK", "pydicom"})

#: Loaded on first use, because they take seconds or pull in a GUI.
LATE_IMPORTS = ("torch", "SimpleITK", "matplotlib", "sklearn", "skimage")


def package_sources(project_root: Path) -> dict[str, str]:
    """Return the source text of every module of the package by dotted name."""
    sources = {}
    for path in sorted((project_root / PACKAGE).rglob("*.py")):
        parts = path.relative_to(project_root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        sources[name] = path.read_text(encoding="utf-8")
    return sources


def part_of(module: str) -> str:
    """Return `io` for `LumbarSegLib.io.study` and the empty name for the package itself."""
    _, _, below = module.partition(".")
    return below.partition(".")[0]


def imported_modules(module: str, tree: ast.Module, sources: dict[str, str]) -> Iterator[str]:
    """Yield the dotted names that `module` imports, submodules of the package resolved."""
    is_package = any(name.startswith(f"{module}.") for name in sources)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                ancestors = module.split(".")[: None if is_package else -1]
                ancestors = ancestors[: len(ancestors) - node.level + 1]
                base = ".".join([*ancestors, base] if base else ancestors)
            for alias in node.names:
                submodule = f"{base}.{alias.name}"
                yield submodule if submodule in sources else base


def broken_import(module: str, target: str) -> str | None:
    """Say which rule `module` breaks by importing `target`, or return None."""
    part, top = part_of(module), target.split(".")[0]
    if top in SLICER_MODULES:
        return "the library never imports Slicer's modules"
    if part == "measurement" and top in NOT_IN_MEASUREMENT:
        return "measurement knows no network and no files"
    if top != PACKAGE or part_of(target) == part:
        return None
    if part not in RANK or part_of(target) not in RANK:
        return "not in LAYERS: give the new part its place there"
    if RANK[part_of(target)] >= RANK[part]:
        return "imports run one way only, see LAYERS"
    if part_of(target) not in ONLY.get(part, RANK):
        return f"{part} may import only {', '.join(sorted(ONLY[part]))}"
    return None


def violations(sources: dict[str, str]) -> list[str]:
    """List every broken rule as one readable line."""
    found = []
    for module, source in sources.items():
        tree = ast.parse(source)
        if {"util", "utils"} & set(module.split(".")):
            found.append(f"{module}: name a module after what it does, not utils")
        if part_of(module) not in RANK:
            found.append(f"{module}: not in LAYERS: give the new part its place there")
        found += [
            f"{module} imports {target}: {rule}"
            for target in imported_modules(module, tree, sources)
            if (rule := broken_import(module, target))
        ]
        found += [
            f"{module}:{node.lineno} prints: the library logs"
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        ]
    return found


PLANTED = [
    ("LumbarSegLib.geometry", "from LumbarSegLib.io.study import Block", "one way"),
    ("LumbarSegLib.io.planted", "from .. import cli", "one way"),
    ("LumbarSegLib.io.planted", "from ..preprocessing import pad", "one way"),
    ("LumbarSegLib.losses", "from LumbarSegLib import models", "one way"),
    ("LumbarSegLib.anatomy", "from LumbarSegLib import __version__", "one way"),
    ("LumbarSegLib.inference", "def late():\n    import LumbarSegLib.training", "one way"),
    ("LumbarSegLib.inference.planted", "from LumbarSegLib.evaluation import overlap", "one way"),
    ("LumbarSegLib.evaluation.planted", "from LumbarSegLib import report", "one way"),
    ("LumbarSegLib.phantom", "from LumbarSegLib.preprocessing import pad", "phantom may import only"),
    ("LumbarSegLib.measurement", "import torch.nn", "no network and no files"),
    ("LumbarSegLib.measurement.planted", "from pathlib import Path", "no network and no files"),
    ("LumbarSegLib.cli", "import slicer.util", "Slicer"),
    ("LumbarSegLib.report", "if False:\n    from vtk import vtkObject", "Slicer"),
    ("LumbarSegLib.io", "from __main__ import qt", "Slicer"),
    ("LumbarSegLib.report.utils", "", "not utils"),
    ("LumbarSegLib.newcomer", "", "not in LAYERS"),
    ("LumbarSegLib.training", "print('epoch')", "prints"),
]


def test_imports_run_one_way(project_root: Path) -> None:
    sources = package_sources(project_root)
    assert {f"{PACKAGE}.geometry", f"{PACKAGE}.io.study"} <= set(sources)
    assert violations(sources) == []


@pytest.mark.parametrize(("module", "source", "rule"), PLANTED)
def test_each_rule_can_fail(project_root: Path, module: str, source: str, rule: str) -> None:
    sources = dict.fromkeys(package_sources(project_root), "")
    sources |= {f"{PACKAGE}.{part}".rstrip("."): "" for part in RANK}
    found = violations(sources | {module: source})
    assert len(found) == 1
    assert rule in found[0]


def test_allowed_imports_pass(project_root: Path) -> None:
    sources = dict.fromkeys(package_sources(project_root), "")
    sources["LumbarSegLib.training.planted"] = "import torch\nfrom LumbarSegLib import geometry, phantom"
    sources["LumbarSegLib.io.planted"] = "import pathlib\nfrom .study import Block\nfrom ..errors import InputError"
    assert violations(sources) == []


def test_importing_the_package_is_cheap() -> None:
    code = f"import sys, {PACKAGE}; print([name for name in {LATE_IMPORTS} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("command", ["ruff check", "ruff format --check", "mypy"])
def test_linters_are_clean(project_root: Path, command: str) -> None:
    tool, *arguments = command.split()
    if importlib.util.find_spec(tool) is None:
        pytest.skip(f"{tool} is not installed: pip install -e '.[test]'")
    result = subprocess.run(
        [sys.executable, "-m", tool, *arguments], cwd=project_root, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr

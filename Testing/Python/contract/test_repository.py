"""What a clone promises: README's two commands, .ci/run, pins, and nothing in it that must not be."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from LumbarSegLib.version import __version__

DEMO_HEADING = "### Install and see it work"
TEST_HEADING = "### Install and test"

MAX_FILE_BYTES = 30 * 2**20

#: A folder of one machine. Relative paths (../home/x) and addresses (site/home/x) do not match.
MACHINE_PATH = re.compile(r"(?<![\w.~/$}-])(?:/(?:home|root|tmp|work|Users|private)/\w|[A-Z]:\\+Users\\+\w)")


@pytest.fixture(scope="module")
def repository_files(project_root: Path) -> list[Path]:
    """Return what is committed or about to be: tracked and untracked files that git does not ignore."""
    if shutil.which("git") is None or not (project_root / ".git").exists():
        pytest.skip("needs git and a checkout to know which files belong to the repository")
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=project_root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    files = [path for name in listing.split("\0") if name and (path := project_root / name).is_file()]
    assert project_root / "pyproject.toml" in files
    return files


def command_below(heading: str, readme: str) -> str:
    """Return the single line in the single code block between `heading` and the next heading."""
    section = re.split(r"^#+ ", readme.split(f"\n{heading}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]
    blocks = re.findall(r"^```bash\n(.*?)\n```$", section, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 1
    assert "\n" not in blocks[0]
    return str(blocks[0])


@pytest.mark.parametrize(
    ("heading", "ends_with"),
    [(DEMO_HEADING, "lumbarseg demo --output demo-result"), (TEST_HEADING, "python -m pytest")],
)
def test_readme_commands_stand_on_one_line_each(project_root: Path, heading: str, ends_with: str) -> None:
    command = command_below(heading, (project_root / "README.md").read_text(encoding="utf-8"))
    assert command.startswith("python3 -m venv --clear .venv && ")
    assert " -c constraints.txt " in command
    assert command.endswith(ends_with)
    subprocess.run(["bash", "-n", "-c", command], check=True)


def run_ci(folder: Path, project_root: Path, readme: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a copy of .ci/run beside the given README."""
    (folder / ".ci").mkdir()
    shutil.copy(project_root / ".ci" / "run", folder / ".ci" / "run")
    (folder / "README.md").write_text(readme, encoding="utf-8")
    return subprocess.run(
        ["bash", ".ci/run"],
        cwd=folder,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_ci_runs_the_second_command_as_written(project_root: Path, tmp_path: Path) -> None:
    readme = (project_root / "README.md").read_text(encoding="utf-8")
    stand_in = tmp_path / "bin" / "python3"
    stand_in.parent.mkdir()
    stand_in.write_text('#!/bin/sh\necho "called with $*"\nexit 7\n', encoding="utf-8")
    stand_in.chmod(0o755)
    result = run_ci(tmp_path, project_root, readme, PATH=f"{stand_in.parent}{os.pathsep}{os.environ['PATH']}")
    assert result.stdout.splitlines() == [
        f"+ {command_below(TEST_HEADING, readme)}",
        "called with -m venv --clear .venv",
    ]
    assert result.returncode == 7


@pytest.mark.parametrize(
    ("command", "passes"),
    [("echo 1 passed", True), ("false && echo 1 passed", False), ("false | echo 1 passed", False)],
)
def test_ci_passes_only_when_the_command_does(project_root: Path, tmp_path: Path, command: str, passes: bool) -> None:
    result = run_ci(tmp_path, project_root, f"# Title\n\n{TEST_HEADING}\nText.\n\n```bash\n{command}\n```\n")
    assert (result.returncode == 0) is passes


def test_ci_fails_without_the_heading(project_root: Path, tmp_path: Path) -> None:
    result = run_ci(tmp_path, project_root, "# Title\n\n```bash\necho 1 passed\n```\n")
    assert result.returncode == 1
    assert TEST_HEADING in result.stderr


def test_every_requirement_is_pinned(project_root: Path) -> None:
    tomllib = pytest.importorskip("tomllib", reason="reads pyproject.toml, which Python 3.10 cannot")
    project = tomllib.loads((project_root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (project_root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    pinned = {
        canonicalize_name(pin.name): str(pin.specifier).removeprefix("==")
        for pin in pins
        if pin.marker is None or pin.marker.evaluate()
    }
    extras = project["optional-dependencies"].values()
    required = [Requirement(line) for line in sum(extras, project["dependencies"])]
    for requirement in required:
        if requirement.name != project["name"]:
            assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement


def test_the_wheel_holds_every_file_of_the_library(project_root: Path, repository_files: list[Path]) -> None:
    tomllib = pytest.importorskip("tomllib", reason="reads pyproject.toml, which Python 3.10 cannot")
    tool = tomllib.loads((project_root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    library = project_root / "LumbarSegLib"
    listed = {path for pattern in tool["setuptools"]["package-data"]["LumbarSegLib"] for path in library.glob(pattern)}
    data = {path for path in repository_files if path.is_relative_to(library) and path.suffix != ".py"}
    assert listed == data - {library / "CMakeLists.txt"}


def test_changelog_starts_with_this_version(project_root: Path) -> None:
    changelog = (project_root / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\S+)", changelog, re.MULTILINE)[0] == __version__


def test_no_file_names_a_folder_of_one_machine(project_root: Path, repository_files: list[Path]) -> None:
    found = []
    for path in repository_files:
        content = path.read_bytes()
        if b"\0" not in content:
            for number, line in enumerate(content.decode("utf-8").splitlines(), 1):
                if MACHINE_PATH.search(line):
                    found.append(f"{path.relative_to(project_root)}:{number}: {line.strip()}")
    assert found == []


@pytest.mark.parametrize("folder", ["home", "root", "tmp", "work", "Users"])
def test_machine_paths_are_recognized(folder: str) -> None:
    assert MACHINE_PATH.search(f'open("/{folder}/someone/x")')
    assert not MACHINE_PATH.search(f"../{folder}/x https://example.org/{folder}/x $DIR/{folder}/x")


def test_no_file_is_too_large_for_a_slicer_checkout(repository_files: list[Path]) -> None:
    # Slicer's catalog wants a checkout under 100 MB; weights are the largest file.
    assert {path.name: size for path in repository_files if (size := path.stat().st_size) > MAX_FILE_BYTES} == {}


def test_no_shared_file_is_copied(repository_files: list[Path], shared_data_dir: Path) -> None:
    by_size: dict[int, list[Path]] = {}
    for path in repository_files:
        by_size.setdefault(path.stat().st_size, []).append(path)
    copies = [
        (path.name, shared.name)
        for shared in shared_data_dir.rglob("*")
        if shared.is_file()
        for path in by_size.get(shared.stat().st_size, [])
        if hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(shared.read_bytes()).digest()
    ]
    assert copies == []

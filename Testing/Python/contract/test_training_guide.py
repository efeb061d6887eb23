"""docs/training.md: its commands exist and its Python does what it says."""

from __future__ import annotations

import itertools
import re
import shlex
from pathlib import Path

import pytest
from labeled_folder import write_labeled_folder

from LumbarSegLib.cli import main
from LumbarSegLib.io.labeled_slices import list_slices, read_folds
from LumbarSegLib.study_reading.outlined_slices import MEANINGS
from LumbarSegLib.training.recipe_files import find_recipe


@pytest.fixture(scope="module")
def guide(project_root: Path) -> str:
    return (project_root / "docs" / "training.md").read_text(encoding="utf-8")


def code(guide: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)


def test_its_commands_have_the_options_that_it_names(guide: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [shlex.split(line) for block in code(guide, "bash") for line in block.splitlines()]
    assert {words[1] for words in lines} == {
        "import-slices",
        "check-data",
        "pretrain",
        "train",
        "evaluate",
        "cross-validate",
        "segment",
    }
    for program, command, *words in lines:
        assert program == "lumbarseg"
        with pytest.raises(SystemExit):
            main([command, "--help"])
        options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
        assert {word for word in words if word.startswith("--")} <= options
        for before, word in itertools.pairwise(words):
            if before == "--recipe" and word != "ours.yaml":
                find_recipe(word)
            if before == "--segment":
                assert word.partition("=")[2] in MEANINGS


def test_its_folds_part_the_patients(guide: str, tmp_path: Path) -> None:
    names = [f"P{patient:02d}-{number:03d}" for patient in range(7) for number in range(2)]
    data = write_labeled_folder(tmp_path / "data", names, 80, 2.0)
    (data / "splits.json").unlink()
    (script,) = code(guide, "python")
    assert '"DIR"' in script
    exec(script.replace('"DIR"', repr(str(data))), {})  # noqa: S102 - our own page
    folds = read_folds(data)
    assert len(folds) == 5
    assert sorted(name for fold in folds for name in fold.validation) == list(list_slices(data))
    for fold in folds:
        assert {*fold.train, *fold.validation} == set(names)
        assert not {name[:3] for name in fold.train} & {name[:3] for name in fold.validation}
    assert main(["check-data", str(data), "--quiet"]) == 0

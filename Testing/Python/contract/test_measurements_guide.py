"""docs/measurements.md: it explains every column, flag, limit and band, and its commands exist."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from lumbar_study import PROVENANCE, make_study

from LumbarSegLib.cli import main
from LumbarSegLib.measurement import BAND_TABLES, FAT_METHODS, level_named_by_user, with_band
from LumbarSegLib.measurement.fat import MIN_SPLIT_PIXELS
from LumbarSegLib.measurement.level_names import CONFIDENCES
from LumbarSegLib.measurement.quality import AREA_RANGE_MM2, MAX_PIECES, MIN_SURE_SHARE
from LumbarSegLib.phantom.known_areas import known_geometries
from LumbarSegLib.report.tables import level_rows, table_rows
from LumbarSegLib.study_reading.outlined_slices import MEANINGS

#: Kinds of flags are text in the code; these are all of them.
FLAG = re.compile(r"\bFlag\(\s*\"(\w+)\"")


@pytest.fixture(scope="module")
def guide(project_root: Path) -> str:
    return (project_root / "docs" / "measurements.md").read_text(encoding="utf-8")


def section(guide: str, heading: str) -> str:
    """Return what stands below a heading, up to the next one of the same rank or a higher one."""
    marks = heading.split()[0]
    assert guide.count(f"\n{heading}\n") == 1
    below = guide.split(f"\n{heading}\n")[1]
    return re.split(rf"^#{{1,{len(marks)}}} ", below, maxsplit=1, flags=re.MULTILINE)[0]


def table(text: str) -> list[list[str]]:
    """Return the rows of all tables in `text`, cell by cell."""
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows if not set("".join(row)) <= set("- |")]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def expand(pattern: str, placeholders: dict[str, list[str]]) -> Iterator[str]:
    """Yield every name that a pattern such as `<muscle>_<side>_area_mm2` stands for."""
    found = re.search(r"<\w+>", pattern)
    if found is None:
        yield pattern
        return
    for word in placeholders[found[0]]:
        yield from expand(pattern.replace(found[0], word, 1), placeholders)


def documented_columns(guide: str, heading: str) -> list[str]:
    stand_ins = table(section(guide, "## All columns").split("\n### ")[0])
    placeholders = {names(name)[0]: names(values) for name, values in stand_ins if names(name)}
    patterns = [name for row in table(section(guide, heading)) for name in names(row[0])]
    return [column for pattern in patterns for column in expand(pattern, placeholders)]


def test_the_tables_of_columns_are_complete_and_name_nothing_else(guide: str) -> None:
    study, _, measurements = make_study()
    banded = [with_band(each, BAND_TABLES["lim"]) for each in measurements]
    slices = table_rows(study.blocks, banded, PROVENANCE)[0]
    levels = level_rows(study.blocks, banded, PROVENANCE)[0]
    of_slices = documented_columns(guide, "### measurements.csv")
    of_levels = documented_columns(guide, "### levels.csv")
    assert sorted(of_slices) == sorted(slices)
    assert sorted([*of_slices, *of_levels]) == sorted(levels)
    without_bands = table_rows(study.blocks, measurements, PROVENANCE)[0]
    assert set(of_slices) - set(without_bands) == {column for column in of_slices if column.startswith("dsca_band")}


def test_every_column_with_a_unit_is_explained_in_its_section(guide: str) -> None:
    sections = guide.split("\n## All columns\n")[0]
    explained = {name for row in table(sections) if row[0] == "Column" for name in names(row[1])}
    of_measures = [
        name
        for heading in ("### measurements.csv", "### levels.csv")
        for row in table(section(guide, heading))
        for name in names(row[0])
        if "](#" in row[2] and row[1] in ("mm²", "mm", "percent", "ratio", "fraction")
    ]
    shared = {"smallest_dural_sac_area_low_mm2", "smallest_dural_sac_area_high_mm2"}
    assert len(of_measures) > 20
    assert set(of_measures) - shared <= explained


def test_every_flag_and_limit_is_explained(guide: str, project_root: Path) -> None:
    sources = (project_root / "LumbarSegLib" / "measurement").glob("*.py")
    kinds = {kind for path in sources for kind in FLAG.findall(path.read_text(encoding="utf-8"))}
    rows = table(section(guide, "## Quality flags"))
    split = next(number for number, row in enumerate(rows) if row[0] == "structure")
    assert {names(row[0])[0] for row in rows[1:split]} == kinds
    limits = {names(structure)[0]: rest for structure, *rest in rows[split + 1 :]}
    assert limits == {
        key: [f"{low:g}-{high:g}", str(MAX_PIECES[key]), f"{MIN_SURE_SHARE[key]:.2f}"]
        for key, (low, high) in AREA_RANGE_MM2.items()
    }


def test_every_band_fat_method_and_confidence_is_explained(guide: str) -> None:
    bands = {names(row[0])[0]: row[1] for row in table(section(guide, "## Context bands"))[1:]}
    assert bands == {key: ", ".join(f"{limit:g}" for limit in each.limits_mm2) for key, each in BAND_TABLES.items()}
    fat = section(guide, "## Lean muscle and fat")
    assert [names(row[0])[0] for row in table(fat) if names(row[0])] == list(FAT_METHODS)
    assert f"fewer than {MIN_SPLIT_PIXELS} pixels" in " ".join(fat.split())
    levels = section(guide, "## Names of levels")
    assert [names(row[0])[0] for row in table(levels)[1:]] == list(CONFIDENCES)
    assert f"{len(known_geometries())} geometries" in guide


def test_its_commands_have_the_options_that_it_names(guide: str, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"^```bash\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line) for block in blocks for line in block.splitlines()]
    assert {words[1] for words in lines} == {"segment", "measure", "compare", "selftest"}
    for program, command, *words in lines:
        assert program == "lumbarseg"
        with pytest.raises(SystemExit):
            main([command, "--help"])
        options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
        assert {word for word in words if word.startswith("--")} <= options
        for before, word in itertools.pairwise(words):
            if before == "--lowest-level":
                level_named_by_user(word)
            if before == "--bands":
                assert word in BAND_TABLES
            if before == "--segment":
                assert word.partition("=")[2] in MEANINGS


def test_its_links_and_pictures_exist(guide: str, project_root: Path) -> None:
    def anchors(text: str) -> set[str]:
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}

    links = re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", guide)
    assert {path for path, _ in links if path.endswith(".png")} == {
        f"pictures/{picture.name}" for picture in (project_root / "docs" / "pictures").glob("measure_*.png")
    }
    for path, anchor in links:
        target = project_root / "docs" / path if path else None
        assert target is None or target.is_file(), path
        if anchor:
            assert anchor in anchors(guide if target is None else target.read_text(encoding="utf-8")), anchor

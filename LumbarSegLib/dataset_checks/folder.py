"""All checks of one folder of labeled slices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from LumbarSegLib.dataset_checks.duplicates import find_duplicates
from LumbarSegLib.dataset_checks.facts import gather_facts
from LumbarSegLib.dataset_checks.outlines import check_outlines
from LumbarSegLib.dataset_checks.records import Finding, Severity, SliceFacts
from LumbarSegLib.dataset_checks.splits import check_splits
from LumbarSegLib.errors import InputError
from LumbarSegLib.io.labeled_slices import Fold, IndexEntry, list_files, read_folds, read_index

#: Pixel sizes of axial lumbar MRI in mm, with room on both sides.
USUAL_SPACINGS_MM = (0.15, 2.0)

#: An image with fewer gray values is a mask or a drawing.
MIN_GRAY_VALUES = 16

_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class FolderCheck:
    """What a folder holds and what was found.

    Parameters
    ----------
    slices : tuple of SliceFacts
        Slices that could be read, by id.
    findings : tuple of Finding
        Errors first, then warnings, then notes.
    """

    slices: tuple[SliceFacts, ...]
    findings: tuple[Finding, ...]

    def count(self, severity: Severity) -> int:
        """Return the number of findings of one severity."""
        return sum(each.severity == severity for each in self.findings)

    def worst_slices(self) -> list[str]:
        """Return the ids of readable slices with errors or warnings, the most suspicious first."""
        scores: dict[str, float] = defaultdict(float)
        for finding in self.findings:
            for name in finding.slices if finding.severity != "note" else ():
                scores[name] += finding.weight
        readable = {each.name for each in self.slices}
        return sorted(readable & set(scores), key=lambda name: (-scores[name], name))


def check_folder(directory: Path, nominal_spacing_mm: float) -> FolderCheck:
    """Check a folder of labeled slices (layout: `LumbarSegLib.io.labeled_slices`).

    Parameters
    ----------
    directory : Path
        The folder.
    nominal_spacing_mm : float
        Pixel size in mm that training takes where the folder states none.

    Raises
    ------
    InputError
        If there is nothing to check: no such folder, no images/ or labels/, or no PNG in them.
    """
    if not directory.is_dir():
        raise InputError(f"{directory} is not a folder.", "Give the folder that holds images/ and labels/.")
    files = list_files(directory)
    # What lacks its counterpart is named once, and is no stranger to index and folds.
    known = files["images"] | files["labels"]
    if not known:
        raise InputError(f"{directory}/images holds no PNG files.", "Put the slices there as ID.png.")
    names = sorted(files["images"] & files["labels"])
    findings = [*_unpaired(directory, files), *_ignored_files(directory)]
    index = _read_index(directory, known, findings)
    slices = []
    for name in names:
        entry = index.get(name, IndexEntry(None, ""))
        try:
            slices.append(gather_facts(directory, name, entry.spacing_mm, entry.plane, nominal_spacing_mm))
        except InputError as error:
            findings.append(Finding("error", "unusable file", error.problem, (name,)))
    folds = _read_folds(directory, known, findings)
    findings += [*_check_images(slices), *check_outlines(slices), *find_duplicates(slices, folds)]
    findings.sort(key=lambda each: (_ORDER[each.severity], -each.weight))
    return FolderCheck(tuple(slices), tuple(findings))


def _unpaired(directory: Path, files: Mapping[str, frozenset[str]]) -> Iterator[Finding]:
    for part, other, lack in (("images", "labels", "label map"), ("labels", "images", "image")):
        for name in sorted(files[part] - files[other]):
            reason = f"{directory / part / name}.png has no {lack} {other}/{name}.png."
            yield Finding("error", "unpaired file", reason, (name,))


def _ignored_files(directory: Path) -> Iterator[Finding]:
    for part in ("images", "labels"):
        for path in sorted((directory / part).iterdir()):
            if path.suffix != ".png" and not path.name.startswith("."):
                yield Finding("warning", "ignored file", f"{path} is not read: only .png files are.")


def _read_index(directory: Path, known: frozenset[str], findings: list[Finding]) -> dict[str, IndexEntry]:
    """Return what `index.csv` says, and add its problems to `findings`."""
    try:
        index = read_index(directory)
    except InputError as error:
        findings.append(Finding("error", "index", error.problem))
        return {}
    sizes = {name: index[name].spacing_mm for name in sorted(known & set(index))}
    without = sorted(name for name in known if sizes.get(name) is None)
    if without and len(without) < len(known):
        reason = f"index.csv has no spacing_mm for {without[0]}, but for other slices ({len(without)} lack it)."
        findings.append(Finding("error", "index", reason, tuple(without)))
    elif without:
        findings.append(Finding("note", "index", "No pixel size is stated: areas are given in pixels."))
    if strangers := sorted(set(index) - known):
        reason = f"index.csv names {strangers[0]}, which is no slice ({len(strangers)} such ids)."
        findings.append(Finding("warning", "index", reason, tuple(strangers)))
    for name, size in sizes.items():
        if size is not None and not USUAL_SPACINGS_MM[0] <= size <= USUAL_SPACINGS_MM[1]:
            reason = f"index.csv gives {name} pixels of {size:g} mm; {USUAL_SPACINGS_MM} mm are usual."
            findings.append(Finding("warning", "index", reason, (name,)))
    return index


def _read_folds(directory: Path, known: frozenset[str], findings: list[Finding]) -> tuple[Fold, ...]:
    """Return the folds of `splits.json`, and add their problems to `findings`."""
    if not (directory / "splits.json").exists():
        findings.append(Finding("note", "splits", "There is no splits.json: only --fold all can be trained."))
        return ()
    try:
        folds = read_folds(directory)
    except InputError as error:
        findings.append(Finding("error", "splits", error.problem))
        return ()
    findings += check_splits(folds, known)
    return folds


def _check_images(slices: Sequence[SliceFacts]) -> Iterator[Finding]:
    for each in slices:
        path = f"images/{each.name}.png"
        if each.num_gray_values == 1:
            yield Finding("error", "blank image", f"{path} is blank: all its pixels are equal.", (each.name,))
        elif each.num_gray_values < MIN_GRAY_VALUES:
            reason = f"{path} has only {each.num_gray_values} gray values; is it a label map?"
            yield Finding("warning", "few gray values", reason, (each.name,))
        if each.modes[0] == "P":
            reason = f"{path} has a palette; its indices are taken for gray values."
            yield Finding("warning", "palette", reason, (each.name,))

"""Problems of `splits.json`: slices in two parts of a fold, missing, or validated twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from LumbarSegLib.dataset_checks.records import Finding, Severity
from LumbarSegLib.io.labeled_slices import Fold

#: So many ids are named in a sentence; the finding itself lists all.
_MAX_NAMED = 3


def check_splits(folds: Sequence[Fold], names: frozenset[str]) -> Iterator[Finding]:
    """Yield what is wrong with the folds of a folder.

    Parameters
    ----------
    folds : sequence of Fold
        As `read_folds` gives them.
    names : frozenset of str
        Ids that have an image or a label map.
    """
    if not folds:
        yield Finding("error", "splits", "splits.json has no folds.")
        return
    for number, fold in enumerate(folds):
        yield from _check_fold(number, fold, names)
    named = [name for fold in folds for name in {*fold.train, *fold.validation}]
    validated = Counter(name for fold in folds for name in set(fold.validation))
    if nowhere := sorted(names - set(named)):
        yield _finding("warning", nowhere, "in no fold")
    if never := sorted(names & set(named) - set(validated)) if len(folds) > 1 else []:
        yield _finding("warning", never, "in no validation part: cross-validation leaves them out")
    if often := sorted(name for name, count in validated.items() if count > 1):
        yield _finding("warning", often, "in the validation parts of several folds")


def _check_fold(number: int, fold: Fold, names: frozenset[str]) -> Iterator[Finding]:
    train, validation = set(fold.train), set(fold.validation)
    if shared := sorted(train & validation):
        yield _finding("error", shared, f"in both parts of fold {number}")
    if unknown := sorted((train | validation) - names):
        yield _finding("error", unknown, f"named in fold {number}, but not there")
    for part, ids in (("training", fold.train), ("validation", fold.validation)):
        if not ids:
            yield Finding("error", "splits", f"The {part} part of fold {number} in splits.json is empty.")
        if repeated := sorted(name for name, count in Counter(ids).items() if count > 1):
            yield _finding("warning", repeated, f"named several times in the {part} part of fold {number}")
    if train and validation and (left_out := sorted(names - train - validation)):
        yield _finding("note", left_out, f"in neither part of fold {number}")


def _finding(severity: Severity, names: Sequence[str], what: str) -> Finding:
    shown = ", ".join(names[:_MAX_NAMED])
    rest = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    verb = "is" if len(names) == 1 else "are"
    return Finding(severity, "splits", f"splits.json: {shown}{rest} {verb} {what}.", tuple(names))

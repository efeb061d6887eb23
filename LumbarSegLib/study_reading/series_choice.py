"""Choose the axial T2-weighted lumbar series of a study, and say why.

The choice is never a guess: two series that fit equally well are an error
that lists them, and so is a study without a fitting one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from LumbarSegLib.errors import InputError
from LumbarSegLib.io.dicom_records import SeriesTags
from LumbarSegLib.study_reading.series_nature import (
    describe_sequence,
    describe_series,
    is_derived,
    is_magnetic_resonance,
    objection,
    short_name,
    weighting,
)

_HOW_TO_CHOOSE = "Pass --series UID"


@dataclass(frozen=True)
class SeriesChoice:
    """The outcome of a choice.

    Parameters
    ----------
    uids : tuple of str
        Series Instance UIDs, more than one only on request.
    sentence : str
        Which series, and why.
    warnings : tuple of str
        What a reader has to know of the series.
    """

    uids: tuple[str, ...]
    sentence: str
    warnings: tuple[str, ...] = ()


def choose_series(study: Sequence[SeriesTags], requested: str | None = None) -> SeriesChoice:
    """Choose among the series of a study.

    Parameters
    ----------
    study : sequence of SeriesTags
        All image series that were found.
    requested : str, optional
        One UID, or several separated by commas, for series that complete each
        other (one per disc). They overrule what the tags say of the weighting
        and the region, but not the modality and the plane.

    Returns
    -------
    SeriesChoice

    Raises
    ------
    InputError
        If no series fits, several fit equally well, or a requested one is
        missing or unusable.
    """
    if requested is not None:
        return _take_requested(study, requested)
    resonance = [tags for tags in study if is_magnetic_resonance(tags)]
    if not resonance:
        raise InputError(
            f"The study holds no MR images: {_listing(study)}.", "Pass a study with an axial T2-weighted MR series."
        )
    axial = [tags for tags in resonance if tags.plane == "axial"]
    if not axial:
        raise InputError(
            f"The study has no axial series: {_listing(resonance)}.",
            "Pass a study with an axial T2-weighted series.",
        )
    fitting = [tags for tags in axial if objection(tags) is None]
    if not fitting:
        found = "; ".join(f"{describe_series(tags)}: {objection(tags)}" for tags in axial)
        raise InputError(
            f"The study has no axial T2-weighted series of the lumbar spine: {found}.",
            f"{_HOW_TO_CHOOSE} to use one of these all the same.",
        )
    best, reason = _best(fitting)
    if len(best) > 1:
        raise InputError(
            f"{len(best)} axial series fit equally well: {_listing(best)}.",
            f"{_HOW_TO_CHOOSE} to choose one, or several UIDs separated by commas if they complete each other.",
        )
    return _found(best[0], reason, len(study))


def _best(fitting: Sequence[SeriesTags]) -> tuple[list[SeriesTags], str]:
    """Return the series of the highest rank (certain weighting first, then original images) and what it is."""
    t2_weighted = [tags for tags in fitting if weighting(tags) == "t2"]
    ranked = t2_weighted or list(fitting)
    kind = "axial T2-weighted series" if t2_weighted else "axial series that nothing speaks against"
    original = [tags for tags in ranked if not is_derived(tags)]
    if original and len(original) < len(ranked):
        return original, f"the only {kind} of original images"
    return original or ranked, f"the only {kind}"


def _found(tags: SeriesTags, reason: str, num_series: int) -> SeriesChoice:
    warnings = []
    if weighting(tags) == "unknown":
        warnings.append(f"The tags of {short_name(tags)} do not say whether it is T2-weighted; areas hold for T2 only.")
    if is_derived(tags):
        warnings.append(f"The images of {short_name(tags)} are derived from others, not as the scanner made them.")
    of_all = f" of {num_series} series" if num_series > 1 else ""
    sequence = describe_sequence(tags)
    sentence = f"{_capital(short_name(tags))} (UID {tags.uid}) was chosen: {reason}{of_all}"
    return SeriesChoice((tags.uid,), f"{sentence} ({sequence})." if sequence else f"{sentence}.", tuple(warnings))


def _take_requested(study: Sequence[SeriesTags], requested: str) -> SeriesChoice:
    uids = tuple(dict.fromkeys(uid.strip() for uid in requested.split(",") if uid.strip()))
    by_uid = {tags.uid: tags for tags in study}
    unknown = [uid for uid in uids if uid not in by_uid]
    if unknown or not uids:
        raise InputError(
            f"The study has no series with the UID '{unknown[0] if unknown else requested}', only: {_listing(study)}.",
            f"{_HOW_TO_CHOOSE} of one of these.",
        )
    chosen = [by_uid[uid] for uid in uids]
    for tags in chosen:
        if not is_magnetic_resonance(tags):
            raise InputError(
                f"{describe_series(tags)} is not MR.", f"{_HOW_TO_CHOOSE} of an axial T2-weighted MR series."
            )
        if tags.plane in ("coronal", "sagittal", "unknown"):
            raise InputError(f"{describe_series(tags)} is not axial.", f"{_HOW_TO_CHOOSE} of an axial series.")
    if len({(tags.study_uid, tags.frame_of_reference_uid) for tags in chosen}) > 1:
        raise InputError(
            f"These series do not share one study and coordinate system: {_listing(chosen)}.",
            "Read them one at a time.",
        )
    names = ", ".join(f"{short_name(tags)} (UID {tags.uid})" for tags in chosen)
    warnings = tuple(
        f"{_capital(short_name(tags))} was asked for, although it seems to be {doubt}; areas hold for T2 only."
        for tags in chosen
        if (doubt := objection(tags)) is not None
    )
    return SeriesChoice(uids, f"{_capital(names)} {'was' if len(chosen) == 1 else 'were'} asked for.", warnings)


def _listing(study: Sequence[SeriesTags]) -> str:
    return "; ".join(describe_series(tags) for tags in study)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

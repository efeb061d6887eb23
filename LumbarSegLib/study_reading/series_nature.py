"""What kind of series the tags describe: region, weighting, and why not axial T2.

Tags of clinical exports are incomplete and partly typed by hand. Measured
values (geometry, echo and repetition time, kind of sequence) therefore count
more than names, and an absent tag speaks neither for nor against a series.
"""

from __future__ import annotations

import re
from typing import Literal

from LumbarSegLib.io.dicom_records import SeriesTags

Weighting = Literal["t2", "other", "unknown"]

#: A spin echo with at least this echo time and repetition time is T2-weighted
#: (lumbar T2 protocols: TE 80-130 ms, TR 2500-6000 ms).
T2_MIN_ECHO_TIME_MS = 60.0
T2_MIN_REPETITION_TIME_MS = 1500.0

#: A longer echo time shows fluid alone (myelography).
T2_MAX_ECHO_TIME_MS = 300.0

#: A spin echo with a shorter echo time is T1- or proton density-weighted.
SHORT_ECHO_TIME_MS = 40.0


def _words(pattern: str) -> re.Pattern[str]:
    """Compile alternatives that must not touch another letter."""
    return re.compile(rf"(?<![a-z])(?:{pattern})(?![a-z])", re.IGNORECASE)


# "T1" and "T2" may touch letters (AXT2, sT2W), but "T12-L1" and "T2*" are something else.
_T1_NAME = re.compile(r"t1(?!\d)", re.IGNORECASE)
_T2_NAME = re.compile(r"t2(?!\d|[\s_-]*(?:\*|star))", re.IGNORECASE)
_PD_NAME = _words(r"pd|pdw|proton[\s_-]*density")

_LOCALIZER_NAME = _words(
    r"loc|local[iy][sz]er|localisateur|rep[eé]rage|scout|survey|pilot|3[\s_-]*pl(?:ane)?|aahead\w*"
)

#: Names of sequences that are not a plain T2-weighted spin echo, each with what to call it.
_OTHER_SEQUENCES: tuple[tuple[re.Pattern[str], str], ...] = (
    (_words(r"\w*(?:stir|tirm|flair)\w*|tir\d\w*|ir"), "inversion recovery"),
    (re.compile(r"t2[\s_-]*(?:\*|star)", re.IGNORECASE), "a gradient echo"),
    (_words(r"medic|merge|(?:me|fl)[23]d\w*|gre|grad(?:ient)?|b?ffe|flash|swi|ciss|fiesta"), "a gradient echo"),
    (_words(r"true?fisp|dess|f?spgr|vibe|lava"), "a gradient echo"),
    (_words(r"dwi|adc|diff?\w*|trace\w*|dti|epi|ep2d\w*|perf\w*|b\d{3,4}"), "diffusion or echo planar imaging"),
    (_words(r"\w*myelo\w*|mrm"), "a myelogram"),
    (_words(r"fat[\s_-]*(?:sat\w*|sup\w*|only)|fs|spair|spir|water|fat\s*:.*"), "fat-suppressed"),
)

#: Image types of maps, of one component of a Dixon set, and of pictures of other kinds.
_OTHER_IMAGE_TYPES: dict[str, str] = {
    "LOCALIZER": "a localizer",
    "ADC": "a diffusion map",
    "DIFFUSION": "diffusion or echo planar imaging",
    "T2 MAP": "a relaxation map",
    "T2_MAP": "a relaxation map",
    "P": "a phase image",
    "PHASE": "a phase image",
    "PHASE MAP": "a phase image",
    "PROJECTION IMAGE": "a projection",
    "MIP": "a projection",
    "WATER": "fat-suppressed",
    "W": "fat-suppressed",
    "FAT": "a fat image",
    "F": "a fat image",
    "FAT_FRACTION": "a fat image",
    "SCREEN SAVE": "a screenshot",
}

# Names that include the lumbar spine count as lumbar, whatever else they include.
_LUMBAR_NAME = re.compile(
    r"lumb|lombaire|lenden|(?<![a-z])(?:tl|ls|l)[\s_-]*(?:spine|sp)(?![a-z])|(?<![a-z])lws(?![a-z])"
    r"|(?<![a-z0-9])l[\s_-]?[1-5](?!\d)",
    re.IGNORECASE,
)
_OTHER_REGIONS: tuple[tuple[re.Pattern[str], str], ...] = (
    (_words(r"cervi\w*|c[\s_-]*(?:spine|sp)|hws|neck|c[1-7]\s*[-_/]\s*[ct]?[1-9]"), "the cervical spine"),
    (_words(r"thora\w*|dorsal|t[\s_-]*(?:spine|sp)|bws|th?\d+\s*[-_/]\s*th?\d+"), "the thoracic spine"),
    (_words(r"brain|head|skull|cranium|kopf|sch[aä]del|cerebr\w*|iac|orbits?"), "the head"),
    (_words(r"knee|hips?|shoulder|ankle|foot|wrist|hand|elbow|femur|thigh|leg"), "a limb"),
    (_words(r"prostate|liver|uterus|rectum|heart|cardiac|breast|kidneys?|mrcp"), "another organ"),
)


def short_name(tags: SeriesTags) -> str:
    """Return the number and the name of a series, as far as it has them."""
    number = "series" if tags.number is None else f"series {tags.number}"
    name = tags.description or tags.protocol
    return f"{number} '{name}'" if name else number


def describe_sequence(tags: SeriesTags) -> str:
    """Return the kind of sequence and its times; empty where the tags have none."""
    parts = ["/".join(tags.scanning_sequence)] if tags.scanning_sequence else []
    if tags.echo_times_ms:
        parts.append("TE " + "/".join(f"{time:g}" for time in tags.echo_times_ms[:3]) + " ms")
    if tags.repetition_time_ms:
        parts.append(f"TR {tags.repetition_time_ms:g} ms")
    return ", ".join(parts)


def describe_series(tags: SeriesTags) -> str:
    """Return one line for a reader, with the UID that `--series` takes."""
    plane = tags.plane if tags.plane != "unknown" else "unknown plane"
    images = f"{tags.num_images} image{'s' if tags.num_images != 1 else ''}"
    date = f"of {tags.study_date}" if tags.study_date else ""
    parts = (f"{plane} {tags.modality}".strip(), describe_sequence(tags), images, date, f"UID {tags.uid}")
    return f"{short_name(tags)} ({', '.join(filter(None, parts))})"


def is_magnetic_resonance(tags: SeriesTags) -> bool:
    """Whether the series is MR; without a modality, tags that only MR has decide."""
    if tags.modality:
        return tags.modality == "MR"
    return bool(tags.echo_times_ms or tags.scanning_sequence)


def other_region(tags: SeriesTags) -> str | None:
    """Return the body region that the tags name, or None if it is the lumbar spine or not said.

    The series' own names come first, then Body Part Examined, which is often
    that of the coil, then the name of the study.
    """
    for text in (f"{tags.description} {tags.protocol}", tags.body_part, tags.study_description):
        if _LUMBAR_NAME.search(text):
            return None
        for pattern, region in _OTHER_REGIONS:
            if pattern.search(text):
                return region
    return None


def is_derived(tags: SeriesTags) -> bool:
    """Whether the images are computed from others (reformatted) or captured from a screen."""
    return bool({"DERIVED", "SECONDARY"} & set(tags.image_type[:2])) or "MPR" in tags.image_type


def weighting(tags: SeriesTags) -> Weighting:
    """Tell T2 weighting from echo and repetition time, and from names where these are open."""
    if any(_is_t2_timing(echo_time, tags.repetition_time_ms) for echo_time in tags.echo_times_ms):
        return "t2"
    if tags.echo_times_ms and max(tags.echo_times_ms) < SHORT_ECHO_TIME_MS:
        return "other"
    for text in (tags.description, tags.sequence_name, tags.protocol):
        says_t2 = bool(_T2_NAME.search(text))
        says_other = bool(_T1_NAME.search(text) or _PD_NAME.search(text))
        if says_t2 != says_other:
            return "t2" if says_t2 else "other"
    return "unknown"


def _is_t2_timing(echo_time_ms: float, repetition_time_ms: float | None) -> bool:
    return T2_MIN_ECHO_TIME_MS <= echo_time_ms <= T2_MAX_ECHO_TIME_MS and (
        repetition_time_ms is None or repetition_time_ms >= T2_MIN_REPETITION_TIME_MS
    )


def objection(tags: SeriesTags) -> str | None:
    """Say why an axial MR series is not a plain T2-weighted series of the lumbar spine.

    Returns
    -------
    str or None
        A noun phrase ("a localizer"); None where nothing speaks against it.
    """
    for value in tags.image_type[2:]:
        if value in _OTHER_IMAGE_TYPES:
            return _OTHER_IMAGE_TYPES[value]
    label = tags.description or tags.protocol
    if _LOCALIZER_NAME.search(label):
        return "a localizer"
    sequence = _sequence_objection(tags)
    if sequence is not None:
        return sequence
    region = other_region(tags)
    if region is not None:
        return f"of {region}"
    return "not T2-weighted" if weighting(tags) == "other" else None


def _sequence_objection(tags: SeriesTags) -> str | None:
    sequence = set(tags.scanning_sequence)
    if "EP" in sequence:
        return "diffusion or echo planar imaging"
    if "GR" in sequence and "SE" not in sequence:
        return "a gradient echo"
    if "IR" in sequence or (not sequence and tags.inversion_time_ms):
        return "inversion recovery"
    if tags.echo_times_ms and min(tags.echo_times_ms) > T2_MAX_ECHO_TIME_MS:
        return "a myelogram"
    for name in (tags.description or tags.protocol, tags.sequence_name):
        for pattern, what in _OTHER_SEQUENCES:
            if pattern.search(name):
                return what
    return "fat-suppressed" if "FS" in tags.scan_options else None

"""The one table of classes; every index, name, color and code comes from here.

The order is that of Figure 4 of Zhang et al. (ICMLC 2023,
doi 10.1145/3587716.3587777); index 0 is the background.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: Scheme of the codes that SNOMED CT, as pydicom ships it, has no entry for.
PRIVATE_CODING_SCHEME = "99LUMBARSEG"

#: Training labels with this value are not annotated and carry no loss.
IGNORE_INDEX = 255


@dataclass(frozen=True)
class Anatomy:
    """One segmented structure.

    Parameters
    ----------
    index : int
        Value in label maps and channel of the network's output.
    key : str
        snake_case name used in tables and JSON.
    name : str
        Name shown to a reader.
    color : tuple of int
        sRGB, 0-255.
    code : tuple of str
        Coding scheme designator, code value, code meaning (DICOM PS3.3 8.8).
    position : {"paired", "midline"}
        A paired structure is measured per patient side.
    """

    index: int
    key: str
    name: str
    color: tuple[int, int, int]
    code: tuple[str, str, str]
    position: Literal["paired", "midline"]

    @property
    def is_paired(self) -> bool:
        """Whether the structure is measured per patient side."""
        return self.position == "paired"


def _private(value: str, meaning: str) -> tuple[str, str, str]:
    return (PRIVATE_CODING_SCHEME, value, meaning)


# SNOMED's 18545000 names the membrane, not what it encloses, so the sac has a
# private code; 360499006 is missing from pydicom's dictionary, hence the same
# for the disc. The three others have no code in that dictionary either.
ANATOMIES: tuple[Anatomy, ...] = (
    Anatomy(1, "dural_sac", "Dural sac", (255, 214, 64), _private("DURALSAC", "Dural sac"), "midline"),
    Anatomy(
        2,
        "ligamentum_flavum",
        "Ligamentum flavum",
        (64, 224, 160),
        _private("LIGFLAVUM", "Ligamentum flavum"),
        "midline",
    ),
    Anatomy(3, "psoas", "Psoas major", (230, 75, 75), ("SCT", "64038003", "Psoas major muscle"), "paired"),
    Anatomy(4, "multifidus", "Multifidus", (140, 110, 245), _private("MULTIFIDUS", "Multifidus muscle"), "paired"),
    Anatomy(
        5,
        "erector_spinae",
        "Erector spinae",
        (240, 140, 80),
        ("SCT", "44947003", "Erector spinae muscle"),
        "paired",
    ),
    Anatomy(6, "lamina", "Lamina", (235, 130, 215), _private("LAMINA", "Lamina of vertebra"), "midline"),
    Anatomy(
        7,
        "intervertebral_disc",
        "Intervertebral disc",
        (80, 170, 245),
        _private("DISC", "Intervertebral disc"),
        "midline",
    ),
)

#: Values of label maps: the background and the seven anatomies.
NUM_CLASSES = len(ANATOMIES) + 1

#: Label of the front column where a slice cuts bone instead of a disc. No result
#: has it: a network may learn it beside the seven, to tell a disc from a body.
VERTEBRAL_BODY_INDEX = NUM_CLASSES

#: Look-up by key.
BY_KEY: dict[str, Anatomy] = {anatomy.key: anatomy for anatomy in ANATOMIES}

#: Look-up by label value.
BY_INDEX: dict[int, Anatomy] = {anatomy.index: anatomy for anatomy in ANATOMIES}

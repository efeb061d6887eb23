"""Which anatomy a segment stands for: tag, terminology and name."""

from __future__ import annotations

import slicer
import vtk

from LumbarSegLib.anatomy import ANATOMIES, BY_KEY, Anatomy

#: Tag of a segment that says which anatomy it holds, whatever its name.
ANATOMY_TAG = "LumbarSeg.Anatomy"

_TERMINOLOGY_CONTEXT = "Segmentation category and type - LumbarSeg"
_CATEGORY = "SCT^123037004^Anatomical Structure"
_REGION_CONTEXT = "Anatomic codes - DICOM master list"


def terminologyEntry(anatomy: Anatomy) -> str:
    """Return an anatomy's code as Slicer writes it into the tag of a segment.

    Context, category, type, its modifier, context, region and its modifier
    stand between tildes, each code as scheme, value and meaning between
    carets. The sides are no modifier: one segment holds both.
    """
    return "~".join([_TERMINOLOGY_CONTEXT, _CATEGORY, "^".join(anatomy.code), "^^", _REGION_CONTEXT, "^^", "^^"])


def nameSegment(segment: slicer.vtkSegment, anatomy: Anatomy) -> None:
    """Give a segment the name, terminology and tag of an anatomy."""
    segment.SetName(anatomy.name)
    segment.SetTag(ANATOMY_TAG, anatomy.key)
    segment.SetTag(segment.GetTerminologyEntryTagName(), terminologyEntry(anatomy))


def anatomyOfSegment(segment: slicer.vtkSegment) -> Anatomy | None:
    """Return the anatomy that a segment's tag, else its terminology, else its name stands for."""
    tagged = BY_KEY.get(_tag(segment, ANATOMY_TAG))
    if tagged is not None:
        return tagged
    # The type of the entry: scheme and value tell a code, its meaning may be translated.
    fields = _tag(segment, segment.GetTerminologyEntryTagName()).split("~")
    code = tuple(fields[2].split("^")[:2]) if len(fields) > 2 else ()
    name = segment.GetName().strip().lower().replace("_", " ")
    for anatomy in ANATOMIES:
        if anatomy.code[:2] == code:
            return anatomy
    return next((each for each in ANATOMIES if name in (each.name.lower(), each.key.replace("_", " "))), None)


def _tag(segment: slicer.vtkSegment, name: str) -> str:
    value = vtk.reference("")
    return str(value) if segment.GetTag(name, value) else ""

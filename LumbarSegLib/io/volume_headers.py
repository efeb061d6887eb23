"""Look into volume files for what ITK does not report.

ITK fills up truncated NIfTI files with zeros and replaces NaN in them by 0,
takes 1 mm for a spacing that is not given, and prints its own lines where a
MetaImage breaks off.
"""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from LumbarSegLib.errors import InputError
from LumbarSegLib.io.file_errors import cannot_be_read, refusal

#: First number of a header: its length, which tells the version of the format.
_NIFTI_HEADER_BYTES = 348
_NIFTI_2_HEADER_BYTES = 540

_GZIP_START = b"\x1f\x8b"

#: Floating-point types of NIfTI and their numpy names.
_NIFTI_FLOATS = {16: "f4", 64: "f8"}

#: Longest text header that is looked for.
_TEXT_HEADER_BYTES = 1 << 16

#: Bytes per value of MetaImage element types.
_META_TYPE_BYTES = {
    "MET_CHAR": 1,
    "MET_UCHAR": 1,
    "MET_SHORT": 2,
    "MET_USHORT": 2,
    "MET_INT": 4,
    "MET_UINT": 4,
    "MET_LONG_LONG": 8,
    "MET_ULONG_LONG": 8,
    "MET_FLOAT": 4,
    "MET_DOUBLE": 8,
}


@dataclass(frozen=True)
class StatedGeometry:
    """What a volume file says about its geometry, rather than leaves to a default."""

    has_spacing: bool
    has_orientation: bool


def inspect_volume_header(path: Path) -> StatedGeometry:
    """Find out which geometry a volume file states, and whether its data are complete.

    Parameters
    ----------
    path : Path
        NIfTI (.nii, .nii.gz), NRRD (.nrrd, .nhdr) or MetaImage (.mha, .mhd).

    Returns
    -------
    StatedGeometry

    Raises
    ------
    InputError
        If the file may not be read, its header cannot be understood, data are
        missing, or values of a NIfTI file are not finite.
    """
    name = path.name.lower()
    try:
        if name.endswith((".nii", ".nii.gz")):
            return _inspect_nifti(path)
        if name.endswith((".nrrd", ".nhdr")):
            return _inspect_nrrd(path)
        return _inspect_meta_image(path)
    except (OSError, EOFError, zlib.error, struct.error, ValueError, KeyError) as error:
        if isinstance(error, InputError):
            raise
        if reason := refusal(error):
            # The voxels may lie in another file than the header.
            raise cannot_be_read(Path(getattr(error, "filename", None) or path), reason) from error
        raise damaged_volume(path) from error


def damaged_volume(path: Path) -> InputError:
    """Return the error for a volume file that cannot be read or breaks off."""
    return InputError(f"The volume {path} cannot be read: it is truncated or damaged.", "Export or copy it again.")


def not_finite(source: str) -> InputError:
    """Return the error for NaN or infinite values."""
    return InputError(f"{source} holds NaN or infinite values.", "Replace them, for example by 0, and try again.")


def _inspect_nifti(path: Path) -> StatedGeometry:
    """Read the NIfTI-1 header (nifti1.h) and look at the values that follow."""
    content = _read_nifti_bytes(path)
    order = "<" if struct.unpack_from("<i", content)[0] in (_NIFTI_HEADER_BYTES, _NIFTI_2_HEADER_BYTES) else ">"
    header_bytes = struct.unpack_from(f"{order}i", content)[0]
    if header_bytes == _NIFTI_2_HEADER_BYTES:
        raise InputError(f"{path} is a NIfTI-2 file.", "Save it as NIfTI-1, NRRD or MetaImage.")
    if header_bytes != _NIFTI_HEADER_BYTES:
        raise damaged_volume(path)
    dim = struct.unpack_from(f"{order}8h", content, 40)
    datatype, bits = struct.unpack_from(f"{order}2h", content, 70)
    pixdim = struct.unpack_from(f"{order}8f", content, 76)
    data = content[int(struct.unpack_from(f"{order}f", content, 108)[0]) :]
    codes = struct.unpack_from(f"{order}2h", content, 252)
    if not 1 <= dim[0] <= 7 or len(data) < math.prod(dim[1 : dim[0] + 1]) * bits // 8:
        raise damaged_volume(path)
    if datatype in _NIFTI_FLOATS:
        kind = f"{order}{_NIFTI_FLOATS[datatype]}"
        values = np.frombuffer(data, kind, count=len(data) // np.dtype(kind).itemsize)
        if not np.isfinite(values).all():
            raise not_finite(str(path))
    # A negative pixdim is an old way to write a flip, which ITK understands.
    has_spacing = all(math.isfinite(size) and size != 0 for size in pixdim[1 : 1 + min(dim[0], 3)])
    return StatedGeometry(has_spacing, has_orientation=any(code > 0 for code in codes))


def _read_nifti_bytes(path: Path) -> bytes:
    content = path.read_bytes()
    if not path.name.lower().endswith(".gz"):
        if content.startswith(_GZIP_START):
            raise InputError(f"{path} is compressed, but its name does not say so.", "Rename it to end in .nii.gz.")
        return content
    if content and not content.startswith(_GZIP_START):
        raise InputError(f"{path} is not compressed, but its name says so.", "Rename it to end in .nii.")
    return gzip.decompress(content)


def _inspect_nrrd(path: Path) -> StatedGeometry:
    fields = _text_fields(path, separator=":")[0]
    directions = "space directions" in fields
    spacings = "spacings" in fields and "nan" not in fields["spacings"].lower()
    return StatedGeometry(directions or spacings, directions and ("space" in fields or "space dimension" in fields))


def _inspect_meta_image(path: Path) -> StatedGeometry:
    fields, header_bytes = _text_fields(path, separator="=")
    data_file = fields["ElementDataFile"]
    data_path = path if data_file.upper() == "LOCAL" else path.parent / data_file
    # A list or pattern of files, and compressed data, are left to ITK.
    if not re.search(r"LIST|%", data_file) and fields.get("CompressedData", "False").lower() != "true":
        sizes = [int(size) for size in fields["DimSize"].split()]
        channels = int(fields.get("ElementNumberOfChannels", "1"))
        needed = math.prod(sizes) * channels * _META_TYPE_BYTES[fields["ElementType"]]
        if data_path.stat().st_size - (header_bytes if data_path == path else 0) < needed:
            raise damaged_volume(path)
    orientation = {"TransformMatrix", "Orientation", "Rotation"} & fields.keys()
    return StatedGeometry(bool({"ElementSpacing", "ElementSize"} & fields.keys()), bool(orientation))


def _text_fields(path: Path, separator: str) -> tuple[dict[str, str], int]:
    """Return the `key separator value` lines of a text header and its length in bytes."""
    with path.open("rb") as stream:
        head = stream.read(_TEXT_HEADER_BYTES)
    fields: dict[str, str] = {}
    num_bytes = 0
    for line in head.splitlines(keepends=True):
        num_bytes += len(line)
        key, found, value = line.decode("latin-1").partition(separator)
        if found:
            fields[key.strip()] = value.lstrip("=").strip()
        # NRRD ends with an empty line, MetaImage with the name of its data.
        if not line.strip() or key.strip() == "ElementDataFile":
            break
    return fields, num_bytes

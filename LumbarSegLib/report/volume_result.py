"""The files of one volume's result, as the command-line module writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from LumbarSegLib.errors import InputError
from LumbarSegLib.io.label_maps import LABEL_MAP_SUFFIXES, write_label_map
from LumbarSegLib.io.study import Study
from LumbarSegLib.io.volume_files import VOLUME_SUFFIXES
from LumbarSegLib.measurement import UNNAMED, LevelName
from LumbarSegLib.report.provenance import Provenance
from LumbarSegLib.report.study_result import measure_study
from LumbarSegLib.report.tables import level_rows, table_rows, write_csv
from LumbarSegLib.report.text_files import open_text
from LumbarSegLib.study_reading import open_study

if TYPE_CHECKING:
    from LumbarSegLib.inference.segmentation import StudySegmentation

#: Names of files that tables are written to.
TABLE_SUFFIXES = (".csv", ".tsv")


@dataclass(frozen=True)
class VolumeFiles:
    """Where the parts of a volume's result go.

    Parameters
    ----------
    label_map : Path
        Ends in one of `LABEL_MAP_SUFFIXES`.
    measurements, levels : Path or None
        Tables of slices and of levels, ending in one of `TABLE_SUFFIXES`; None
        leaves one out.
    return_parameters : Path or None
        What the run found out about itself, a line of ``key = value`` each.

    Raises
    ------
    InputError
        The ending of a name tells no format that can be written.
    """

    label_map: Path
    measurements: Path | None = None
    levels: Path | None = None
    return_parameters: Path | None = None

    def __post_init__(self) -> None:
        """Check the endings, before any work is done."""
        _check_ending(self.label_map, LABEL_MAP_SUFFIXES)
        for table in (self.measurements, self.levels):
            if table is not None:
                _check_ending(table, TABLE_SUFFIXES)

    @property
    def paths(self) -> list[Path]:
        """All files that are asked for."""
        asked_for = (self.label_map, self.measurements, self.levels, self.return_parameters)
        return [path for path in asked_for if path is not None]


def open_volume(path: Path) -> Study:
    """Read a volume file, whose label map will be one file as well.

    Parameters
    ----------
    path : Path
        Ends in one of `VOLUME_SUFFIXES`.

    Returns
    -------
    Study
        As `open_study` reads it: with a single block.

    Raises
    ------
    InputError
        The file is no volume, or cannot be used; see `open_study`.
    """
    if not path.name.lower().endswith(VOLUME_SUFFIXES):
        raise InputError(
            f"The input {path} is no volume file ({', '.join(VOLUME_SUFFIXES)}).",
            "Save the volume as .nrrd, or use 'lumbarseg segment' for DICOM folders and pictures.",
        )
    return open_study(path)


def write_volume_result(
    segmentation: StudySegmentation,
    files: VolumeFiles,
    write_to: Mapping[Path, Path],
    lowest_level: LevelName = UNNAMED,
) -> None:
    """Measure a segmented volume and write what was asked for.

    Parameters
    ----------
    segmentation : StudySegmentation
        Of a study from `open_volume`.
    files : VolumeFiles
        What is asked for.
    write_to : mapping of Path to Path
        The name to write to for each of ``files.paths``; see `output_files`.
    lowest_level : LevelName
        Of the lowest level that is outlined.
    """
    (outlined,) = segmentation.blocks
    write_label_map(write_to[files.label_map], outlined.label_map, outlined.affine_ijk_to_ras)
    provenance = Provenance(weights_name=segmentation.weights_name, weights_sha256=segmentation.weights_sha256)
    measured = ([outlined.block], measure_study(segmentation), provenance, lowest_level)
    if files.measurements is not None:
        write_csv(write_to[files.measurements], table_rows(*measured))
    if files.levels is not None:
        write_csv(write_to[files.levels], level_rows(*measured))
    if files.return_parameters is not None:
        with open_text(write_to[files.return_parameters]) as file:
            for key, value in return_parameters(segmentation).items():
                file.write(f"{key} = {value}\n")


def return_parameters(segmentation: StudySegmentation) -> dict[str, str]:
    """Return what the description of the command-line module promises to give back.

    Parameters
    ----------
    segmentation : StudySegmentation
        The run.

    Returns
    -------
    dict of str to str
        Name to value, each of a single line.
    """
    values = {
        "weightsName": segmentation.weights_name,
        "weightsSha256": segmentation.weights_sha256,
        "deviceUsed": segmentation.device,
        "deviceReason": segmentation.device_reason,
        "numberFormat": segmentation.number_format,
        "numSlices": str(sum(len(outlined.label_map) for outlined in segmentation.blocks)),
        "warnings": "; ".join(segmentation.warnings),
    }
    return {key: " ".join(value.split()) for key, value in values.items()}


def _check_ending(path: Path, suffixes: tuple[str, ...]) -> None:
    if not path.name.lower().endswith(suffixes):
        raise InputError(f"The output {path} must end in {', '.join(suffixes)}.", "Give it another name.")

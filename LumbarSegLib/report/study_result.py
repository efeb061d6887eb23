"""All files of one study's result, as the command line and Slicer's batch mode write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib.io.label_maps import write_label_map
from LumbarSegLib.io.study import Block
from LumbarSegLib.measurement import (
    BAND_TABLES,
    FAT_METHODS,
    UNNAMED,
    LevelName,
    SliceMeasurement,
    measure_block,
    with_band,
    with_confidence_flags,
    with_intervals,
)
from LumbarSegLib.report.measurement_tree import write_json
from LumbarSegLib.report.overview import write_overview
from LumbarSegLib.report.provenance import Provenance
from LumbarSegLib.report.result_folder import RECORD_FILE, hashes_of, label_map_name
from LumbarSegLib.report.run_record import run_record, write_run_record
from LumbarSegLib.report.tables import level_rows, table_rows, write_csv
from LumbarSegLib.report.timing import Stopwatch

if TYPE_CHECKING:
    from LumbarSegLib.inference.segmentation import StudySegmentation


def measure_study(
    segmentation: StudySegmentation, fat_method: str = FAT_METHODS[0], bands: str | None = None
) -> list[tuple[SliceMeasurement, ...]]:
    """Measure every slice of every block, with what the network knows of its own doubts.

    Parameters
    ----------
    segmentation : StudySegmentation
        Outlines and what is known of their pixels.
    fat_method : str
        See `measure_block`.
    bands : str, optional
        One of `BAND_TABLES`: say where the dural sac's areas lie among its limits.

    Returns
    -------
    list of tuple of SliceMeasurement
        By block and slice.
    """
    measurements = []
    for each in segmentation.blocks:
        slices = measure_block(
            each.label_map,
            each.affine_ijk_to_ras,
            image=each.block.image,
            orientation_known=each.block.orientation_known,
            fat_method=fat_method,
        )
        slices = with_confidence_flags(slices, each.label_map, each.bounds)
        slices = with_intervals(slices, each.bounds, each.affine_ijk_to_ras, segmentation.area_calibration)
        measurements.append(slices if bands is None else with_band(slices, BAND_TABLES[bands]))
    return measurements


def measure_outlines(
    blocks: Sequence[Block],
    label_maps: Sequence[NDArray[np.uint8]],
    fat_method: str = FAT_METHODS[0],
    bands: str | None = None,
) -> list[tuple[SliceMeasurement, ...]]:
    """Measure outlines of any source; without a network there are no intervals.

    Parameters
    ----------
    blocks : sequence of Block
        Of one study.
    label_maps : sequence of (K, J, I) ndarray of uint8
        One per block, labels as in `LumbarSegLib.anatomy`.
    fat_method, bands
        As for `measure_study`.

    Returns
    -------
    list of tuple of SliceMeasurement
        By block and slice.
    """
    measurements = []
    for block, label_map in zip(blocks, label_maps, strict=True):
        slices = measure_block(
            label_map,
            block.affine_ijk_to_ras,
            image=block.image,
            orientation_known=block.orientation_known,
            fat_method=fat_method,
        )
        measurements.append(slices if bands is None else with_band(slices, BAND_TABLES[bands]))
    return measurements


@dataclass(frozen=True)
class MeasuredStudy:
    """Outlines of a study and what was measured of them.

    Parameters
    ----------
    blocks : sequence of Block
        At least one.
    label_maps : sequence of (K, J, I) ndarray of uint8
        One per block.
    measurements : sequence of sequences of SliceMeasurement
        By block and slice.
    provenance : Provenance
        Who made the outlines.
    lowest_level : LevelName
        Of the lowest outlined disc.
    """

    blocks: Sequence[Block]
    label_maps: Sequence[NDArray[np.uint8]]
    measurements: Sequence[Sequence[SliceMeasurement]]
    provenance: Provenance
    lowest_level: LevelName = UNNAMED

    def write(self, folder: Path, audit: Mapping[str, object] | None = None) -> dict[str, object]:
        """Write label maps, tables and picture into an empty folder.

        Parameters
        ----------
        folder : Path
            Exists; see `output_folder` for how it gets its final name.
        audit : mapping, optional
            For measurements.json.

        Returns
        -------
        dict
            What the record of the run says of the label maps.
        """
        paths = []
        for number, (block, label_map) in enumerate(zip(self.blocks, self.label_maps, strict=True), start=1):
            paths.append(folder / label_map_name(number))
            write_label_map(paths[-1], label_map, block.affine_ijk_to_ras)
        measured = (self.blocks, self.measurements, self.provenance, self.lowest_level)
        write_csv(folder / "measurements.csv", table_rows(*measured))
        write_csv(folder / "levels.csv", level_rows(*measured))
        write_json(folder / "measurements.json", *measured, audit)
        write_overview(
            folder / "overview.png",
            self.blocks,
            self.label_maps,
            self.measurements,
            weights_name=self.provenance.weights_in_words,
            title=self.blocks[0].series_description,
            lowest_level=self.lowest_level,
        )
        return {"source": self.provenance.source, "label_maps": hashes_of(paths)}


@dataclass(frozen=True)
class StudyResult:
    """What a run has found out and how.

    Parameters
    ----------
    segmentation : StudySegmentation
        The outlines.
    measurements : sequence of sequences of SliceMeasurement
        By block and slice, from `measure_study`.
    settings : mapping
        Options of the run, for the record.
    started_at : datetime
        Start of the run, with its time zone.
    lowest_level : LevelName
        Of the lowest outlined disc.
    """

    segmentation: StudySegmentation
    measurements: Sequence[Sequence[SliceMeasurement]]
    settings: Mapping[str, object]
    started_at: datetime
    lowest_level: LevelName = UNNAMED

    def write(self, folder: Path, stopwatch: Stopwatch) -> None:
        """Write label maps, tables, picture and record into an empty folder.

        Parameters
        ----------
        folder : Path
            Exists; see `output_folder` for how it gets its final name.
        stopwatch : Stopwatch
            Its part "write" grows; its state at the end goes into the record.
        """
        segmentation = self.segmentation
        provenance = Provenance(weights_name=segmentation.weights_name, weights_sha256=segmentation.weights_sha256)
        measured = MeasuredStudy(
            [each.block for each in segmentation.blocks],
            [each.label_map for each in segmentation.blocks],
            self.measurements,
            provenance,
            self.lowest_level,
        )
        with stopwatch.part("write"):
            outlines = measured.write(folder)
        record = run_record(
            segmentation.study,
            provenance,
            started_at=self.started_at,
            device=segmentation.device,
            device_reason=segmentation.device_reason,
            settings={**self.settings, "number_format": segmentation.number_format},
            timings_s=stopwatch.seconds(),
            warnings=segmentation.network_warnings,
        )
        write_run_record(folder / RECORD_FILE, record | outlines)

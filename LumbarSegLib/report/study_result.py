"""All files of one study's result, as the command line and Slicer's batch mode write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from LumbarSegLib.io.label_maps import write_label_map
from LumbarSegLib.measurement import SliceMeasurement, measure_block
from LumbarSegLib.report.overview import write_overview
from LumbarSegLib.report.provenance import Provenance
from LumbarSegLib.report.run_record import run_record, write_run_record
from LumbarSegLib.report.tables import level_rows, table_rows, write_csv, write_json
from LumbarSegLib.report.timing import Stopwatch

if TYPE_CHECKING:
    from LumbarSegLib.inference.segmentation import StudySegmentation


def measure_study(segmentation: StudySegmentation) -> list[tuple[SliceMeasurement, ...]]:
    """Measure every slice of every block; see `measure_block`."""
    return [
        measure_block(each.label_map, each.affine_ijk_to_ras, orientation_known=each.block.orientation_known)
        for each in segmentation.blocks
    ]


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
    """

    segmentation: StudySegmentation
    measurements: Sequence[Sequence[SliceMeasurement]]
    settings: Mapping[str, object]
    started_at: datetime

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
        blocks = [each.block for each in segmentation.blocks]
        label_maps = [each.label_map for each in segmentation.blocks]
        provenance = Provenance(weights_name=segmentation.weights_name, weights_sha256=segmentation.weights_sha256)
        with stopwatch.part("write"):
            for number, each in enumerate(segmentation.blocks, start=1):
                path = folder / f"segmentation_block-{number:02d}.nii.gz"
                write_label_map(path, each.label_map, each.affine_ijk_to_ras)
            write_csv(folder / "measurements.csv", table_rows(blocks, self.measurements, provenance))
            write_csv(folder / "levels.csv", level_rows(blocks, self.measurements, provenance))
            write_json(folder / "measurements.json", blocks, self.measurements, provenance)
            write_overview(
                folder / "overview.png",
                blocks,
                label_maps,
                self.measurements,
                weights_name=segmentation.weights_name,
                title=blocks[0].series_description,
            )
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
        write_run_record(folder / "run.json", record)

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_factory import (
    AXIAL,
    CORONAL,
    SAGITTAL,
    T2_TAGS,
    make_dataset,
    make_pixels,
    save,
    tilted_axial,
    write_enhanced,
    write_series,
)
from pydicom import config
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from LumbarSegLib.io.dicom_headers import scan_dicom
from LumbarSegLib.io.dicom_records import DicomScan, DicomSlice, SeriesTags


def scan(folder: Path) -> DicomScan:
    return scan_dicom(sorted(path for path in folder.rglob("*") if path.is_file()))


def bundled(name: str) -> Path:
    return Path(str(get_testdata_file(name, download=False)))


def test_all_tags_of_a_series(tmp_path: Path) -> None:
    tags: dict[str, Any] = {
        "ProtocolName": "LWS",
        "SequenceName": "*tse2d1_17",
        "StudyDescription": "MRI",
        "StudyDate": "20240229",
        "BodyPartExamined": "LSPINE",
        "ImageType": ["ORIGINAL", "PRIMARY", "M"],
        "ScanOptions": "PFP",
        "InversionTime": 0.0,
        "AcquisitionNumber": 3,
        "TemporalPositionIdentifier": 2,
        "RescaleSlope": 2.0,
        "RescaleIntercept": -5.0,
    }
    paths = write_series(tmp_path, 2, number=6, **T2_TAGS, **tags)
    (series,) = scan(tmp_path).series
    assert series.tags == SeriesTags(
        uid="1.2.1.6",
        number=6,
        description="t2_tse_tra",
        protocol="LWS",
        sequence_name="*tse2d1_17",
        study_uid="1.2.1",
        study_description="MRI",
        study_date="20240229",
        frame_of_reference_uid="1.2.9",
        modality="MR",
        body_part="LSPINE",
        plane="axial",
        num_images=2,
        image_type=("ORIGINAL", "PRIMARY", "M"),
        scanning_sequence=("SE",),
        scan_options=("PFP",),
        echo_times_ms=(100.0,),
        repetition_time_ms=3500.0,
        inversion_time_ms=None,
    )
    assert [item.path for item in series.slices] == paths
    first = series.slices[0]
    assert isinstance(first, DicomSlice)
    assert (first.frame, first.shape_ji, first.spacing_ji_mm, first.thickness_mm) == (None, (20, 24), (0.5, 0.5), 4.0)
    assert (first.acquisition_number, first.temporal_position, first.echo_time_ms) == (3, 2, 100.0)
    assert (first.rescale_slope, first.rescale_intercept) == (2.0, -5.0)
    assert first.placement is not None
    assert first.placement.position_lps_mm == (-6.0, -5.0, 0.0)


def test_series_are_separated_and_other_files_passed_over(tmp_path: Path) -> None:
    write_series(tmp_path / "deep" / "deeper", 3, number=2, cosines=SAGITTAL)
    write_series(tmp_path, 2, number=1)
    write_series(tmp_path, 1, number=10, cosines=CORONAL)
    (tmp_path / "LICENSE.txt").write_text("Not an image.")
    (tmp_path / "notes").write_bytes(b"\x08\x00" + b"looks like an element, but is not" * 9)
    shutil.copy(bundled("DICOMDIR"), tmp_path / "DICOMDIR")
    report = make_dataset(make_pixels(0), (0, 0, 0), SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", Rows=None)
    save(report, tmp_path / "report.dcm")
    found = scan(tmp_path)
    assert [(item.tags.number, item.tags.plane, len(item.slices)) for item in found.series] == [
        (1, "axial", 2),
        (2, "sagittal", 3),
        (10, "coronal", 1),
    ]
    assert found.damaged == ()


def test_three_planes_are_mixed_and_most_slices_name_the_plane(tmp_path: Path) -> None:
    for number, planes in ((1, (AXIAL, SAGITTAL, CORONAL)), (2, (AXIAL, tilted_axial(30), SAGITTAL))):
        for k, cosines in enumerate(planes):
            dataset = make_dataset(make_pixels(k), (0, 0, k), cosines, SeriesInstanceUID=f"1.{number}")
            dataset.SeriesNumber = number
            save(dataset, tmp_path / f"{number}-{k}.dcm")
    assert [item.tags.plane for item in scan(tmp_path).series] == ["mixed", "axial"]


@pytest.mark.parametrize("implicit", [True, False])
def test_a_file_without_preamble_meta_header_and_sop_class(tmp_path: Path, implicit: bool) -> None:
    dataset = make_dataset(make_pixels(1), (0, 0, 0), SOPClassUID=None, **T2_TAGS)
    dataset.save_as(tmp_path / "bare", implicit_vr=implicit, little_endian=True, enforce_file_format=False)
    assert (tmp_path / "bare").read_bytes()[128:132] != b"DICM"
    (series,) = scan(tmp_path).series
    assert series.tags.plane == "axial"
    assert series.tags.echo_times_ms == (100.0,)


@pytest.mark.parametrize("name", ["MR_small_implicit.dcm", "MR_small_bigendian.dcm", "MR_small_expb.dcm"])
def test_transfer_syntaxes_give_the_same_header(name: str) -> None:
    (series,) = scan_dicom([bundled("MR_small.dcm"), bundled(name)]).series
    assert series.slices[0].placement == series.slices[1].placement
    assert series.tags.echo_times_ms == (240.0,)


def test_values_that_break_the_standard_count_as_absent(tmp_path: Path) -> None:
    path = write_series(tmp_path, 1, PatientName="X", **T2_TAGS)[0]
    content = path.read_bytes()
    for good, bad in (
        (b"3500.0", b"3500,0"),
        (b"100.0 ", b"1OO.0 "),
        (b"0.5\\0.5 ", b"0.5     "),
        (b"X ", b"\xff\xfe"),
    ):
        assert content.count(good) == 1
        content = content.replace(good, bad)
    path.write_bytes(content)
    (series,) = scan(tmp_path).series
    assert series.tags.repetition_time_ms is None
    assert series.tags.echo_times_ms == ()
    assert series.slices[0].spacing_ji_mm is None


def test_harmless_breaches_of_the_standard_make_no_noise(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with config.disable_value_validation():
        write_series(tmp_path, 1, ProtocolName="X" * 99, BodyPartExamined="l spine, free text", **T2_TAGS)
    (series,) = scan(tmp_path).series
    assert (series.tags.protocol, series.tags.body_part) == ("X" * 99, "l spine, free text")
    assert caplog.messages == []


@pytest.mark.parametrize(
    "cosines", [(0.0,) * 6, (1.0, 0.0, 0.0, 1.0, 0.0, 0.0), (2.0, 0.0, 0.0, 0.0, 2.0, 0.0)], ids=str
)
def test_impossible_directions_are_no_placement(tmp_path: Path, cosines: tuple[float, ...]) -> None:
    save(make_dataset(make_pixels(0), (0, 0, 0), cosines), tmp_path / "a.dcm")
    (series,) = scan(tmp_path).series
    assert series.slices[0].placement is None
    assert series.tags.plane == "unknown"


def test_a_series_without_uid_is_named_by_its_number(tmp_path: Path) -> None:
    write_series(tmp_path, 2, number=4, SeriesInstanceUID=None)
    (series,) = scan(tmp_path).series
    assert series.tags.uid == "series number 4"
    assert len(series.slices) == 2


@pytest.mark.parametrize("last", [b"", b"DICM", b"1.2.840.10008.1.2.1", b"1.2.1.1", b"\x28\x00\x10\x00"])
def test_headers_that_break_off_are_reported(tmp_path: Path, last: bytes) -> None:
    first, second = write_series(tmp_path, 2)
    content = second.read_bytes()
    second.write_bytes(content[: content.index(last) + len(last)])
    found = scan(tmp_path)
    assert [item.path for item in found.series[0].slices] == [first]
    assert [item.path for item in found.damaged] == [second]


def test_a_deflated_file_that_breaks_off_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    content = bundled("image_dfl.dcm").read_bytes()
    path.write_bytes(content)
    assert len(scan(tmp_path).series) == 1
    path.write_bytes(content[: len(content) // 2])
    assert [item.path for item in scan(tmp_path).damaged] == [path]


def test_enhanced_multi_frame(tmp_path: Path) -> None:
    pixels = np.stack([make_pixels(k) for k in range(3)])
    positions = [(0.0, 1.0, 4.0 * k) for k in range(3)]
    write_enhanced(tmp_path / "enhanced.dcm", pixels, positions, tilted_axial(10))
    (series,) = scan(tmp_path).series
    assert series.tags.scanning_sequence == ("SE",)
    assert series.tags.echo_times_ms == (100.0,)
    assert series.tags.repetition_time_ms == 3500.0
    assert (series.tags.num_images, series.tags.plane) == (3, "axial")
    assert [item.frame for item in series.slices] == [0, 1, 2]
    assert [item.rescale_slope for item in series.slices] == [1.0, 2.0, 3.0]
    assert [item.placement.position_lps_mm for item in series.slices if item.placement] == positions
    assert {(item.spacing_ji_mm, item.thickness_mm) for item in series.slices} == {((0.5, 0.5), 4.0)}
    assert series.slices[1].source.endswith("enhanced.dcm (frame 2)")


def test_enhanced_attributes_in_classic_terms(tmp_path: Path) -> None:
    dataset = make_dataset(make_pixels(0), (0, 0, 0), EchoPulseSequence="BOTH", EchoPlanarPulseSequence="YES")
    dataset.SpectrallySelectedSuppression = "FAT"
    modifier = Dataset()
    modifier.InversionRecovery, modifier.InversionTimes = "YES", 160.0
    shared = Dataset()
    shared.MRModifierSequence = [modifier]
    dataset.SharedFunctionalGroupsSequence, dataset.PerFrameFunctionalGroupsSequence = [shared], [Dataset()]
    save(dataset, tmp_path / "a.dcm")
    (series,) = scan(tmp_path).series
    assert series.tags.scanning_sequence == ("SE", "GR", "IR", "EP")
    assert series.tags.scan_options == ("FS",)
    assert series.tags.inversion_time_ms == 160.0


def test_frames_without_positions_are_not_placed(tmp_path: Path) -> None:
    pixels = np.stack([make_pixels(k) for k in range(2)])
    save(make_dataset(pixels, (0, 0, 0), NumberOfFrames=2), tmp_path / "a.dcm")
    (series,) = scan(tmp_path).series
    assert series.slices[0].placement is None

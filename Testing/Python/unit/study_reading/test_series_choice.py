from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from LumbarSegLib.errors import InputError
from LumbarSegLib.io.dicom_records import SeriesTags
from LumbarSegLib.study_reading.series_choice import choose_series
from LumbarSegLib.study_reading.series_nature import objection, other_region, weighting

T2_TIMES: dict[str, Any] = {"echo_times_ms": (100.0,), "repetition_time_ms": 3500.0}
T1_TIMES: dict[str, Any] = {"echo_times_ms": (10.0,), "repetition_time_ms": 600.0}


def axial(uid: str, **values: Any) -> SeriesTags:
    known = {"modality": "MR", "plane": "axial", "num_images": 17, "study_uid": "1", "frame_of_reference_uid": "2"}
    return SeriesTags(uid=uid, **(known | values))


# Tags as scanners of these makers write them; the first series of each study is the one to take.
STUDIES = {
    "Siemens": [
        axial("1", description="t2_tse_tra", sequence_name="*tse2d1_17", scanning_sequence=("SE",), **T2_TIMES),
        axial("2", description="t1_tse_tra", sequence_name="*tse2d1_3", scanning_sequence=("SE",), **T1_TIMES),
        axial("3", description="t2_tirm_tra", sequence_name="*tir2d1_15", scanning_sequence=("SE", "IR"), **T2_TIMES),
        axial("4", description="localizer", sequence_name="*fl2d1", scanning_sequence=("GR",)),
        axial("5", description="t2_me2d_tra", scanning_sequence=("GR",), echo_times_ms=(17.0,)),
    ],
    "GE": [
        axial("1", description="Ax T2 FRFSE", protocol="LUMBAR T1 T2 STIR", scanning_sequence=("SE",), **T2_TIMES),
        axial("2", description="Ax T2 FRFSE FS", scanning_sequence=("SE",), scan_options=("FS",), **T2_TIMES),
        axial("3", description="WATER: Ax T2 IDEAL", scanning_sequence=("SE",), **T2_TIMES),
        axial("4", description="3-pl Loc", scanning_sequence=("GR",)),
        axial("5", description="Ax T2 MPR", image_type=("DERIVED", "SECONDARY", "REFORMATTED"), **T2_TIMES),
    ],
    "Philips": [
        axial("1", description="sT2W_TSE_ax", scanning_sequence=("SE",), **T2_TIMES),
        axial("2", description="T2W_SPAIR_ax", scanning_sequence=("SE",), **T2_TIMES),
        axial("3", description="Survey", scanning_sequence=("GR",)),
        axial("4", description="T2W_FFE_ax", scanning_sequence=("GR",), echo_times_ms=(9.0,)),
        axial("5", description="DWI_ax", scanning_sequence=("SE", "EP"), **T2_TIMES),
    ],
    "Toshiba, without names": [
        axial("1", body_part="TLSPINE", sequence_name="FSE+10_fc", scanning_sequence=("SE",), **T2_TIMES),
        axial("2", body_part="TLSPINE", scanning_sequence=("SE",), **T1_TIMES),
        axial("3", body_part="TLSPINE", scanning_sequence=("SE", "IR"), inversion_time_ms=150.0, **T2_TIMES),
        axial("4", body_part="TLSPINE", plane="sagittal", scanning_sequence=("SE",), **T2_TIMES),
    ],
    "Hitachi, research mode": [
        axial("1", description="AX-T2", scanning_sequence=("RM",), **T2_TIMES),
        axial("2", description="AX-T1", scanning_sequence=("RM",), **T1_TIMES),
    ],
    "names only": [
        axial("1", description="AXT2 L3-S1"),
        axial("2", description="AX T1 T12-L1"),
        axial("3", description="AX PD"),
        axial("4", description="AX T2* L3-S1"),
        axial("5", description="Sag T2", plane="sagittal"),
    ],
    "whole spine": [
        axial("1", description="AX T2 L-SPINE", study_description="MRI WHOLE SPINE", **T2_TIMES),
        axial("2", description="AX T2 C-SPINE", study_description="MRI WHOLE SPINE", **T2_TIMES),
        axial("3", description="AX T2", body_part="TSPINE", study_description="MRI WHOLE SPINE", **T2_TIMES),
        axial("4", description="AX T2 C3-C7", **T2_TIMES),
    ],
    "with a computed tomography": [
        axial("1", description="Ax T2", **T2_TIMES),
        axial("2", description="LSPINE 3mm", modality="CT"),
    ],
    "echo times of a proton density and T2 double echo": [
        axial("1", description="AX PD/T2", scanning_sequence=("SE",), echo_times_ms=(15.0, 100.0)),
        axial("2", description="AX PD", scanning_sequence=("SE",), echo_times_ms=(15.0,)),
    ],
    "certain before possible": [
        axial("1", description="AX T2"),
        axial("2", description="AX 2"),
    ],
}


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES.keys())
def test_the_axial_t2_series_is_chosen_in_any_order(study: list[SeriesTags]) -> None:
    for order in (study, study[::-1]):
        choice = choose_series(order)
        assert choice.uids == ("1",)
        assert "(UID 1) was chosen: the only " in choice.sentence
        assert choice.warnings == ()


def test_a_series_of_unknown_weighting_is_taken_with_a_warning() -> None:
    choice = choose_series([axial("1", number=3), axial("2", description="AX T1")])
    assert choice.uids == ("1",)
    assert "do not say whether it is T2-weighted" in choice.warnings[0]


def test_derived_images_are_taken_with_a_warning_where_no_original_exists() -> None:
    choice = choose_series([axial("1", description="AX T2", image_type=("DERIVED", "PRIMARY"))])
    assert choice.uids == ("1",)
    assert "derived from others" in choice.warnings[0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"description": "t2_tse_tra"}, None),
        ({"description": "t2_space_tra_iso"}, None),
        ({"description": "Ax T2", "echo_times_ms": (12.0,)}, "not T2-weighted"),
        ({"description": "Ax PD"}, "not T2-weighted"),
        ({"description": "AX T2 STIR"}, "inversion recovery"),
        ({"description": "AX STIR_FSE"}, "inversion recovery"),
        ({"description": "T2 FatSat tra"}, "fat-suppressed"),
        ({"description": "T2 tse_fs tra"}, "fat-suppressed"),
        ({"description": "T2 dixon", "image_type": ("DERIVED", "PRIMARY", "DIXON", "WATER")}, "fat-suppressed"),
        ({"description": "T2 star ax"}, "a gradient echo"),
        ({"description": "AX MERGE"}, "a gradient echo"),
        ({"description": "t2_tse_tra merged"}, None),
        ({"description": "ADC (10^-6 mm2/s)"}, "diffusion or echo planar imaging"),
        ({"description": "MRM radial"}, "a myelogram"),
        ({"echo_times_ms": (900.0,)}, "a myelogram"),
        ({"description": "AAHead_Scout"}, "a localizer"),
        ({"image_type": ("ORIGINAL", "PRIMARY", "LOCALIZER")}, "a localizer"),
        ({"inversion_time_ms": 150.0}, "inversion recovery"),
        ({"scan_options": ("PFP", "FS")}, "fat-suppressed"),
        ({"scan_options": ("SAT_GEMS",)}, None),
    ],
)
def test_what_speaks_against_a_series(values: dict[str, Any], expected: str | None) -> None:
    assert objection(axial("1", **values)) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"body_part": "LSPINE"}, None),
        ({"body_part": "TLSPINE"}, None),
        ({"body_part": "SPINE"}, None),
        ({"body_part": "CSPINE"}, "the cervical spine"),
        ({"body_part": "TSPINE"}, "the thoracic spine"),
        ({"body_part": "HEAD", "description": "AX T2 LUMBAR"}, None),
        ({"description": "thoracolumbar"}, None),
        ({"description": "t2 tra L4/5"}, None),
        ({"description": "t2 tra T11-T12"}, "the thoracic spine"),
        ({"description": "t2 tra C5/6"}, "the cervical spine"),
        ({"description": "T2 TSE HWS"}, "the cervical spine"),
        ({"description": "T1 +C-5"}, None),
        ({"study_description": "MRI BRAIN"}, "the head"),
        ({"study_description": "MRI BRAIN AND LUMBAR SPINE"}, None),
    ],
)
def test_body_regions(values: dict[str, Any], expected: str | None) -> None:
    assert other_region(axial("1", **values)) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"echo_times_ms": (60.0,), "repetition_time_ms": 1500.0}, "t2"),
        ({"echo_times_ms": (100.0,)}, "t2"),
        ({"echo_times_ms": (100.0,), "repetition_time_ms": 1200.0}, "unknown"),
        ({"echo_times_ms": (100.0,), "repetition_time_ms": 1200.0, "description": "T2 3D"}, "t2"),
        ({"echo_times_ms": (10.0,), "repetition_time_ms": 600.0, "description": "T2"}, "other"),
        ({"echo_times_ms": (50.0,), "repetition_time_ms": 3000.0}, "unknown"),
        ({"description": "T12-L1"}, "unknown"),
        ({"description": "T1 and T2"}, "unknown"),
        ({"description": "AX", "protocol": "T2W_TSE"}, "t2"),
    ],
)
def test_weighting(values: dict[str, Any], expected: str) -> None:
    assert weighting(axial("1", **values)) == expected


def test_equal_candidates_are_listed() -> None:
    study = [
        axial("1.5", number=5, description="t2_tse_tra L4-5", num_images=4, **T2_TIMES),
        axial("1.6", number=6, description="t2_tse_tra L5-S1", num_images=5, **T2_TIMES),
        axial("1.7", number=7, description="t1_tse_tra", **T1_TIMES),
    ]
    with pytest.raises(InputError, match="2 axial series fit equally well") as caught:
        choose_series(study)
    message = str(caught.value)
    for part in ("UID 1.5", "UID 1.6", "4 images", "5 images", "t2_tse_tra L4-5", "Pass --series UID"):
        assert part in message
    assert "1.7" not in message


def test_series_that_complete_each_other_are_taken_on_request() -> None:
    study = [axial("1.5", number=5, **T2_TIMES), axial("1.6", number=6, **T2_TIMES), axial("1.7")]
    choice = choose_series(study, "1.6, 1.5")
    assert choice.uids == ("1.6", "1.5")
    assert choice.sentence == "Series 6 (UID 1.6), series 5 (UID 1.5) were asked for."


def test_a_request_overrules_the_weighting_with_a_warning() -> None:
    choice = choose_series([axial("1", **T2_TIMES), axial("2", number=2, **T1_TIMES)], "2")
    assert choice.uids == ("2",)
    assert "seems to be not T2-weighted" in choice.warnings[0]


@pytest.mark.parametrize(
    ("requested", "message"),
    [
        ("9.9", "no series with the UID '9.9', only: series"),
        ("1,9.9", "no series with the UID '9.9'"),
        (" , ", "no series with the UID"),
        ("2", "is not axial"),
        ("3", "is not MR"),
        ("1,4", "do not share one study and coordinate system"),
    ],
)
def test_requests_that_cannot_be_met(requested: str, message: str) -> None:
    study = [
        axial("1", **T2_TIMES),
        axial("2", plane="sagittal"),
        axial("3", modality="CT"),
        axial("4", frame_of_reference_uid="other", **T2_TIMES),
    ]
    with pytest.raises(InputError, match=message):
        choose_series(study, requested)


@pytest.mark.parametrize(
    ("study", "message"),
    [
        ([axial("1", modality="CT")], "no MR images: series .axial CT"),
        ([axial("1", modality="")], "no MR images"),
        ([axial("1", plane="sagittal", **T2_TIMES)], "no axial series: series .sagittal MR, TE 100 ms"),
        ([axial("1", plane="mixed"), axial("2", plane="unknown")], "no axial series"),
        ([axial("1", **T1_TIMES)], "no axial T2-weighted series of the lumbar spine: .*: not T2-weighted"),
        ([axial("1", body_part="CSPINE", **T2_TIMES)], "of the cervical spine"),
    ],
)
def test_studies_without_a_fitting_series(study: list[SeriesTags], message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose_series(study)


def test_resonance_is_recognized_without_a_modality() -> None:
    assert choose_series([replace(axial("1", **T2_TIMES), modality="")]).uids == ("1",)

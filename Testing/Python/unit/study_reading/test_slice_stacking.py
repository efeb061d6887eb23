from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_factory import AXIAL, SPACING_MM, normal_of, tilted_axial

from LumbarSegLib import geometry
from LumbarSegLib.errors import InputError
from LumbarSegLib.io.dicom_records import DicomSlice, SlicePlacement
from LumbarSegLib.study_reading.slice_stacking import Stack, stack_slices


def slice_at(position_mm: Any, cosines: Any = AXIAL, **values: Any) -> DicomSlice:
    x, y, z = (float(value) for value in position_mm)
    placement = SlicePlacement((x, y, z), tuple(cosines[:3]), tuple(cosines[3:]))
    known = {
        "path": Path(f"{x:.2f}_{y:.2f}_{z:.2f}"),
        "frame": None,
        "sop_instance_uid": "",
        "shape_ji": (20, 24),
        "spacing_ji_mm": (SPACING_MM, SPACING_MM),
        "thickness_mm": 4.0,
    }
    return DicomSlice(placement=placement, **(known | values))


def slices_at(heights_mm: list[float], cosines: Any = AXIAL, **values: Any) -> list[DicomSlice]:
    return [slice_at(height * normal_of(cosines), cosines, **values) for height in heights_mm]


def never_asked(first: DicomSlice, second: DicomSlice) -> bool:
    pytest.fail(f"The pixels of {first.source} and {second.source} must not be compared here.")


def sizes(stacks: list[Stack]) -> list[int]:
    return [len(stack.slices) for stack in stacks]


@pytest.mark.parametrize(
    ("heights_mm", "expected"),
    [
        ([0, 4, 8, 12], [4]),
        ([0, 4, 8, 40, 44, 48], [3, 3]),
        ([0, 30, 60], [1, 1, 1]),
        ([0, 4, 34, 38, 68, 72], [2, 2, 2]),
        ([0, 4, 8, 13, 18], [3, 2]),
        ([0, 20, 24, 28], [1, 3]),
        ([0, 4.02, 7.98, 12.03], [4]),
        ([0], [1]),
        ([0, 8], [2]),
    ],
)
def test_parallel_slices_are_split_where_the_step_changes(heights_mm: list[float], expected: list[int]) -> None:
    stacks, warnings = stack_slices(slices_at(heights_mm)[::-1], never_asked)
    assert sizes(stacks) == expected
    assert warnings == []


def test_a_missing_slice_splits_the_stack_and_is_reported() -> None:
    stacks, warnings = stack_slices(slices_at([0, 4, 8, 16, 20]), never_asked)
    assert sizes(stacks) == [3, 2]
    assert len(warnings) == 1
    assert "missing between 0.00_0.00_8.00 and 0.00_0.00_16.00 (8.0 mm apart instead of 4.0 mm)" in warnings[0]


def test_oblique_blocks_keep_their_own_grids() -> None:
    tilts = (22.0, 10.0, 2.0)
    blocks = [slices_at([40 * n, 40 * n + 4.3, 40 * n + 8.6], tilted_axial(tilt)) for n, tilt in enumerate(tilts)]
    mixed = [block[k] for k in (2, 0, 1) for block in blocks]
    stacks, _ = stack_slices(mixed, never_asked)
    by_height = sorted(stacks, key=lambda stack: stack.affine_ijk_to_ras[2, 3])
    for stack, tilt, block in zip(by_height, tilts, blocks, strict=True):
        assert geometry.axial_tilt_deg(stack.affine_ijk_to_ras) == pytest.approx(tilt)
        assert geometry.spacing_kji_mm(stack.affine_ijk_to_ras) == pytest.approx((4.3, 0.5, 0.5))
        for k, item in enumerate(stack.slices):
            assert item == block[k]
            left, posterior, superior = item.placement.position_lps_mm if item.placement else (np.nan,) * 3
            corner = geometry.positions_ras_mm(stack.affine_ijk_to_ras, np.array([[0, 0, k]]))[0]
            np.testing.assert_allclose(corner, (-left, -posterior, superior), atol=1e-9)


def test_slices_run_to_the_head_when_the_normal_of_the_tags_points_to_the_feet() -> None:
    feet_first = (1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
    stacks, _ = stack_slices([slice_at((0, 0, z), feet_first) for z in (8, 4, 0)], never_asked)
    assert [item.path.name for item in stacks[0].slices] == ["0.00_0.00_0.00", "0.00_0.00_4.00", "0.00_0.00_8.00"]
    assert stacks[0].affine_ijk_to_ras[2, 2] == pytest.approx(4.0)
    assert np.linalg.det(stacks[0].affine_ijk_to_ras) < 0


@pytest.mark.parametrize("change", [{"shape_ji": (24, 24)}, {"spacing_ji_mm": (0.6, 0.6)}])
def test_another_matrix_or_pixel_size_is_another_stack(change: dict[str, Any]) -> None:
    slices = slices_at([0, 4]) + slices_at([8, 12], **change)
    assert sizes(stack_slices(slices, never_asked)[0]) == [2, 2]


def test_rounded_directions_still_make_one_stack() -> None:
    slices = slices_at([0, 4, 8], tilted_axial(20.0)) + slices_at([12], tilted_axial(20.03))
    assert sizes(stack_slices(slices, never_asked)[0]) == [4]


def test_a_sheared_stack_is_split_because_its_grid_is_not_rectangular() -> None:
    stacks, warnings = stack_slices([slice_at((0, 2 * k, 4 * k)) for k in range(3)], never_asked)
    assert sizes(stacks) == [1, 1, 1]
    assert len(warnings) == 2
    assert "shifted in its plane by 2.0 mm" in warnings[0]


def test_a_shifted_slice_does_not_disturb_the_stack_below_it() -> None:
    stacks, _ = stack_slices(
        [slice_at(position) for position in ((0, 0, 0), (0, 0, 4), (0, 0, 8), (0, 9, 10))], never_asked
    )
    assert sizes(stacks) == [3, 1]


def test_slow_drift_is_held_within_the_tolerance() -> None:
    stacks, _ = stack_slices([slice_at((0, 0.1 * k, 4 * k)) for k in range(6)], never_asked)
    assert sizes(stacks) == [3, 3]


def test_copies_of_one_instance_are_dropped() -> None:
    first, second = slices_at([0, 4])
    slices = [replace(first, sop_instance_uid="1"), replace(second, sop_instance_uid="2")]
    copies = [replace(item, path=Path("copy")) for item in slices]
    stacks, warnings = stack_slices(slices + copies, never_asked)
    assert sizes(stacks) == [2]
    assert [item.path for item in stacks[0].slices] == [first.path, second.path]
    assert warnings == ["Positions with several images: 2; they are copies of one image and one was kept."]


def test_copies_in_several_blocks_are_counted_together() -> None:
    blocks = slices_at([0, 4]) + slices_at([40, 44, 48], tilted_axial(20))
    copies = [replace(item, path=Path("copy")) for item in blocks]
    slices = [replace(item, sop_instance_uid=str(k % 5)) for k, item in enumerate(blocks + copies)]
    stacks, warnings = stack_slices(slices, never_asked)
    assert sorted(sizes(stacks)) == [2, 3]
    assert warnings == ["Positions with several images: 5; they are copies of one image and one was kept."]


def test_instances_at_different_positions_that_share_a_uid_are_kept() -> None:
    slices = slices_at([0, 4, 8], sop_instance_uid="1.2.same")
    assert sizes(stack_slices(slices, never_asked)[0]) == [3]


@pytest.mark.parametrize(
    ("values", "kept", "reason"),
    [
        ([{"echo_time_ms": 15.0}, {"echo_time_ms": 98.0}, {"echo_time_ms": 180.0}], 1, "echo at 98 ms"),
        ([{"acquisition_number": 2}, {"acquisition_number": 1}], 1, "first acquisition"),
        ([{"temporal_position": 1}, {"temporal_position": 2}], 0, "first point in time"),
    ],
)
def test_a_tag_that_separates_repeated_images_decides(values: list[dict[str, Any]], kept: int, reason: str) -> None:
    series = [slices_at([0, 4], path=Path(str(n)), **value) for n, value in enumerate(values)]
    stacks, warnings = stack_slices([item for part in series for item in part], never_asked)
    assert [item.path for item in stacks[0].slices] == [Path(str(kept))] * 2
    assert len(warnings) == 1
    assert reason in warnings[0]


def test_copies_do_not_hide_what_separates_the_others() -> None:
    first, again = (slice_at((0, 0, 0), path=Path(name), sop_instance_uid="1", acquisition_number=1) for name in "ab")
    second = slice_at((0, 0, 0), path=Path("c"), sop_instance_uid="2", acquisition_number=2)
    stacks, warnings = stack_slices([second, first, again], never_asked)
    assert [item.path for item in stacks[0].slices] == [Path("a")]
    assert "first acquisition" in warnings[0]


def test_frames_of_one_file_are_no_copies() -> None:
    echoes = [slice_at((0, 0, 0), sop_instance_uid="1", frame=k, echo_time_ms=time) for k, time in enumerate((20, 95))]
    stacks, _ = stack_slices(echoes, never_asked)
    assert [item.frame for item in stacks[0].slices] == [1]


def test_identical_pixels_are_dropped_and_different_ones_refused() -> None:
    slices = slices_at([0, 4]) + slices_at([0], path=Path("again"))
    stacks, warnings = stack_slices(slices, lambda *_: True)
    assert sizes(stacks) == [2]
    assert "identical" in warnings[0]
    with pytest.raises(InputError, match=r"Different images lie at one position.*again"):
        stack_slices(slices, lambda *_: False)


@pytest.mark.parametrize("absent", ["placement", "spacing_ji_mm"])
def test_a_slice_without_geometry_is_refused(absent: str) -> None:
    broken = replace(slice_at((0, 0, 0), path=Path("broken.dcm")), **{absent: None})
    with pytest.raises(InputError, match=r"broken\.dcm does not say where its slice lies"):
        stack_slices([*slices_at([4, 8]), broken], never_asked)

"""Names are counted upward in the patient, and stop where the distances do not tell."""

import numpy as np
import pytest
from lumbar_ellipses import LUMBAR, axial_affine, draw, turn_about

from LumbarSegLib.errors import InputError
from LumbarSegLib.measurement import UNNAMED, level_named_by_user, measure_block, summarize_study

L5_S1 = level_named_by_user("L5-S1")
LEFT_HANDED = ((1, 0, 0), (0, -1, 0), (0, 0, 1))
HEAD_FIRST = ((-1, 0, 0), (0, -1, 0), (0, 0, -1))


def _block(height_mm, *, slices=1, edges=None, tilt_deg=0.0, shift_back_mm=0.0, step_mm=4.0):
    """Measure a block with a disc in each slice, its first slice centered at a height."""
    arguments = {} if edges is None else {"edges_ras": edges}
    affine = axial_affine(**arguments, spacing_kji_mm=(step_mm, 1.0, 1.0), turn=turn_about(0, tilt_deg))
    label_map = draw(affine, [LUMBAR["intervertebral_disc"], LUMBAR["dural_sac"]], slices=slices)
    rows, columns = label_map.shape[1:]
    middle = affine[:3, :3] @ [(columns - 1) / 2, (rows - 1) / 2, 0]
    affine[:3, 3] = np.array([0.0, -shift_back_mm, height_mm]) - middle
    return measure_block(label_map, affine)


def _texts(blocks, lowest=L5_S1, **options):
    return [[level.name.text for level in levels] for levels in summarize_study(blocks, lowest, **options)]


def _levels(heights, lowest=L5_S1):
    return [levels[0] for levels in summarize_study([_block(height) for height in heights], lowest)]


@pytest.mark.parametrize(
    ("given", "upward"),
    [
        ("L5-S1", ["L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2", "T12-L1", "T11-T12"]),
        ("l6/s1", ["L6-S1", "L5-L6", "L4-L5", "L3-L4", "L2-L3"]),
        ("L5L6", ["L5-L6", "L4-L5"]),
        ("L4-S1", ["L4-S1", "L3-L4", "L2-L3"]),
        (" S1 – S2 ", ["S1-S2", "L5-S1", "L4-L5"]),  # noqa: RUF001 - as a word processor writes it
        ("L3-L4", ["L3-L4", "L2-L3"]),
    ],
)
def test_names_count_upward_from_the_users(given, upward):
    levels = _levels([36 * index for index in range(len(upward))], level_named_by_user(given))
    assert [level.name.text for level in levels] == upward
    assert {(level.name.source, level.name.confidence, level.name.reason) for level in levels} == {("user", "high", "")}


@pytest.mark.parametrize("text", ["", "L5", "L3-L5", "S1-L5", "L6-L7", "T13-L1", "T0-T1", "C7-T1", "S2-S3", "L5-S1-S2"])
def test_what_names_no_level_is_refused(text):
    with pytest.raises(InputError, match=r"names no level.*L5-S1"):
        level_named_by_user(text)


def test_the_patient_and_not_the_file_gives_the_order():
    blocks = [
        _block(72.0, edges=HEAD_FIRST, slices=2),
        _block(0.0, tilt_deg=-25.0, shift_back_mm=15.0),  # its image center lies above its disc
        _block(36.0, edges=LEFT_HANDED),
    ]
    assert _texts(blocks) == [["L3-L4"], ["L5-S1"], ["L4-L5"]]
    assert [levels[0].number for levels in summarize_study(blocks)] == [3, 1, 2]


def test_discs_and_not_image_centers_are_ordered():
    # Tilted by 40 degrees about image centers in reverse order: the discs, 30 mm in front, are not reversed.
    low_disc, high_disc = _block(3.0, tilt_deg=-40.0), _block(0.0, tilt_deg=40.0)
    assert low_disc[0].center_ras_mm[2] > high_disc[0].center_ras_mm[2]
    assert _texts([high_disc, low_disc]) == [["L4-L5"], ["L5-S1"]]


def test_a_missing_disc_is_counted_with_less_confidence():
    names = [level.name for level in _levels([0, 37, 111, 147])]
    assert [name.text for name in names] == ["L5-S1", "L4-L5", "L2-L3", "L1-L2"]
    assert [name.confidence for name in names] == ["high", "high", "low", "low"]
    assert "74 mm above L4-L5, about twice the usual 37 mm" in names[2].reason
    assert [level.name.text for level in _levels([0, 70])] == ["L5-S1", "L3-L4"]  # without a usual distance
    assert [level.name.text for level in _levels([0, 70, 140])] == ["L5-S1", "L3-L4", "L1-L2"]  # nor with a false one


@pytest.mark.parametrize("gap", [100, 150])
def test_above_a_gap_of_unknown_discs_names_are_unknown(gap):
    names = [level.name for level in _levels([0, 36, 72, 72 + gap, 108 + gap])]
    assert [name.text for name in names] == ["L5-S1", "L4-L5", "L3-L4", "unknown", "unknown"]
    assert (names[4].source, names[4].confidence) == ("unknown", "none")
    assert f"{gap} mm above L3-L4" in names[4].reason


def test_outlines_at_half_a_distance_are_not_named():
    assert [level.name.text for level in _levels([0, 36, 55])] == ["L5-S1", "L4-L5", "unknown"]


def test_a_disc_in_two_blocks_is_one():
    blocks = [_block(0), _block(34, slices=2), _block(44, slices=2), _block(76)]
    assert _texts(blocks) == [["L5-S1"], ["L4-L5"], ["L4-L5"], ["L3-L4"]]
    assert [levels[0].number for levels in summarize_study(blocks)] == [1, 2, 2, 3]


def test_a_slice_without_outline_does_not_part_a_disc():
    affine = axial_affine(spacing_kji_mm=(4.0, 1.0, 1.0))
    shapes = [LUMBAR["intervertebral_disc"], LUMBAR["dural_sac"]]
    outlined = {0, 2, 3, 9, 10}
    label_map = np.concatenate([draw(affine, shapes if k in outlined else shapes[1:]) for k in range(11)])
    ((lower, upper),) = summarize_study([measure_block(label_map, affine)], L5_S1)
    assert (lower.first_index, lower.last_index, upper.first_index) == (0, 3, 9)
    assert (lower.name.text, upper.name.text) == ("L5-S1", "L4-L5")


def test_an_outline_too_high_for_a_disc_ends_the_count():
    names = [levels[0].name for levels in summarize_study([_block(0), _block(14, slices=12), _block(74)], L5_S1)]
    assert [(name.text, name.confidence) for name in names] == [
        ("L5-S1", "high"),
        ("L4-L5", "low"),
        ("unknown", "none"),
    ]
    assert "at L4-L5 the outline is 44 mm high" in names[2].reason


def test_an_assumed_order_lowers_the_confidence_of_several_levels():
    blocks = [_block(0), _block(36)]
    names = [levels[0].name for levels in summarize_study(blocks, L5_S1, orientation_known=False)]
    assert [(name.text, name.confidence) for name in names] == [("L5-S1", "low"), ("L4-L5", "low")]
    ((level,),) = summarize_study(blocks[:1], L5_S1, orientation_known=False)
    assert level.name.confidence == "high"


def test_without_a_lowest_name_all_are_unknown():
    assert {level.name for level in _levels([0, 36, 72], UNNAMED)} == {UNNAMED}
    assert summarize_study([], L5_S1) == []


def test_there_is_no_name_above_the_thoracic_spine():
    levels = _levels([0, 30], level_named_by_user("T1-T2"))
    assert [level.name.text for level in levels] == ["T1-T2", "unknown"]

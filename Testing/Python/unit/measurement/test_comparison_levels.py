"""Which level is which: by name, by order, or not at all."""

import pytest

from LumbarSegLib.errors import InputError
from LumbarSegLib.measurement import UNNAMED, LevelName
from LumbarSegLib.measurement.comparison_levels import MAX_DISTANCE_DIFFERENCE_MM, match_levels
from LumbarSegLib.measurement.comparison_records import ExaminedLevel

SPACING_MM = 36.0


def _levels(*names, heights_mm=None, confidence="high"):
    """Levels from the foot to the head; None stands for an unnamed one."""
    heights_mm = heights_mm or [SPACING_MM * place for place in range(len(names))]
    return [
        ExaminedLevel(
            number=number,
            name=UNNAMED if name is None else LevelName(name, "user", confidence),
            block=number,
            slice_number=1,
            num_slices=3,
            measures=(),
            sac_ras_mm=None if height_mm is None else (0.0, 0.0, -500.0 + height_mm),
            slice_thickness_mm=4.0,
            spacing_ji_mm=(0.5, 0.5),
            tilt_deg=0.0,
            fat_method="gmm3",
        )
        for number, (name, height_mm) in enumerate(zip(names, heights_mm, strict=True), start=1)
    ]


def _pairs(matching):
    return [(each.name, each.first.number, each.second.number) for each in matching.matches]


def test_names_decide_and_not_the_order():
    matching = match_levels(_levels("L5-S1", "L4-L5", "L3-L4"), _levels("L4-L5", "L3-L4", "L2-L3"))
    assert _pairs(matching) == [("L4-L5", 2, 1), ("L3-L4", 3, 2)]
    assert [each.name.text for each in matching.only_first] == ["L5-S1"]
    assert [each.name.text for each in matching.only_second] == ["L2-L3"]
    assert {each.matched_by for each in matching.matches} == {"name"}
    assert matching.warnings == ()


def test_a_match_is_as_sure_as_the_less_sure_name():
    (match,) = match_levels(_levels("L4-L5"), _levels("L4-L5", confidence="medium")).matches
    assert match.confidence == "medium"
    (match,) = match_levels(_levels("L4-L5", confidence="low"), _levels("L4-L5", confidence="medium")).matches
    assert match.confidence == "low"


def test_unnamed_levels_beside_named_ones_have_no_partner():
    matching = match_levels(_levels("L5-S1", None), _levels("L5-S1", None))
    assert _pairs(matching) == [("L5-S1", 1, 1)]
    assert len(matching.only_first) == len(matching.only_second) == 1


def test_six_lumbar_vertebrae_match_if_both_count_them():
    names = "L6-S1", "L5-L6", "L4-L5"
    assert [each.name for each in match_levels(_levels(*names), _levels(*names)).matches] == list(names)


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (("L6-S1", "L5-L6", "L4-L5"), ("L5-S1", "L4-L5", "L3-L4"), "one spine cannot have both"),
        (("L5-L6", "L4-L5"), ("L5-S1", "L4-L5"), "one spine cannot have both"),
        (("L5-S1",), ("L4-L5", "L3-L4"), "No level of A"),
        ((None, None), (None,), "A has 2 of them, B 1"),
        ((None,), (None,), "a single one"),
        ((), ("L5-S1",), "A has no level"),
        (("L5-S1",), (), "B has no level"),
    ],
    ids=str,
)
def test_what_does_not_tell_is_refused(first, second, words):
    with pytest.raises(InputError, match=words):
        match_levels(_levels(*first), _levels(*second))


@pytest.mark.parametrize(("first", "second"), [((None,) * 3, (None,) * 3), (("L5-S1", "L4-L5", "L3-L4"), (None,) * 3)])
def test_order_counts_where_the_distances_agree(first, second):
    heights_mm = [0.0, SPACING_MM + MAX_DISTANCE_DIFFERENCE_MM - 0.1, 2 * SPACING_MM]
    matching = match_levels(_levels(*first), _levels(*second, heights_mm=heights_mm))
    assert [(each.first.number, each.second.number) for each in matching.matches] == [(1, 1), (2, 2), (3, 3)]
    assert {(each.matched_by, each.confidence) for each in matching.matches} == {("order", "low")}
    assert [each.name for each in matching.matches] == [name or "unknown" for name in first]


@pytest.mark.parametrize(
    ("heights_mm", "words"),
    [
        ([0, SPACING_MM, 3 * SPACING_MM], "from the 2. to the 3. level it is 36 mm in A, 72 mm in B"),
        ([0, None, 70], "not known"),
    ],
)
def test_order_does_not_count_where_the_distances_speak_against_it(heights_mm, words):
    with pytest.raises(InputError, match=words) as refusal:
        match_levels(_levels(None, None, None), _levels(None, None, None, heights_mm=heights_mm))
    assert "--lowest-level" in refusal.value.repair


def test_names_at_other_distances_are_doubted():
    names = "L5-S1", "L4-L5"
    matching = match_levels(_levels(*names), _levels(*names, heights_mm=[0, 2 * SPACING_MM]))
    (warning,) = matching.warnings
    assert "From L5-S1 to L4-L5 it is 36 mm in A and 72 mm in B" in warning

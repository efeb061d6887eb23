"""The table of classes is whole and consistent."""

from pydicom.sr._snomed_dict import mapping

from LumbarSegLib.anatomy import ANATOMIES, BY_INDEX, BY_KEY, NUM_CLASSES, PRIVATE_CODING_SCHEME


def test_indices_follow_the_paper():
    assert [each.index for each in ANATOMIES] == [1, 2, 3, 4, 5, 6, 7]
    assert NUM_CLASSES == 8
    assert [each.key for each in ANATOMIES] == [
        "dural_sac",
        "ligamentum_flavum",
        "psoas",
        "multifidus",
        "erector_spinae",
        "lamina",
        "intervertebral_disc",
    ]


def test_nothing_is_used_twice():
    for values in (BY_KEY, BY_INDEX, {each.color for each in ANATOMIES}, {each.code[:2] for each in ANATOMIES}):
        assert len(values) == len(ANATOMIES)


def test_muscles_are_the_paired_ones():
    assert {each.key for each in ANATOMIES if each.is_paired} == {"psoas", "multifidus", "erector_spinae"}


def test_codes_are_private_or_known_to_pydicom():
    for each in ANATOMIES:
        scheme, value, _ = each.code
        assert scheme == PRIVATE_CODING_SCHEME or value in mapping[scheme]

"""Agreement of areas: published examples, figures by hand, and what is undefined."""

import numpy as np
import pytest

from LumbarSegLib.evaluation.agreement import AreaPair, compute_area_agreement, intraclass_correlation

#: Table 2 of Shrout and Fleiss 1979: six targets, four judges.
SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)


def pair(predicted: float | None, reference: float | None) -> AreaPair:
    return AreaPair(predicted, reference, (0.0, 1.0))


def test_icc_of_shrout_and_fleiss():
    """0.29 in their Table 4; the interval is that of R's psych::ICC for the same table."""
    icc = intraclass_correlation(SHROUT_FLEISS)
    assert icc.value == pytest.approx(0.29, abs=0.005)
    assert icc.low == pytest.approx(0.019, abs=0.0005)
    assert icc.high == pytest.approx(0.761, abs=0.0005)


def test_icc_by_hand():
    """Two raters that differ by 1 over targets 1, 2, 3: BMS 2, JMS 1.5, EMS 0, so 2 / (2 + 2 * 1.5 / 3)."""
    icc = intraclass_correlation(np.array([[1.0, 2.0], [2.0, 3.0], [3.0, 4.0]]))
    assert icc.value == pytest.approx(2 / 3)
    assert icc.low is None


@pytest.mark.parametrize(
    "ratings", [np.ones((5, 2)), np.array([[1.0, 2.0], [2.0, 3.0]]), np.ones((5, 1)), np.empty((0, 2))]
)
def test_icc_that_is_not_defined(ratings):
    assert intraclass_correlation(ratings).value is None


def test_icc_without_freedom_has_no_interval():
    # Two raters who differ by far more than the targets do: a quantile of F overflows.
    icc = intraclass_correlation(
        np.array([[6443.441, 1799.997], [6443.445, 1799.999], [6443.435, 1800.0], [6443.442, 1800.0]])
    )
    assert icc.value == pytest.approx(0.0, abs=1e-6)
    assert (icc.low, icc.high) == (None, None)


def test_icc_wants_a_table():
    with pytest.raises(ValueError, match=r"\(N, M\)"):
        intraclass_correlation(np.ones(4))


def test_icc_interval_covers_a_known_truth():
    """Targets vary by 1, raters by a constant of variance 0.25, noise by 0.25: the ICC is 2/3."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        raters = rng.normal(0, 0.5, (1, 8))
        ratings = rng.normal(0, 1, (20, 1)) + raters + rng.normal(0, 0.5, (20, 8))
        icc = intraclass_correlation(ratings)
        held += icc.low <= 2 / 3 <= icc.high
    assert 0.90 <= held / 200 <= 0.99  # 95 %, three standard errors of 200 draws


def test_bland_and_altman_by_hand():
    """Differences 1, 2, 3: bias 2, SD 1; t(0.975, 2) = 4.3027, so that a limit is known to 4.3027."""
    found = compute_area_agreement([pair(101, 100), pair(202, 200), pair(303, 300)])
    assert found.num_pairs == 3
    assert found.mean_reference == 200
    assert found.bias.value == 2
    assert found.limits == pytest.approx((2 - 1.96, 2 + 1.96))
    assert found.limits_low == pytest.approx((0.04 - 4.3027, 0.04 + 4.3027), abs=1e-4)
    assert found.limits_high == pytest.approx((3.96 - 4.3027, 3.96 + 4.3027), abs=1e-4)
    assert found.correlation.value == pytest.approx(1)
    assert found.mean_absolute_error.value == 2
    assert found.mean_absolute_error_percent.value == pytest.approx(1)


def test_errors_do_not_cancel():
    found = compute_area_agreement([pair(110, 100), pair(180, 200), pair(110, 100)])
    assert found.bias.value == pytest.approx(0)
    assert found.mean_absolute_error.value == pytest.approx(40 / 3)
    assert found.mean_absolute_error_percent.value == pytest.approx(10)


def test_missed_and_invented_classes_are_counted_and_enter_no_figure():
    pairs = [pair(101, 100), pair(None, 50), pair(70, None), pair(None, None)]
    found = compute_area_agreement(pairs)
    assert (found.num_pairs, found.num_missed, found.num_invented) == (1, 1, 1)
    assert found.bias.value == 1
    assert found.bias.low is None
    assert found.limits is None
    assert found.icc.value is None
    assert found.correlation.value is None


def test_nothing_to_compare():
    found = compute_area_agreement([pair(None, None)])
    assert found.mean_reference is None
    assert found.mean_absolute_error_percent.value is None


def test_equal_areas_have_no_correlation():
    assert compute_area_agreement([pair(5, 4), pair(5, 4), pair(5, 4)]).correlation.value is None

import pytest

from fairlead.learning.drift_power import FOUND, FOUND_ALONE, sibling_found


@pytest.mark.parametrize("is_alone", [False, True])
def test_more_earlier_answers_find_no_fewer_and_more_contradictions_no_more(is_alone: bool) -> None:
    by_answers = [points[-1][1] for points in (FOUND_ALONE if is_alone else FOUND).values()]
    by_difference = [sibling_found(2, share, is_alone=is_alone) or 0.0 for share in (0.0, 0.05, 0.1, 0.14)]

    assert by_answers == sorted(by_answers)
    assert by_difference == sorted(by_difference, reverse=True)


def test_other_models_outcomes_help_and_what_nobody_measured_is_not_known() -> None:
    assert (sibling_found(1, 0.14, is_alone=False) or 0.0) > (sibling_found(1, 0.14, is_alone=True) or 1.0)
    assert sibling_found(2, 0.5, is_alone=False) is None
    assert sibling_found(9, 0.1, is_alone=False) == sibling_found(max(FOUND), 0.1, is_alone=False)
    assert set(FOUND) == set(FOUND_ALONE) == {1, 2, 3, 4}

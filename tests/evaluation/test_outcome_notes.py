"""What a reader of outcomes should know of them."""

import pytest

from fairlead.evaluation.outcome_notes import notes_of_names


@pytest.mark.parametrize(
    "other",
    ["small-model ", "\tsmall-model", "Small-Model", "small-model\u200b", "small-m\u00a0odel", "small\uff0dmodel"],
)
def test_names_that_a_reader_would_take_for_one_are_named_together(other: str) -> None:
    (note,) = notes_of_names(["small-model", "large-model", other])
    assert f"'small-model', {other!r}; each counts as a model of its own" in note


def test_names_that_differ_to_the_eye_are_not_named() -> None:
    assert notes_of_names(["small-model", "small_model", "small-model@high", "small-model-2"]) == []

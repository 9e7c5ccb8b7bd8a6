from pathlib import Path

from fairlead.cli.cleared_checks import MAX_CLEARED, MIN_CALLS, cleared_runs, mark_cleared, terms_of


def check(folder: Path, number: int, terms: str, n_calls: int = 200) -> Path:
    """A check that ended and was cleared."""
    own = folder / f"{number:03}"
    own.mkdir()
    (own / "outcomes.jsonl").write_text("{}\n")
    mark_cleared(own, terms, n_calls)
    return own / "outcomes.jsonl"


def test_only_the_first_cleared_checks_count_so_that_a_slow_drift_is_not_learned(tmp_path: Path) -> None:
    runs = [check(tmp_path, number, "a") for number in (1, 2, 3, 4, 1000)]

    assert cleared_runs(tmp_path, "a") == runs[:MAX_CLEARED]


def test_checks_on_other_terms_short_ones_and_broken_marks_do_not_count(tmp_path: Path) -> None:
    check(tmp_path, 1, "other")
    check(tmp_path, 2, "a", MIN_CALLS - 1)
    (check(tmp_path, 3, "a").parent / "cleared.json").write_text("[1")
    (check(tmp_path, 4, "a").parent / "cleared.json").write_text("[1]")
    check(tmp_path, 5, "a").unlink()
    right = check(tmp_path, 6, "a")

    assert cleared_runs(tmp_path, "a") == [right]
    assert cleared_runs(tmp_path / "none", "a") == []


def test_terms_are_what_is_compared_with_and_how_it_is_asked(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("1")
    two.write_text("2")

    assert terms_of([one], {"t": 0.0}) == terms_of([one], {"t": 0.0})
    assert len({terms_of(files, {"t": t}) for files in ([one], [two], [one, two]) for t in (0.0, 1.0)}) == 6

"""kill -9 at random moments, on the real command against a real upstream: nothing lost, nothing paid twice.

The small form of `benchmarks/evaluation/kills.py`, which kills twenty times.
"""

from pathlib import Path

import pytest

from benchmarks.evaluation.kills import killed_run
from benchmarks.evaluation.running import counting_upstream


@pytest.fixture(autouse=True)
def nothing_is_discovered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRLEAD_NO_DISCOVERY", "1")


def test_a_killed_run_resumes_to_the_record_of_an_unkilled_one(tmp_path: Path) -> None:
    with counting_upstream("--delay-ms", "20") as upstream:
        (tmp_path / "killed").mkdir()
        killed = killed_run(tmp_path / "killed", upstream, 100, 2, seed=7, slow_s=0.1)
        (tmp_path / "whole").mkdir()
        whole = killed_run(tmp_path / "whole", upstream, 100, 0, seed=7, slow_s=0.1)
    assert killed["n_kills"] >= 1
    assert (killed["n_replies"], killed["n_lost"], killed["n_paid_twice"]) == (200, 0, 0)
    assert (whole["n_charged"], whole["record_hash"]) == (200, killed["record_hash"])


def test_calls_in_flight_at_a_kill_are_named_when_nobody_can_know(tmp_path: Path) -> None:
    with counting_upstream("--delay-ms", "20", "--forgets") as upstream:
        found = killed_run(tmp_path, upstream, 100, 1, seed=3, slow_s=0.1)
    assert (found["n_lost"], found["n_paid_twice"]) == (0, 0)
    assert found["n_replies"] + found["n_unknown"] == 200

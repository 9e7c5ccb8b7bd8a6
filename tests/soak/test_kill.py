"""The kill test in its short form; `make soak` is the long one."""

from pathlib import Path

import pytest

from benchmarks.soak.kill_test import print_table, run


async def test_no_answer_is_silent_hung_or_garbled_and_the_ledgers_agree_while_upstreams_are_killed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("chat-a", "messages", "bedrock")
    outcome = await run(tmp_path, n_clients=40, waves=1, wave_s=4.0, seed=3, names=names)
    print_table(outcome)
    assert outcome.faults() == [], capsys.readouterr().out
    assert outcome.crowd.verdicts["whole"] > 0
    assert outcome.reckoning.n_counted > 0
    assert len(outcome.samples) == 2

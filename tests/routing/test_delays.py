"""Delays: fitted rates, the prior where nothing was measured, quantiles, and the split at the first token."""

import os
from pathlib import Path

import numpy as np
import pytest

from fairlead.routing.delay_prior import Delay
from fairlead.routing.predictors.delays import PRIOR_SPREAD, TYPICAL, Delays, fit_rates
from fairlead.routing.predictors.part import Floats
from tests.routing.small_texts import small_sample

N = 240
WAITS, RATES = np.array([0.4, 1.2]), np.array([0.01, 0.04])


def tokens(n: int = N) -> Floats:
    return np.random.default_rng(8).integers(5, 600, (n, 2)).astype(np.float64)


def seconds(log_sd: float = 0.2, seed: int = 1) -> Floats:
    noise = np.random.default_rng(seed).normal(0.0, log_sd, (N, 2))
    return np.asarray((WAITS + RATES * tokens()) * np.exp(noise))


def test_wait_and_speed_are_told_apart_from_whole_calls() -> None:
    head = Delays.fit(small_sample(N), seconds(0.1), tokens())
    np.testing.assert_allclose(head.wait_s, WAITS, rtol=0.3)
    np.testing.assert_allclose(head.s_per_token, RATES, rtol=0.1)
    assert head.is_measured.tolist() == [True, True]
    assert head.n_ttft_seen.tolist() == [0, 0]


def test_a_measured_first_token_gives_the_wait() -> None:
    chance = np.random.default_rng(5)
    first = WAITS * np.exp(chance.normal(0, 0.1, (N, 2)))
    whole = first + RATES * (tokens() - 1) * np.exp(chance.normal(0, 0.05, (N, 2)))
    head = Delays.fit(small_sample(N), whole, tokens(), ttft_s=first)
    np.testing.assert_allclose(head.ttft((1, 2))[0], WAITS, rtol=0.05)
    np.testing.assert_allclose(head.s_per_token, RATES, rtol=0.03)
    assert head.n_ttft_seen.tolist() == [N, N]


def test_a_longer_reply_takes_longer() -> None:
    sample = small_sample(N)
    head = Delays.fit(sample, seconds(), tokens())
    assert bool((head.predict(sample.reading, tokens() + 50.0) > head.predict(sample.reading, tokens())).all())


def test_hung_calls_do_not_slow_the_forecast() -> None:
    sample = small_sample(N)
    hung = seconds()
    hung[np.random.default_rng(3).random(hung.shape) < 0.05] = 300.0
    calm, moved = Delays.fit(sample, seconds(), tokens()), Delays.fit(sample, hung, tokens())
    ratio = moved.predict(sample.reading, tokens()) / calm.predict(sample.reading, tokens())
    assert abs(float(np.median(ratio)) - 1.0) < 0.1


def test_what_a_kind_of_text_adds_is_learned() -> None:
    sample = small_sample(N)
    slower = np.where(np.arange(N) % 3 == 0, 2.0, 1.0)[:, None]
    head = Delays.fit(sample, seconds() * slower, tokens())
    by_tokens = head.ttft((N, 2)) + head.s_per_token * tokens()
    factor = np.median((head.predict(sample.reading, tokens()) / by_tokens), axis=1)
    assert np.median(factor[0::3]) / np.median(factor[1::3]) == pytest.approx(2.0, rel=0.2)


def test_nine_in_ten_calls_end_before_the_quantile() -> None:
    sample = small_sample(N)
    head = Delays.fit(sample, seconds(0.4), tokens())
    limit = head.predict(sample.reading, tokens()) * head.factor(1.2816, tokens())
    assert 0.84 < float((seconds(0.4, seed=9) <= limit).mean()) < 0.97


def test_unsure_lengths_widen_the_quantile_by_the_share_of_the_tokens() -> None:
    head = Delays.fit(small_sample(N), seconds(), tokens())
    few, many = np.full((1, 2), 1.0), np.full((1, 2), 5_000.0)
    spread = np.array([0.5, 0.5])
    np.testing.assert_allclose(head.factor(1.28, few, spread), head.factor(1.28, few), rtol=0.01)
    assert bool((head.factor(1.28, many, spread) > 1.1 * head.factor(1.28, many)).all())


def test_an_arm_without_a_measurement_is_its_prior_and_says_so() -> None:
    sample = small_sample(N)
    known = np.column_stack([seconds()[:, 0], np.full(N, np.nan)])
    prior = Delay(ttft_s=2.0, s_per_token=0.03, prefill_s_per_token=1e-4, hidden_share=0.0)
    head = Delays.fit(sample, known, tokens(), priors=[TYPICAL, prior])
    assert head.is_measured.tolist() == [True, False]
    foretold = head.predict(sample.reading, tokens(), np.full((N, 2), 100.0))
    np.testing.assert_allclose(foretold[:, 1], 2.0 + 0.01 + 0.03 * tokens()[:, 1])
    assert head.log_spread[1] == PRIOR_SPREAD


def test_nothing_measured_at_all_gives_the_priors() -> None:
    sample = small_sample(20)
    nothing = np.full((20, 2), np.nan)
    head = Delays.fit(sample, nothing, tokens(20))
    expected = TYPICAL.ttft_s + TYPICAL.s_per_token * tokens(20)
    np.testing.assert_allclose(head.predict(sample.reading, tokens(20)), expected)
    assert not head.is_measured.any()


def test_one_call_moves_an_arm_only_part_of_the_way() -> None:
    one = fit_rates(TYPICAL, np.array([30.0]), np.array([100.0]), np.zeros(1), np.array([np.nan]))
    many = fit_rates(TYPICAL, np.full(50, 30.0), np.full(50, 100.0), np.zeros(50), np.full(50, np.nan))
    foretold = [float(rates[0] + rates[1] * 100.0) for rates in (one, many)]
    before = TYPICAL.ttft_s + TYPICAL.s_per_token * 100.0
    assert before < foretold[0] < foretold[1] < 31.0


def test_delays_survive_being_kept() -> None:
    sample = small_sample(N)
    head = Delays.fit(sample, seconds(), tokens(), tokens() * 2.0)
    again = Delays.from_arrays(head.arrays())
    expected = head.predict(sample.reading, tokens(), tokens())
    np.testing.assert_array_equal(again.predict(sample.reading, tokens(), tokens()), expected)
    assert again.is_measured.tolist() == head.is_measured.tolist()


@pytest.mark.data
def test_rates_of_real_streams_foretell_calls_that_they_were_not_fitted_on() -> None:
    folder = os.environ.get("FAIRLEAD_DATA")
    if not folder:
        pytest.skip("FAIRLEAD_DATA is not set")
    import pyarrow.parquet as pq

    table = pq.read_table(Path(folder) / "latency" / "llmperf_requests.parquet").to_pydict()
    names = np.array([f"{table['provider'][at]} {table['model'][at]}" for at in range(len(table["model"]))])
    whole, first, out, into = (
        np.array(table[name], dtype=np.float64)
        for name in ("end_to_end_latency_s", "ttft_s", "output_tokens", "input_tokens")
    )
    errors = []
    for name in sorted(set(names.tolist())):
        rows = np.flatnonzero((names == name) & (whole > 0) & (first > 0) & (out > 1))
        if len(rows) < 40:
            continue
        train, test = rows[::2], rows[1::2]
        wait, rate, prefill = fit_rates(TYPICAL, whole[train], out[train], into[train], first[train])
        foretold = wait + prefill * into[test] + rate * (out[test] - 1.0)
        errors.append(float(np.median(np.abs(foretold / whole[test] - 1.0))))
    assert len(errors) >= 10
    assert np.median(errors) < 0.15

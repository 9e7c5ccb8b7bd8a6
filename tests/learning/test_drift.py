import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.learning.drift import Answer, DriftTest, choose_watch_probes

Floats = np.ndarray[tuple[int], np.dtype[np.float64]]


def check(
    chance: Floats, new_chance: Floats, n_earlier: int, draw: np.random.Generator, watched: tuple[str, ...] = ("score",)
) -> DriftTest:
    """One check of probes with these chances, stopped at an alarm; a reply's length goes with its score."""
    test = DriftTest(watched)
    for was, now in zip(chance, new_chance, strict=True):
        scores = [*(draw.random(n_earlier) < was), draw.random() < now]
        tokens = [float(np.exp(draw.normal(5.0 if score else 5.5, 0.3))) for score in scores]
        *earlier, new = [Answer(float(score), length, f"{score}") for score, length in zip(scores, tokens, strict=True)]
        test.feed(earlier, new)
        if test.is_alarm:
            break
    return test


@pytest.mark.parametrize("n_earlier", [1, 2, 4])
@pytest.mark.parametrize("watched", [("score",), ("score", "length", "text")])
def test_an_unchanged_model_is_hardly_ever_accused(n_earlier: int, watched: tuple[str, ...]) -> None:
    draw = np.random.default_rng(n_earlier)
    n_runs, n_alarms = 120, 0
    for _ in range(n_runs):
        chance = draw.beta(0.5, 0.5, 60)
        n_alarms += check(chance, chance, n_earlier, draw, watched).is_alarm

    assert n_alarms / n_runs <= 0.07


def test_a_weaker_model_is_found_soon() -> None:
    draw = np.random.default_rng(7)
    calls = []
    for _ in range(20):
        chance = np.where(draw.random(200) < 0.8, 0.97, 0.03)
        weaker = np.where(draw.random(200) < 0.3, 0.1, chance)
        test = check(chance, weaker, 2, draw)
        assert test.is_alarm and test.most_telling == "score"
        assert test.mean_change is not None and test.mean_change[0] < 0.0
        calls.append(test.n_calls)

    assert np.median(calls) < 60


def test_another_model_of_equal_mean_is_found_with_two_earlier_answers_but_not_with_one() -> None:
    draw = np.random.default_rng(11)
    found = {1: 0, 2: 0}
    for n_earlier in found:
        for _ in range(12):
            solves = draw.random(200) < 0.5
            chance = np.where(solves, 0.98, 0.02)
            other = np.where(draw.random(200) < 0.4, 1.0 - chance, chance)
            found[n_earlier] += check(chance, other, n_earlier, draw).is_alarm

    assert found[2] == 12
    assert found[1] <= 3


def test_longer_replies_alone_are_noticed() -> None:
    draw = np.random.default_rng(3)
    test = DriftTest(("score", "length"))
    for _ in range(100):
        earlier = [Answer(1.0, float(np.exp(draw.normal(5.0, 0.1)))) for _ in range(2)]
        test.feed(earlier, Answer(1.0, float(np.exp(draw.normal(5.6, 0.1)))))
        if test.is_alarm:
            break

    assert test.is_alarm and test.most_telling == "length"


def test_other_texts_alone_are_noticed() -> None:
    test = DriftTest(("score", "text"))
    for at in range(60):
        test.feed([Answer(1.0, None, f"a{at}"), Answer(1.0, None, f"a{at}")], Answer(1.0, None, f"b{at}"))
        if test.is_alarm:
            break

    assert test.is_alarm and test.most_telling == "text"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0.0, 1.0), min_size=2, max_size=6),
    st.lists(st.floats(1.0, 1e6), min_size=6, max_size=6),
    st.lists(st.sampled_from("ab"), min_size=6, max_size=6),
)
def test_a_bet_is_fair_whichever_answer_is_the_new_one(
    scores: list[float], tokens: list[float], texts: list[str]
) -> None:
    answers = [Answer(score, tokens[at], texts[at]) for at, score in enumerate(scores)]
    products = []
    for at, new in enumerate(answers):
        test = DriftTest(("score", "length", "text"))
        test.feed(answers[:at] + answers[at + 1 :], new)
        products.append([np.exp(bets.logs) for bets in test.bets])

    for family in zip(*products, strict=True):
        np.testing.assert_allclose(np.mean(family, axis=0), 1.0, rtol=1e-9)


def test_what_an_answer_does_not_tell_is_not_bet_on() -> None:
    test = DriftTest(("score", "length", "text"))
    test.feed([Answer(1.0), Answer(None)], Answer(0.0))
    test.feed([Answer(1.0, 30.0), Answer(1.0)], Answer(1.0, None, "x"))

    assert test.evidence == pytest.approx(1.0)
    assert test.n_calls == 2 and test.mean_change is None


def test_a_probe_without_an_earlier_answer_a_rate_of_nothing_and_an_unknown_watch_are_refused() -> None:
    with pytest.raises(ValueError, match="without an earlier answer"):
        DriftTest().feed([], Answer(1.0))
    for rate in (0.0, 1.0, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            DriftTest(false_alarm_rate=rate)
    for watched in ((), ("mood",)):
        with pytest.raises(ValueError, match="watched are some of score, length, text"):
            DriftTest(watched)


def test_probes_are_chosen_where_the_model_is_sure_and_others_differ() -> None:
    success = np.array([0.95, 0.95, 0.5, 0.05, 0.05])
    others = np.array([[0.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [1.0, 1.0, np.nan], [0.0, 0.0, 0.0]])

    assert choose_watch_probes(success, others, 2, 0).tolist() == [0, 3]
    assert len(choose_watch_probes(success, others, 50, 0)) == 5
    with pytest.raises(ValueError, match="are none"):
        choose_watch_probes(success, others, 0, 0)

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.learning.drift import MAX_AGAIN_UNSCORED, Answer, DriftTest, choose_watch_probes

Floats = np.ndarray[tuple[int], np.dtype[np.float64]]


def check(
    chance: Floats,
    new_chance: Floats,
    n_earlier: int,
    draw: np.random.Generator,
    watched: tuple[str, ...] = ("score",),
    *,
    asks_again: bool = True,
) -> DriftTest:
    """One check of probes with these chances, stopped at an alarm; a reply's length goes with its score."""
    test = DriftTest(watched)
    for was, now in zip(chance, new_chance, strict=True):
        scores = [*(draw.random(n_earlier) < was), *(draw.random(2) < now)]
        tokens = [float(np.exp(draw.normal(5.0 if score else 5.5, 0.3))) for score in scores]
        answers = [Answer(float(score), length, float(score)) for score, length in zip(scores, tokens, strict=True)]
        *earlier, new, second = answers
        test.feed(earlier, new, second if asks_again and test.wants_again(earlier, new) else None)
        if test.is_alarm:
            break
    return test


@pytest.mark.parametrize("n_earlier", [1, 2, 4])
@pytest.mark.parametrize(
    ("watched", "asks_again"), [(("score",), False), (("score",), True), (("score", "length", "text"), True)]
)
def test_an_unchanged_model_is_hardly_ever_accused(n_earlier: int, watched: tuple[str, ...], asks_again: bool) -> None:
    draw = np.random.default_rng(n_earlier + 20)
    n_runs, n_alarms = 120, 0
    for _ in range(n_runs):
        chance = draw.beta(0.5, 0.5, 60)
        n_alarms += check(chance, chance, n_earlier, draw, watched, asks_again=asks_again).is_alarm

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


def test_another_model_of_equal_mean_is_found_by_two_earlier_answers_or_by_one_and_a_second_new_one() -> None:
    draw = np.random.default_rng(11)
    found = dict.fromkeys([(1, False), (1, True), (2, False), (2, True)], 0)
    for n_earlier, asks_again in found:
        for _ in range(12):
            solves = draw.random(200) < 0.5
            chance = np.where(solves, 0.98, 0.02)
            other = np.where(draw.random(200) < 0.4, 1.0 - chance, chance)
            found[n_earlier, asks_again] += check(chance, other, n_earlier, draw, asks_again=asks_again).is_alarm

    assert found.pop((1, False)) <= 3
    assert set(found.values()) == {12}


def test_a_probe_is_asked_again_where_scores_lengths_or_texts_differ_and_not_for_ever_without_a_score() -> None:
    test = DriftTest(("score", "length", "text"))
    one = Answer(1.0, 100.0, 1.0)

    assert test.wants_again([one], Answer(0.0, 100.0, 1.0))
    assert test.wants_again([one], Answer(1.0, 130.0, 1.0))
    assert test.wants_again([one], Answer(1.0, 100.0, 2.0))
    assert not test.wants_again([one], Answer(1.0, 101.0, 1.0))
    assert not test.wants_again([one], Answer(1.0))
    assert not DriftTest().wants_again([one], Answer(1.0, 130.0, 2.0))
    test = DriftTest(("score", "length", "text"))
    while test.wants_again([one], Answer(1.0, 100.0, 2.0)):
        test.feed([one], Answer(1.0, 100.0, 2.0), one)
    assert test.n_calls == 80
    assert test.wants_again([one], Answer(0.0, 100.0, 2.0))


def test_many_probes_of_one_round_are_not_asked_again_beyond_the_bound() -> None:
    test = DriftTest(("score", "text"))
    one, other = Answer(1.0, None, 1.0), Answer(1.0, None, 2.0)
    assert sum(test.wants_again([one], other) for _ in range(MAX_AGAIN_UNSCORED + 5)) == MAX_AGAIN_UNSCORED


def test_one_earlier_reply_is_enough_to_see_other_texts() -> None:
    test = DriftTest(("score", "text"))
    while test.n_calls < 40 and not test.is_alarm:
        test.feed([Answer(1.0, None, 1.0)], Answer(1.0, None, 2.0), Answer(1.0, None, 2.0))

    assert test.is_alarm and test.most_telling == "text"


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
        test.feed([Answer(1.0, None, float(at)), Answer(1.0, None, float(at))], Answer(1.0, None, float(at) + 0.5))
        if test.is_alarm:
            break

    assert test.is_alarm and test.most_telling == "text"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0.0, 1.0), min_size=2, max_size=6),
    st.lists(st.floats(1.0, 1e6), min_size=6, max_size=6),
    st.lists(st.sampled_from([1.0, 2.0]), min_size=6, max_size=6),
    st.none() | st.builds(Answer, st.floats(0.0, 1.0), st.floats(1.0, 1e6), st.sampled_from([1.0, 2.0])),
)
def test_a_bet_is_fair_whichever_answer_is_the_new_one(
    scores: list[float], tokens: list[float], texts: list[float], again: Answer | None
) -> None:
    answers = [Answer(score, tokens[at], texts[at]) for at, score in enumerate(scores)]
    products, wants = [], set()
    for at, new in enumerate(answers):
        test = DriftTest(("score", "length", "text"))
        earlier = answers[:at] + answers[at + 1 :]
        wants.add(test.wants_again(earlier, new))
        test.feed(earlier, new, again)
        products.append([np.exp(bets.logs) for bets in test.bets])

    assert len(wants) == 1
    for family in zip(*products, strict=True):
        np.testing.assert_allclose(np.mean(family, axis=0), 1.0, rtol=1e-9)


def test_what_an_answer_does_not_tell_is_not_bet_on() -> None:
    test = DriftTest(("score", "length", "text"))
    test.feed([Answer(1.0), Answer(None)], Answer(0.0))
    test.feed([Answer(1.0, 30.0), Answer(1.0)], Answer(1.0, None, 3.0))

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

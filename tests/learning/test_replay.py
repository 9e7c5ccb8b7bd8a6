"""A replay chooses as the changed policy would, leaves alone what no policy decides, and says what it left out."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.model_names import Meant, MeantBy
from fairlead.domain.outline import outline_of_text
from fairlead.domain.wishes import Weights, Wishes
from fairlead.learning.replay import Change, choose, replay
from fairlead.learning.replay_rows import ReplayCandidate, ReplayRow, chances_of, table_of
from fairlead.routing.policies.objective import Objective
from fairlead.routing.preferences import Preset
from tests.learning.small_router import small_outcomes, small_router
from tests.routing.small_pool import Known, decided, places, router

QUALITY, COST = Objective(), Objective(cost_weight=5.0)
GOOD = ReplayCandidate("lab/good", "one", 0.7, 0.9, 0.8, 1.0, 100.0, 0.01, 2.0)
CHEAP = ReplayCandidate("lab/cheap", "two", 0.3, 0.6, 0.5, 0.7, 100.0, 0.001, 1.0)


def row(n: int = 0, chosen: int = 0, candidates: Sequence[ReplayCandidate] = (GOOD, CHEAP)) -> ReplayRow:
    return ReplayRow(f"d{n}", float(n), tuple(candidates), chosen, policy="auto", input_tokens=1_000.0)


def test_another_preference_chooses_another_model() -> None:
    table = table_of([row(0), row(1, 1)])
    for objective, place in ((QUALITY, 0), (COST, 1)):
        target, is_held, notes = choose(table, Change(objective))
        assert target.argmax(axis=1).tolist() == [place, place]
        assert not is_held.any() and not notes


def test_what_no_policy_decides_stays_as_it_was() -> None:
    table = table_of([row(0)._replace(is_free=False), row(1)])
    target, is_held, _ = choose(table, Change(COST))
    assert is_held.tolist() == [True, False]
    assert target[0] == pytest.approx(table.chance[0])


def test_only_candidates_of_the_decision_are_chosen_though_others_do_better_elsewhere() -> None:
    table = table_of([row(0), row(1, candidates=[GOOD._replace(chance=1.0, quality=0.1)])])
    target, _, _ = choose(table, Change(COST))
    assert target[1].tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    "objective", [Objective(max_cost_usd=1e-9), Objective(max_latency_s=1e-9), Objective(min_quality=1.0)]
)
def test_a_limit_that_nobody_keeps_still_chooses_among_the_candidates(objective: Objective) -> None:
    table = table_of([row(0, candidates=[GOOD._replace(chance=1.0, cost_usd=None, total_s=None)]), row(1)])
    target, _, _ = choose(table, Change(objective))
    assert target[0].tolist() == [1.0, 0.0]


def test_models_can_be_allowed_and_excluded_by_pattern() -> None:
    table = table_of([row(0)])
    assert choose(table, Change(QUALITY, allowed=("lab/ch*",)))[0].tolist() == [[0.0, 1.0]]
    assert choose(table, Change(QUALITY, excluded=("*GOOD",)))[0].tolist() == [[0.0, 1.0]]
    target, is_held, notes = choose(table, Change(QUALITY, allowed=("nobody",)))
    assert target[0] == pytest.approx(table.chance[0])
    assert is_held.all() and "no candidate" in notes[0]


THREE = (("lab/good", "one"), ("lab/good", "two"), ("other/cheap", "two"))


def named(name: str, arms: Sequence[tuple[str, str]] = THREE, meant_by: MeantBy | None = None) -> list[tuple[str, str]]:
    """The arms that a policy may choose which allows only this, and that it may not which excludes it."""
    found = []
    for wanted in arms:
        # Only of one is the quality known: it is chosen, unless it is not allowed.
        table = table_of([row(0, candidates=[
            ReplayCandidate(*arm, 1.0 if arm == arms[0] else 0.0, 0.5 if arm == wanted else None) for arm in arms
        ])])  # fmt: skip
        (by_allowing,) = choose(table, Change(QUALITY, allowed=(name,), meant_by=meant_by))[1].tolist()
        (by_excluding,) = choose(table, Change(QUALITY, excluded=(name,), meant_by=meant_by))[1].tolist()
        assert by_allowing != by_excluding
        if by_excluding:
            found.append(wanted)
    return found


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("lab/good", [("lab/good", "one"), ("lab/good", "two")]),
        ("Good", [("lab/good", "one"), ("lab/good", "two")]),
        ("two/good", [("lab/good", "two")]),
        ("TWO/Cheap", [("other/cheap", "two")]),
        ("one/cheap", []),
        ("lab/*", [("lab/good", "one"), ("lab/good", "two")]),
        ("*/[cg]*", [("lab/good", "one"), ("lab/good", "two"), ("other/cheap", "two")]),
        ("goo*", []),
    ],
)
def test_a_model_is_named_by_its_id_without_its_lab_at_an_upstream_or_by_a_pattern_of_ids(
    name: str, meant: list[tuple[str, str]]
) -> None:
    assert named(name) == meant


def test_an_end_that_two_labs_share_means_neither() -> None:
    arms = (("lab/good", "one"), ("other/good", "two"))
    assert named("good", arms) == []
    assert named("two/good", arms) == [("other/good", "two")]


def test_an_alias_means_what_is_known_of_it_and_an_id_always_itself() -> None:
    def known(name: str) -> Meant | None:
        return {
            "nick": Meant("other/cheap"), "here": Meant("lab/good", "two"), "lab/good": Meant("other/cheap"),
            "good": Meant("lab/never"),
        }.get(name)  # fmt: skip

    assert named("nick") == []
    assert named("nick", meant_by=known) == [("other/cheap", "two")]
    assert named("here", meant_by=known) == [("lab/good", "two")]
    assert named("lab/good", meant_by=known) == [("lab/good", "one"), ("lab/good", "two")]
    assert named("good", meant_by=known) == [("lab/good", "one"), ("lab/good", "two")]


def test_a_name_that_means_nobody_is_told_and_a_pattern_is_not() -> None:
    table = table_of([row(0)])
    wishes = Wishes(excluded_models=("mispelt", "gone*"))
    change = Change(default=Preset("mine", Weights(1.0, 0.0, 0.0), wishes), excluded=("lab/none", "mispelt"))
    _, is_held, notes = choose(table, change)
    assert not is_held.any()
    assert notes == ["names of models that were never candidates do nothing: lab/none, mispelt"]


WORDS = st.sampled_from(["a", "b", "lab/a", "lab/b", "one/a", "two/b", "lab/one/a", "x[1]"])
KNOWN = st.builds(
    Known,
    model=st.sampled_from(["lab/a", "lab/b", "other/a", "one/a", "lab/x[1]"]),
    upstream=st.sampled_from(["one", "two", "lab"]),
    sent=WORDS,
    aliases=st.lists(WORDS, max_size=2).map(tuple),
)
PATTERNS = st.sampled_from(["*", "lab/*", "*/a", "?ab/[ab]", "o*/*", "nobody*"])


@given(
    st.lists(KNOWN, min_size=1, max_size=6,
             unique_by=(lambda arm: (arm.model, arm.upstream), lambda arm: (arm.upstream, arm.sent))),
    st.data(),
)  # fmt: skip
def test_what_the_server_knows_and_every_pattern_mean_the_same_to_a_replay(
    known: list[Known], data: st.DataObject
) -> None:
    chooser = router(*known)
    name = data.draw(st.sampled_from(sorted(chooser.pool.names)).map(str.title) | PATTERNS)
    arms = [(arm.model, arm.upstream) for arm in known]
    served = places(decided(chooser, Wishes(allowed_models=(name,))))
    assert sorted(named(name, arms, chooser.pool.meant_by)) == sorted(served)


def test_no_candidate_and_none_of_known_quality_are_told_apart() -> None:
    silent = (GOOD._replace(quality=None), CHEAP)
    rows = [row(0), row(1, candidates=silent), row(2, candidates=(GOOD._replace(chance=1.0),))]
    _, is_held, notes = choose(table_of(rows), Change(QUALITY, excluded=("lab/cheap",)))
    assert is_held.tolist() == [False, True, False]
    assert notes == [
        "1 decisions have no candidate of known quality among those that the policy allows: they stay as they were"
    ]
    _, is_held, notes = choose(table_of(rows), Change(QUALITY, allowed=("lab/cheap",)))
    assert is_held.tolist() == [False, False, True]
    assert notes == ["1 decisions have no candidate that the policy allows: they stay as they were"]


def test_each_decision_is_made_by_its_own_preset_as_it_is_now() -> None:
    thrifty = Preset("thrifty", Weights(0.1, 0.9, 0.0), Wishes(excluded_models=("lab/cheap",)))
    rows = [row(0), row(1)._replace(policy="auto:thrifty"), row(2)._replace(policy="auto:gone")]
    default = Preset("mine", Weights(0.0, 1.0, 0.0))
    target, is_held, notes = choose(table_of(rows), Change(presets={"thrifty": thrifty}, default=default))
    assert target[0].tolist() == [0.0, 1.0]
    assert target[1].tolist() == [1.0, 0.0]
    assert is_held.tolist() == [False, False, True] and "preset" in notes[0]


def test_other_prices_change_the_choice_and_the_cost_of_the_old_one() -> None:
    rows = [row(n)._replace(cost_usd=0.02, candidates=(GOOD._replace(chance=1.0), CHEAP._replace(chance=0.0)))
            for n in range(40)]  # fmt: skip
    change = Change(COST, prices={"lab/good": (0.5, 5.0), "lab/cheap": (1_000.0, 1_000.0), "lab/never": (1.0, 1.0)})
    found = replay(table_of(rows), change)
    # 1,000 tokens in at 0.5 and 100 out at 5 USD per million are USD 0.001, a tenth of the estimate that was paid 0.02.
    assert found.cost.old.value == pytest.approx(0.002)
    assert found.paid_usd == pytest.approx(0.8)
    assert [share.new_share for share in found.shares] == [1.0]
    assert any("lab/never" in note for note in found.notes)


def test_a_router_foretells_the_texts_that_are_kept_and_holds_the_rest() -> None:
    router = small_router(small_outcomes(150))
    candidates = [
        ReplayCandidate(f"lab/{model}", "up", 1.0 if place == 0 else 0.0, 0.5)
        for place, model in enumerate(router.arms)
    ]
    text = small_outcomes(150).queries.texts[0]
    rows = [row(0, candidates=candidates)._replace(query=text), row(1, candidates=candidates)]
    found = replay(table_of(rows), Change(QUALITY, router=router))
    assert found.n_held == 1
    assert any("no text" in note for note in found.notes)
    best = router.arms[int(router.foretell([outline_of_text(text)]).quality[0].argmax())]
    assert max(found.shares, key=lambda share: share.new_share - share.old_share).arm[0] == f"lab/{best}"


@pytest.mark.parametrize("trained", ["Lab/Good@2024@high", "lab/good@2024", "good@2024@low"])
def test_a_router_knows_a_model_whose_own_name_holds_the_sign_of_an_effort(trained: str) -> None:
    known = replace(small_router(small_outcomes(60)), arms=(trained, "a", "b", "c"))
    asked = row(0, candidates=(GOOD._replace(model="lab/good@2024"), CHEAP))
    table = table_of([asked._replace(query=small_outcomes(60).queries.texts[0])])
    notes = replay(table, Change(QUALITY, router=known)).notes
    assert not any("knows none" in note for note in notes)


def test_a_log_that_never_explored_foretells_and_refuses() -> None:
    sure = (GOOD._replace(chance=1.0), CHEAP._replace(chance=None))
    rows = [row(n, candidates=sure)._replace(reward=1.0, cost_usd=0.01) for n in range(300)]
    found = replay(table_of(rows), Change(COST))
    assert found.finding.word == "refused"
    assert found.reward.unsupported_share == 1.0
    assert found.reward.by_method["direct"].value.value is not None


def test_an_explored_log_tells_the_gain_and_the_saving() -> None:
    draw = np.random.default_rng(0)
    rows = []
    for n in range(3_000):
        chosen = int(draw.random() > 0.7)
        right = draw.random() < (0.9, 0.6)[chosen]
        rows.append(row(n, chosen)._replace(reward=float(right), cost_usd=(0.012, 0.0011)[chosen]))
    found = replay(table_of(rows), Change(COST))
    assert found.finding.word == "worse" and found.finding.is_cheaper
    gain = found.reward.decisive
    assert gain.low is not None and gain.high is not None
    assert gain.low < 0.6 - (0.7 * 0.9 + 0.3 * 0.6) < gain.high
    assert found.cost.by_method["doubly_robust"].value.value == pytest.approx(0.0011, rel=0.01)


@pytest.mark.parametrize(
    ("chances", "chosen", "expected"),
    [
        ((1.0, None), 0, (1.0, 0.0)),
        ((0.5, None), 0, None),
        ((None, 1.0), 0, None),
        ((0.5, 0.5000001), 1, (0.5, 0.5)),
        ((0.5, 0.2), 0, None),
        ((0.0, 1.0), 0, None),
        ((0.5, 0.5), -1, None),
        ((0.5, 0.5), 2, None),
        ((0.4, 0.6, None), 0, (0.4, 0.6, 0.0)),
    ],
)
def test_chances_are_known_of_all_or_the_decision_is_left_out(
    chances: tuple[float | None, ...], chosen: int, expected: tuple[float, ...] | None
) -> None:
    of = row(0, chosen, [ReplayCandidate(f"m{i}", "up", chance) for i, chance in enumerate(chances)])
    found = chances_of(of)
    assert found is None if expected is None else found == pytest.approx(expected, abs=1e-6)
    table = table_of([of])
    assert (len(table), len(table.notes)) == ((0, 1) if expected is None else (1, 0))


def test_decisions_without_a_session_stand_for_themselves() -> None:
    table = table_of([row(0)._replace(session="s"), row(1)._replace(session="s"), row(2), row(3)])
    assert len(set(table.session.tolist())) == 3


def of_times(*times_s: float, arms: int = 2) -> list[ReplayRow]:
    candidates = [ReplayCandidate(f"m{at}", "up", 1.0 if at == 0 else 0.0) for at in range(arms)]
    return [row(n, candidates=candidates)._replace(at_s=at_s) for n, at_s in enumerate(times_s)]


def test_of_more_than_can_be_held_the_newest_are_kept_in_their_order() -> None:
    table = table_of(of_times(5.0, 1.0, 4.0, 2.0, 3.0), max_cells=7)
    assert table.decision_ids == ("d0", "d2", "d4")
    assert table.notes == ("only the newest 3 decisions are looked at, 2 older ones are not",)
    # At one time, or without any: the last of the log.
    assert table_of(of_times(0.0, 0.0, 0.0, 0.0), max_cells=4).decision_ids == ("d2", "d3")
    assert table_of(of_times(1.0, 2.0, arms=9), max_cells=4).decision_ids == ("d1",)


def test_models_of_decisions_that_are_not_kept_take_no_room() -> None:
    old = row(0, candidates=[ReplayCandidate("lab/gone", "up", 1.0)])
    table = table_of([old, *of_times(1.0, 2.0)], max_cells=6)
    assert table.arms == (("m0", "up"), ("m1", "up"))
    assert table.chance.shape == (2, 2)


def test_no_more_rows_are_held_than_are_kept() -> None:
    class Counted(str):
        """A text that tells how many of its kind are alive."""

        alive = 0

        def __init__(self, _: str) -> None:
            Counted.alive += 1

        def __del__(self) -> None:
            Counted.alive -= 1

    most = 0

    def told() -> Iterator[ReplayRow]:
        nonlocal most
        for each in of_times(*map(float, range(500))):
            yield each._replace(query=Counted("words"))
            most = max(most, Counted.alive)

    assert len(table_of(told(), max_cells=20)) == 10
    # One more is in hand when the next is asked for.
    assert most <= 11


def test_texts_come_later_by_the_decisions_that_are_kept() -> None:
    table = table_of(of_times(1.0, 2.0, 3.0), max_cells=4)
    assert table.with_texts({"d0": "old", "d2": "words"}).texts == (None, "words")


def test_an_empty_log_is_replayed_to_nothing_known() -> None:
    found = replay(table_of([]), Change(QUALITY))
    assert found.n == 0 and found.paid_usd is None and found.finding.word == "refused"

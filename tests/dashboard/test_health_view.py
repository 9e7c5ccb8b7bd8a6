"""How things stand: the worst first, each with why; and what was not seen is not called well."""

import pytest

from fairlead.dashboard.health_view import Endpoint, speed_of, view_health
from fairlead.domain.engine_state import NOTHING, ArmState, EngineState, UpstreamState
from fairlead.domain.names import ModelId, UpstreamName
from fairlead.domain.store_state import StoreState


def upstream(
    name: str = "one", *, down: bool = False, running: int = 0, waiting: int = 0, limit: float | None = None
) -> UpstreamState:
    return UpstreamState(UpstreamName(name), down, running, waiting, limit)


def arm(
    model: str = "lab/a", *, resting: bool = False, failures: float = 0.0, s_per_token: float | None = 0.01
) -> ArmState:
    return ArmState(ModelId(model), UpstreamName("one"), resting, 20.0, failures, 0.5, 0.9, s_per_token)


WELL = EngineState(upstreams=(upstream(),), arms=(arm(),))


def test_when_nothing_is_wrong_it_says_so_once() -> None:
    view = view_health(WELL, StoreState(), (Endpoint("one", "https://one.example"),), {}, 1)

    assert (view.overall.word, view.overall.level) == ("all well", "good")
    assert (view.store.said.word, view.drift_said.word) == ("taking rows", "no alarm")
    (only,) = view.upstreams
    assert (only.said.word, only.endpoint) == ("up", Endpoint("one", "https://one.example"))
    assert view.arms[0].tokens_per_s == pytest.approx(100.0)
    assert "One process" in view.whose


def test_the_worst_stands_first() -> None:
    state = EngineState(
        upstreams=(upstream("a"), upstream("b", waiting=3), upstream("c", down=True)),
        arms=(arm("lab/a"), arm("lab/b", failures=0.3), arm("lab/c", resting=True)),
    )

    view = view_health(state, None, (), None, 1)

    assert [each.name for each in view.upstreams] == ["c", "b", "a"]
    assert [each.model for each in view.arms] == ["lab/c", "lab/b", "lab/a"]
    assert view.overall.level == "bad"
    assert "1 of 3 upstreams" in view.overall.why


def test_an_upstream_close_to_its_limit_is_busy() -> None:
    state = EngineState(upstreams=(upstream(running=8, limit=10.0),))

    view = view_health(state, None, (), None, 1)

    assert (view.upstreams[0].said.word, view.overall.level) == ("busy", "warn")


@pytest.mark.parametrize("state", [NOTHING, EngineState(upstreams=(upstream(down=True),))])
def test_a_server_that_can_serve_nothing_is_not_well(state: EngineState) -> None:
    assert view_health(state, StoreState(), (), {}, 1).overall.level == "bad"


@pytest.mark.parametrize(
    ("store", "word", "level"),
    [
        (None, "off", "none"),
        (StoreState(n_dropped=2, fault="gone"), "rows lost", "bad"),
        (StoreState(fault="database is locked"), "spooling", "bad"),
        (StoreState(spool_bytes=10), "catching up", "warn"),
    ],
)
def test_a_store_in_trouble_says_which(store: StoreState | None, word: str, level: str) -> None:
    view = view_health(WELL, store, (), {}, 1)

    assert (view.store.said.word, view.store.said.level) == (word, level)
    assert view.overall.level == (level if level != "none" else "good")


def test_models_in_doubt_are_named_and_no_router_is_no_good_news() -> None:
    view = view_health(WELL, StoreState(), (), {"lab/b": "2026-11-01: worse", "lab/a": "since ever"}, 1)
    assert [each.model for each in view.drift] == ["lab/a", "lab/b"]
    assert (view.drift_said.level, view.overall.level) == ("warn", "warn")

    assert view_health(WELL, StoreState(), (), None, 1).drift_said.level == "none"


def test_a_handful_of_replies_and_replies_in_one_piece_tell_of_no_speed() -> None:
    few, whole, timed = arm()._replace(n_attempts=2.0), arm(s_per_token=1e-5), arm(s_per_token=0.02)

    assert [speed_of(each) for each in (few, whole, arm(s_per_token=None))] == [None, None, None]
    assert speed_of(timed) == pytest.approx(50.0)


def test_of_several_workers_it_is_said_that_one_speaks() -> None:
    assert "3 workers" in view_health(WELL, StoreState(), (), {}, 3).whose

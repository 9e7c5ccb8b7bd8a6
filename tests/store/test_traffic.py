"""Opinions on their way into the store: whose decision it is, and who hears of the score."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.domain.errors import UnknownDecisionError
from fairlead.domain.moments import Judged
from fairlead.gateway.gathering import Gathering
from fairlead.store.keeper import Keeper
from fairlead.store.scribe import Scribe
from fairlead.store.spool import Spool
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import SqliteDatabase
from fairlead.store.store import Search
from fairlead.store.traffic import Traffic
from tests.store.small_traffic import AT_S, Told, opinion


class Scores:
    """Whoever listens to scores, with a list."""

    def __init__(self) -> None:
        self.heard: list[Judged] = []

    def judged(self, moment: Judged) -> None:
        self.heard.append(moment)


@pytest.fixture
def traffic(tmp_path: Path) -> Iterator[Traffic]:
    file = tmp_path / "t.db"
    spool = Spool(tmp_path / "spools", "w", 10**9)
    keeper = Keeper(lambda: Scribe(lambda: SqliteDatabase(file), spool, "w"), lambda: AT_S)
    keeper.start()
    found = Traffic(keeper, SqlStore(lambda: SqliteDatabase(file)), lambda: SqlStore(lambda: SqliteDatabase(file)))
    yield found
    found.close()


async def test_a_score_is_told_with_the_quality_that_was_foretold_of_who_served(traffic: Traffic) -> None:
    scores = Scores()
    traffic.listeners = (scores,)
    for moment in Told().moments():
        traffic.keeper.take(moment)
    await traffic.keep(opinion("o1", score=0.25))
    await traffic.keep(opinion("o2", score=None))
    (told,) = scores.heard
    assert (told.model, told.score, told.weight) == ("lab/cheap", 0.25, 1.0)
    assert told.foretold == pytest.approx(0.8)


async def test_another_tenants_decision_is_unknown_and_its_score_told_to_nobody(traffic: Traffic) -> None:
    scores = Scores()
    traffic.listeners = (scores,)
    for moment in Told().moments():
        traffic.keeper.take(moment)
    with pytest.raises(UnknownDecisionError):
        await traffic.keep(opinion(tenant="other"))
    assert scores.heard == []


async def test_a_decisions_id_with_more_in_it_is_unknown(traffic: Traffic) -> None:
    for moment in Told().moments():
        traffic.keeper.take(moment)
    with pytest.raises(UnknownDecisionError):
        await traffic.keep(opinion(of="d1\0"))


async def test_what_a_former_configuration_has_not_told_yet_is_kept_at_the_end_too(traffic: Traffic) -> None:
    former, present = Gathering(lambda: AT_S), Gathering(lambda: AT_S)
    for gathering in (former, present):
        gathering.listens(traffic.keeper.told)
        traffic.untold.add(gathering)
    for gathering, name in ((former, "d1"), (present, "d2")):
        told = Told(name=name)
        gathering.decided(told.decided())
        gathering.replied(told.replied())
    assert traffic.state().n_waiting == 4
    store = traffic.open_reader()
    traffic.close()
    assert sorted(row.decision_id for row in store.requests(Search())) == ["d1", "d2"]
    assert {row.outcome for row in store.requests(Search())} == {"ok"}
    store.close()

"""A log with exploration in it, from requests through the gateway to the verdict of `fairlead replay`."""

import asyncio
import json
import random
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from fairlead.cli.main import app
from fairlead.gateway.exploring import ExploreLimits
from fairlead.routing.explore import Exploration
from fairlead.store.book import Book
from fairlead.store.lines import Moment
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import SqliteDatabase
from tests.peers.asgi_caller import chat
from tests.peers.worlds import World, changed, world
from tests.routing.small_pool import Known
from tests.store.small_traffic import batch_of, opinion

BEST = Known("lab/best", "one", "alpha", quality=0.80)
NEXT = Known("lab/next", "two", "beta", quality=0.79)
N = 2_500
LIKED = {"lab/best": 0.5, "lab/next": 0.8}
"""How often people like the replies of each: otherwise than foretold."""


def logged(folder: Path, w: World) -> Path:
    """The configuration of a store that holds the traffic of this world, with an opinion of every reply."""
    rng = random.Random(3)
    moments: list[Moment] = []
    for decided, attempted, replied in zip(w.moments.decisions, w.moments.attempts, w.moments.replies, strict=True):
        moments += [decided, attempted, replied]
        score = float(rng.random() < LIKED[decided.arm.model])
        moments.append(opinion(f"o-{decided.decision_id}", decided.decision_id, score=score))
    store = SqlStore(lambda: SqliteDatabase(folder / "t.db"))
    store.put(batch_of(*moments, book=Book()))
    store.close()
    config = folder / "fairlead.yaml"
    config.write_text(f"store: {{path: {folder}/t.db}}\n")
    return config


def replayed(config: Path) -> dict[str, Any]:
    """What `fairlead replay` says of sending everything to the other model."""
    arguments = ["replay", "--config", str(config), "--since", "0", "--only", "lab/next", "--json"]
    result = CliRunner().invoke(app, arguments, env={"NO_COLOR": "1"})
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.output)
    return found


async def serve(w: World) -> None:
    for _ in range(N):
        assert (await chat(w.app)).status == 200


def test_a_log_gives_a_verdict_with_exploration_and_none_without(tmp_path: Path) -> None:
    plain = world(arms=(BEST, NEXT))
    limits = ExploreLimits(Exploration(0.1, 2.0), 100.0, random.Random(5).random)
    explored = changed(world(arms=(BEST, NEXT)), exploring=limits)
    found = {}
    for name, w in (("plain", plain), ("explored", explored)):
        asyncio.run(serve(w))
        (tmp_path / name).mkdir()
        found[name] = replayed(logged(tmp_path / name, w))
    assert found["plain"]["verdict"] == "refused"
    assert any("turn exploration on" in reason for reason in found["plain"]["reasons"])
    assert found["explored"]["verdict"] == "better"
    gain = found["explored"]["reward"]["doubly_robust"]["difference"]
    share = sum(moment.arm.model == "lab/next" for moment in explored.moments.decisions) / N
    truth = LIKED["lab/next"] - (share * LIKED["lab/next"] + (1 - share) * LIKED["lab/best"])
    assert gain["low"] < truth < gain["high"]

"""`--encoder`: commands that read texts with a router take the encoder that it was trained with, and refuse without."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from fairlead.domain.errors import ArtifactError
from fairlead.evaluation.outer_encoders import open_encoder
from fairlead.evaluation.router_file import load_router, save_router
from fairlead.routing.features.joined_embedder import JoinedEmbedder
from fairlead.routing.features.query_features import QueryEncoder
from tests.cli.running import run
from tests.learning.small_router import TABLE, small_outcomes, small_router
from tests.peers.embeddings_endpoint import embeddings_endpoint

OUTCOMES = small_outcomes(60)


class World(NamedTuple):
    """A folder with a router that was trained with this encoder, outcomes of one more model, and a log."""

    folder: Path
    encoder: str


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    with embeddings_endpoint() as url:
        place = f"{url}#letters"
        reads = QueryEncoder(JoinedEmbedder(TABLE, open_encoder(place)))
        save_router(small_router(OUTCOMES.of_arms(("sums", "code", "steady")), reads), folder / "router.fl")
        with (folder / "coin.csv").open("w", newline="", encoding="utf-8") as file:
            rows = zip(OUTCOMES.queries.ids, OUTCOMES.queries.texts, OUTCOMES.score[:, 3].tolist(), strict=True)
            csv.writer(file).writerows([("query_id", "query", "model", "score"),
                                        *((name, text, "coin", score) for name, text, score in rows)])  # fmt: skip
        candidates = [{"model": f"lab/{arm}", "chance": 0.5, "quality": 0.5} for arm in ("sums", "code")]
        decisions = [
            {"decision_id": f"d{at}", "candidates": candidates, "chosen": at % 2, "query": text}
            for at, text in enumerate(OUTCOMES.queries.texts)
        ]
        (folder / "log.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in decisions), encoding="utf-8")
        yield World(folder, place)


def test_a_profile_reads_with_the_encoder_of_the_router(world: World) -> None:
    asked = ("profile", "coin", "--router", world.folder / "router.fl", "--answers", world.folder / "coin.csv",
             "-o", world.folder / "new.fl", "--probes", "20")  # fmt: skip
    with pytest.raises(ArtifactError, match=r"endpoint:letters.*give it \(--encoder\)"):
        run(*asked)
    assert not (world.folder / "new.fl").exists()
    assert "coin" in run(*asked, "--encoder", world.encoder)
    assert load_router(world.folder / "new.fl", world.encoder).arms == ("sums", "code", "steady", "coin")


def test_a_replay_reads_with_the_encoder_of_the_router(world: World) -> None:
    asked = ("replay", "--log", world.folder / "log.jsonl", "--router", world.folder / "router.fl",
             "--prefer", "quality=1", "--json")  # fmt: skip
    with pytest.raises(ArtifactError, match=r"endpoint:letters.*give it \(--encoder\)"):
        run(*asked)
    found = json.loads(run(*asked, "--encoder", world.encoder))
    assert (found["n"], found["n_held"]) == (60, 0)
    # The texts of both kinds are told apart: each model has its own.
    assert all(0.0 < model["new_share"] < 1.0 for model in found["models"])


def test_an_encoder_without_a_router_is_refused(world: World) -> None:
    told = run("replay", "--log", world.folder / "log.jsonl", "--prefer", "cost", "--encoder", world.encoder, code=2)
    assert "--encoder goes with --router" in told

"""`fairlead profile` and `fairlead watch` that ask an endpoint themselves, with a counting upstream."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from benchmarks.evaluation.running import Upstream, counting_upstream
from fairlead.cli.live_asking import CHECK_FRESH_S, next_check
from fairlead.cli.main import app
from fairlead.domain.errors import FairleadError
from fairlead.evaluation.router_file import load_router, save_router
from tests.learning.small_router import small_outcomes, small_router

N = 120
ENVIRONMENT = {"NO_COLOR": "1", "COLUMNS": "200", "FAIRLEAD_NO_DISCOVERY": "1"}


class World(NamedTuple):
    """A folder with a suite, a configuration, prices and a router that knows the suite's texts; and an upstream."""

    folder: Path
    upstream: Upstream

    def arguments(self, command: str, *rest: str | Path) -> list[str]:
        """A command that asks the upstream of this world."""
        where = ("--config", self.folder / "fairlead.yaml", "--prices", self.folder / "prices.csv", "--yes", "--json")
        return [str(each) for each in (command, *rest, *where)]

    def run(self, command: str, *rest: str | Path, code: int = 0) -> str:
        """What it says."""
        result = CliRunner().invoke(app, self.arguments(command, *rest), env=ENVIRONMENT)
        if isinstance(result.exception, FairleadError):
            raise result.exception
        assert result.exit_code == code, result.output + repr(result.exception)
        return result.stdout if code < 2 else result.output

    def live(self, command: str, model: str, *rest: str | Path, code: int = 0) -> str:
        """`profile` or `watch` on the suite of this world."""
        suite, record = self.folder / "texts.jsonl", self.folder / "record"
        return self.run(command, model, "--suite", suite, "--record", record, *rest, code=code)

    def earlier(self, name: str, model: str, called: str) -> Path:
        """Outcomes of a whole run of a model, written down as those of another."""
        folder = self.folder / name
        self.run("evaluate", self.folder / "texts.jsonl", "-m", model, "-b", "1", "-o", folder)
        path = folder / "outcomes.jsonl"
        path.write_text(path.read_text().replace(f"u/{model}", f"u/{called}"))
        return path


def test_a_check_that_broke_off_is_gone_on_with_for_a_day(tmp_path: Path) -> None:
    def written(name: str, at_s: float) -> None:
        (tmp_path / "001").mkdir(exist_ok=True)
        (tmp_path / "001" / name).touch()
        for each in (tmp_path / "001" / name, tmp_path / "001"):
            os.utime(each, (at_s, at_s))

    assert next_check(tmp_path / "none", 0.0) == tmp_path / "none" / "001"
    written("plan.json", 1_000.0)
    written("journal.jsonl", 5_000.0)
    assert next_check(tmp_path, 5_000.0 + CHECK_FRESH_S) == tmp_path / "001"
    assert next_check(tmp_path, 5_001.0 + CHECK_FRESH_S) == tmp_path / "002"
    written("outcomes.jsonl", 6_000.0)
    assert next_check(tmp_path, 6_000.0) == tmp_path / "002"
    (tmp_path / "7").mkdir()
    assert next_check(tmp_path, 2 * CHECK_FRESH_S) == tmp_path / "008"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    outcomes = small_outcomes(N)
    texts = dict.fromkeys(outcomes.queries.texts)
    rows = [{"id": f"t{at}", "prompt": text, "reference": "0", "scorer": "numeric"} for at, text in enumerate(texts)]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "prices.csv").write_text(
        "model,input_usd_per_mtok,output_usd_per_mtok\n" + "".join(f"skill-{n},1,2\n" for n in (5, 10, 90))
    )
    save_router(small_router(outcomes), tmp_path / "old.fl")
    with counting_upstream("--delay-ms", "1") as upstream:
        (tmp_path / "fairlead.yaml").write_text(
            f"router: {tmp_path / 'old.fl'}\nupstreams:\n  u:\n    base_url: {upstream.url}/v1\n"
            "    models: [skill-5, skill-10, skill-90]\n"
        )
        yield World(tmp_path, upstream)


def test_a_profile_asks_its_probes_once_and_the_model_joins_the_configured_router(world: World) -> None:
    told = json.loads(world.live("profile", "skill-90", "--all", "--probes", "40", "--budget", "0.5",
                                 "-o", world.folder / "new.fl"))  # fmt: skip
    again = json.loads(world.live("profile", "skill-90", "--all", "--probes", "40", "--budget", "0.5"))

    assert told == again
    assert told["n_probes"] == 40 and told["mean"] > 0.6
    assert world.upstream.counts()["n_charged"] == 40
    assert load_router(world.folder / "new.fl").arms[-1] == "u/skill-90"
    assert (world.folder / "new.fl").read_bytes() == (world.folder / "old.fl").read_bytes()
    assert len((world.folder / "record" / "outcomes.jsonl").read_text().splitlines()) == 40


def test_a_profile_never_passes_its_budget_and_says_that_it_was_cut(world: World) -> None:
    told = json.loads(world.live("profile", "skill-90", "--all", "--rounds", "1", "--budget", "0.0003",
                                 "--max-tokens", "64", "-o", world.folder / "new.fl"))  # fmt: skip
    assert 0 < told["n_probes"] < 60
    assert told["spent_usd"] <= 0.0003
    with pytest.raises(FairleadError, match="was not asked: the next probe would pass the budget"):
        world.live("profile", "skill-90", "--budget", "0.000001", "--record", world.folder / "poor")


def test_a_killed_profile_goes_on_and_pays_for_nothing_twice(world: World) -> None:
    arguments = world.arguments("profile", "skill-90", "--all", "--suite", world.folder / "texts.jsonl", "--record",
                                world.folder / "record", "--rounds", "6", "--concurrency", "2")  # fmt: skip
    journal = world.folder / "record" / "journal.jsonl"
    with subprocess.Popen([sys.executable, "-m", "fairlead", *arguments], stdout=subprocess.PIPE) as process:
        while process.poll() is None and (not journal.exists() or journal.read_bytes().count(b'"reply"') < 15):
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.005)
        process.kill()
    told = json.loads(world.run(*arguments[:-6]))
    counts = world.upstream.counts()
    assert told["n_probes"] == 60
    assert (counts["n_charged"], counts["most_per_key"]) == (60, 1)


def test_a_model_that_answers_as_it_did_passes_its_live_watch_and_each_check_asks_anew(world: World) -> None:
    earlier = world.earlier("one", "skill-90", "skill-90")
    for _ in range(2):
        told = json.loads(world.live("watch", "skill-90", "--earlier", earlier, "--calls", "30", "--budget", "1"))
        assert told["changed"] is False and told["spent_usd"] > 0
    # The upstream replays what it is asked under the same key: a check that did not ask anew would hear old answers.
    assert world.upstream.counts()["n_charged"] >= 120 + 2 * 30
    assert sorted(each.name for each in (world.folder / "record").iterdir()) == ["001", "002"]


def test_one_earlier_run_is_enough_for_a_live_watch_that_asks_again_and_its_first_answers_are_kept(
    world: World,
) -> None:
    earlier = world.earlier("one", "skill-10", "skill-90")
    told = json.loads(world.live("watch", "skill-90", "--earlier", earlier, "--calls", "80", code=1))
    n_charged = world.upstream.counts()["n_charged"] - 120
    rows = (world.folder / "record" / "001" / "outcomes.jsonl").read_text().splitlines()
    assert told["changed"] is True and told["n_earlier"] == 1
    assert told["score_change"]["mean"] > 0.3  # better is a change too
    assert len(rows) < n_charged <= 80
    assert all(json.loads(row)["score"] in (0, 1) for row in rows)


def test_a_worse_model_is_found_by_a_live_watch_and_marked_in_the_configured_router(world: World) -> None:
    earlier = world.earlier("one", "skill-90", "skill-10")
    world.live("profile", "skill-10", "--probes", "30", "--all")
    told = json.loads(world.live("watch", "skill-10", "--earlier", earlier, code=1))
    assert told["changed"] is True and told["marked_stale"] is True
    assert load_router(world.folder / "old.fl").model_map.entries["u/skill-10"].stale is not None


def test_a_watch_that_could_ask_nothing_judges_nothing(world: World) -> None:
    earlier = world.earlier("one", "skill-90", "skill-90")
    told = json.loads(world.live("watch", "skill-90", "--earlier", earlier, "--budget", "0", code=1))
    assert told["changed"] is None and told["n_calls"] == 0


def test_options_that_would_be_ignored_are_refused_by_name(world: World) -> None:
    base = ("profile", "skill-90", "--answers", "x.csv")
    assert "--judge goes with --suite" in world.run(*base, "--judge", "skill-5", code=2)
    assert "--queries goes with --answers" in world.live("profile", "skill-90", "--queries", "q.csv", code=2)
    assert "name a --suite" in world.run("profile", "skill-90", code=2)
    assert "name a --suite" in world.run("watch", "skill-90", code=2)
    with pytest.raises(FairleadError, match="No earlier run is named"):
        world.live("watch", "skill-90")
    with pytest.raises(FairleadError, match="Nearest: "):
        world.live("profile", "skill-9")
    assert world.upstream.counts()["n_charged"] == 0

"""`fairlead replay`, from a file of decisions to a verdict or the reason why there is none."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fairlead.assembly.shipped import shipped_catalogue
from fairlead.cli.replay import table_of_store
from fairlead.domain.errors import ConfigError, OutcomesError
from fairlead.store.book import Book
from fairlead.store.lines import Moment
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import SqliteDatabase
from fairlead.store.tables import Batch, Put
from tests.cli.running import run
from tests.store.small_traffic import AT_S, CHEAP, STRONG, Told, batch_of, opinion


def decisions(n: int = 3_000) -> list[dict[str, Any]]:
    draw = np.random.default_rng(0)
    rows = []
    for place in range(n):
        chosen = int(draw.random() > 0.7)
        candidates = [
            {"model": "lab/good", "upstream": "one", "chance": 0.7, "quality": 0.9, "cost_usd": 0.01},
            {"model": "lab/cheap", "upstream": "two", "chance": 0.3, "quality": 0.6, "cost_usd": 0.001},
        ]
        rows.append(
            {
                "decision_id": f"d{place}", "candidates": candidates, "chosen": chosen, "policy": "auto",
                "reward": float(draw.random() < (0.6, 0.9)[chosen]), "cost_usd": (0.01, 0.001)[chosen],
            }
        )  # fmt: skip
    return rows


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log")
    rows = decisions()
    (folder / "log.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n", encoding="utf-8")
    pq.write_table(pa.Table.from_pylist(rows), folder / "log.parquet")
    return folder


def test_a_replay_says_what_would_be_chosen_and_what_it_is_worth(log: Path) -> None:
    told = run("replay", "--log", log / "log.jsonl", "--prefer", "cost_weight=5")
    assert "3000 decisions" in told and "lab/cheap" in told
    assert all(name in told for name in ("direct", "IPS", "SNIPS", "doubly robust"))
    assert "Verdict: better" in told and "it is cheaper" in told


def test_parquet_and_json_lines_tell_the_same(log: Path) -> None:
    found = [
        json.loads(run("replay", "--log", log / name, "--prefer", "cost_weight=5", "--json"))
        for name in ("log.jsonl", "log.parquet")
    ]
    assert found[0] == found[1]
    assert set(found[0]) == {
        "n", "n_held", "paid_usd", "verdict", "is_cheaper", "reasons", "models", "reward", "cost_usd", "notes",
    }  # fmt: skip
    gain = found[0]["reward"]["doubly_robust"]["difference"]
    assert gain["low"] < 0.9 - (0.7 * 0.6 + 0.3 * 0.9) < gain["high"]


def test_a_short_log_is_refused_a_verdict_with_the_reason(log: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.jsonl"
    short.write_text("".join(f"{json.dumps(row)}\n" for row in decisions(100)))
    told = run("replay", "--log", short, "--prefer", "cost_weight=5")
    assert "Verdict: no verdict" in told and "200 are needed" in told


def test_a_policy_is_a_configuration_file(log: Path, tmp_path: Path) -> None:
    policy = tmp_path / "new.yaml"
    policy.write_text("preferences:\n  default: thrifty\npresets:\n  thrifty:\n    exclude: [lab/good]\n")
    found = json.loads(run("replay", "--log", log / "log.jsonl", "--policy", policy, "--json"))
    assert [model["new_share"] for model in found["models"] if model["model"] == "lab/cheap"] == [1.0]
    policy.write_text("presets:\n  thrifty:\n    providers: {only: [openai]}\n")
    with pytest.raises(ConfigError, match="cannot be replayed"):
        run("replay", "--log", log / "log.jsonl", "--policy", policy)


def test_model_sets_are_named_on_the_command_line(log: Path) -> None:
    found = json.loads(run("replay", "--log", log / "log.jsonl", "--without", "lab/good", "--json"))
    assert {model["model"]: model["new_share"] for model in found["models"]} == {"lab/cheap": 1.0, "lab/good": 0.0}


@pytest.mark.parametrize(
    ("change", "said"), [(("--without", "lab/*"), ""), (("--only", "lab/cheep"), "none is called lab/cheep")]
)
def test_without_any_candidate_there_is_no_policy_to_judge(log: Path, change: tuple[str, ...], said: str) -> None:
    found = json.loads(run("replay", "--log", log / "log.jsonl", *change, "--json"))
    assert (found["verdict"], found["is_cheaper"]) == ("refused", None)
    (reason,) = found["reasons"]
    assert reason.startswith("the policy allows no candidate of any of these") and said in reason
    assert "Verdict: no verdict" in run("replay", "--log", log / "log.jsonl", *change)


def test_a_model_is_named_as_the_catalogue_and_the_policy_file_call_it(tmp_path: Path) -> None:
    card = next(card for card in shipped_catalogue().current() if card.aliases)
    rows = decisions(50)
    for row in rows:
        row["candidates"][0]["model"] = card.model
    log, policy = tmp_path / "log.jsonl", tmp_path / "new.yaml"
    log.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    policy.write_text(
        "models:\n  lab/cheap:\n    title: Cheap\n    aliases: [my-cheap]\npreferences:\n  default: thrifty\n"
        "presets:\n  thrifty:\n    exclude: [my-cheap]\n"
    )
    for change, chosen in (
        (("--without", card.aliases[0].upper()), "lab/cheap"),
        (("--only", "two/cheap"), "lab/cheap"),
        (("--policy", policy), str(card.model)),
    ):
        found = json.loads(run("replay", "--log", log, *change, "--json"))
        assert [model["model"] for model in found["models"] if model["new_share"] == 1.0] == [chosen]
        assert found["notes"] == []
    told = run("replay", "--log", log, "--without", "lab/cheep")
    assert "names of models that were never candidates do nothing: lab/cheep" in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((), "say what is to change"), (("--prefer", "cost", "--policy", "x.yaml"), "exclude each other"),
     (("--prefer", "cost", "--since", "soon"), "no stretch of time"),
     (("--prefer", "cost", "--demo"), "takes the place of the store")],
)  # fmt: skip
def test_a_question_that_means_nothing_is_refused(log: Path, arguments: tuple[str, ...], said: str) -> None:
    assert said in run("replay", "--log", log / "log.jsonl", *arguments, code=2)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 1"),
        ("[]", "line 1"),
        ('{"decision_id": "d", "candidates": [], "chosen": 0}', "candidates"),
        ('{"decision_id": "d", "candidates": [{"model": "a"}], "chosen": 1}', "from 0"),
        ('{"decision_id": "d", "candidates": [{"model": "a", "chance": 1.5}], "chosen": 0}', "chance"),
        ('{"decision_id": "d", "candidates": [{"model": "a"}], "chosen": 0, "reward": 5}', "reward"),
        (
            '{"decision_id": "d", "candidates": [{"model": "a", "upstream": "b", "chance": 0.5}, {"model": "c"}, '
            '{"model": "a", "upstream": "b", "chance": 0.5}], "chosen": 0}',
            "log.jsonl, line 1: the candidate 'a' at 'b' is there twice",
        ),
        ('{"decision_id": "d", "candidates": [{"model": "a"}], "chosen": 0, "rewrd": 1}', "rewrd"),
        ('{"decision_id": "d", "candidates": [{"model": "a"}], "chosen": 0}', "decisions to replay"),
        ("", "decisions to replay"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(line)
    with pytest.raises(OutcomesError, match=said):
        run("replay", "--log", path, "--prefer", "cost")


def test_a_decision_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(2 * (json.dumps(decisions(1)[0]) + "\n"))
    with pytest.raises(OutcomesError, match="twice"):
        run("replay", "--log", path, "--prefer", "cost")


@pytest.mark.parametrize("name", ["none.jsonl", "none.parquet", "log.csv"])
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutcomesError, match=name):
        run("replay", "--log", tmp_path / name, "--prefer", "cost")


def test_the_traffic_store_is_replayed_with_its_opinions_as_rewards(tmp_path: Path) -> None:
    store, book = SqlStore(lambda: SqliteDatabase(tmp_path / "t.db")), Book()
    moments: list[Moment] = []
    for place in range(500):
        # Every candidate of these decisions has a chance of one half.
        moments += Told(f"d{place}", served=(CHEAP, STRONG)[place % 2]).moments()
        moments.append(opinion(f"o{place}", f"d{place}", score=float(place % 2)))
    moments += Told("held", policy="concrete").moments()
    store.put(batch_of(*moments, book=book))
    store.close()
    (tmp_path / "fairlead.yaml").write_text(f"store: {{path: {tmp_path}/t.db}}\n")
    found = json.loads(
        run("replay", "--config", tmp_path / "fairlead.yaml", "--since", "0", "--prefer", "quality=1", "--json")
    )
    assert (found["n"], found["n_held"], found["verdict"]) == (501, 1, "better")
    assert found["reward"]["snips"]["value"]["value"] == 1.0
    assert found["reward"]["effective_n"] == pytest.approx(250)
    assert found["cost_usd"]["n"] == 501


def test_texts_are_read_of_what_a_policy_decided_judged_or_not(tmp_path: Path) -> None:
    store = SqlStore(lambda: SqliteDatabase(tmp_path / "t.db"))
    told = [Told("judged"), Told("unjudged"), Told("silent"), Told("held", policy="concrete")]
    moments = [moment for each in told for moment in each.moments()]
    store.put(batch_of(*moments, opinion("o", "judged")))
    bodies = [(name, AT_S, f"words of {name}", None, None) for name in ("judged", "unjudged", "held")]
    store.put(Batch("b", 1, AT_S, [Put("bodies", bodies)]))
    store.close()
    (tmp_path / "fairlead.yaml").write_text(f"store: {{path: {tmp_path}/t.db}}\n")
    table = table_of_store(tmp_path / "fairlead.yaml", "0", None, is_demo=False, with_texts=True)
    assert dict(zip(table.decision_ids, table.texts, strict=True)) == {
        "judged": "words of judged", "unjudged": "words of unjudged", "silent": None, "held": None,
    }  # fmt: skip
    without = table_of_store(tmp_path / "fairlead.yaml", "0", None, is_demo=False, with_texts=False)
    assert set(without.texts) == {None}


def test_since_leaves_older_decisions_out(log: Path) -> None:
    with pytest.raises(OutcomesError, match="widen --since"):
        run("replay", "--log", log / "log.jsonl", "--since", "7d", "--prefer", "cost")

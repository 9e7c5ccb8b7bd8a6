from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from fairlead.domain.errors import OutcomesError
from fairlead.domain.outline import Outline
from fairlead.evaluation.prediction_files import BLOCK_QUERIES, MEASURES, write_predictions
from fairlead.learning.outcomes import Queries
from fairlead.routing.policies.objective import Foretold, Objective
from fairlead.routing.trained_router import TrainedRouter

NAN = float("nan")


class LengthRouter:
    """Two arms: the first is good at short texts and its cost is known, the second at long ones."""

    arms = ("short", "long@high")

    def __init__(self, *, fails_at: int | None = None) -> None:
        self.fails_at = fails_at
        self.heeded: list[bool] = []

    def foretell(self, outlines: Sequence[Outline]) -> Foretold:
        if self.fails_at is not None and any(outline.n_chars == self.fails_at for outline in outlines):
            raise RuntimeError("the router broke")
        is_long = np.array([outline.n_chars > 5 for outline in outlines], dtype=np.float64)
        quality = np.stack([0.8 - 0.4 * is_long, 0.4 + 0.4 * is_long], axis=1)
        unknown = np.full(quality.shape, NAN)
        cost = np.stack([np.full(len(outlines), 0.001), unknown[:, 0]], axis=1)
        return Foretold(quality, quality - 0.1, quality + 0.1, np.full(quality.shape, 7.0), cost, unknown)

    def choose(self, foretold: Foretold, objective: Objective, *, heeds_verdict: bool = True) -> NDArray[np.int64]:
        self.heeded.append(heeds_verdict)
        return objective.pick(foretold, 0.001)


def router_of(**options: Any) -> TrainedRouter:
    return cast(TrainedRouter, LengthRouter(**options))


def queries_of(texts: list[str], dataset: str = "") -> Queries:
    return Queries(tuple(f"q{at}" for at in range(len(texts))), tuple(texts), (dataset,) * len(texts))


def rows_of(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def test_there_is_one_row_per_query_and_model_with_nulls_for_what_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"

    n_rows = write_predictions(
        router_of(), queries_of(["hi", "hello world"]), path, [Objective()], states_weights=False
    )

    table = pq.read_table(path)
    assert n_rows == table.num_rows == 4
    assert table.column_names == ["query_id", "model", *MEASURES, "chosen"]
    rows = table.to_pylist()
    assert [(row["query_id"], row["model"], row["chosen"]) for row in rows] == [
        ("q0", "short", True), ("q0", "long@high", False), ("q1", "short", False), ("q1", "long@high", True),
    ]  # fmt: skip
    assert rows[0]["quality"] == pytest.approx(0.8)
    assert rows[0]["quality_low"] < rows[0]["quality"] < rows[0]["quality_high"]
    assert (rows[0]["cost_usd"], rows[1]["cost_usd"], rows[0]["latency_s"]) == (0.001, None, None)
    assert rows[0]["output_tokens"] == 7.0


def test_a_sweep_repeats_the_rows_for_each_weight_with_one_chosen_per_query(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    sweep = [Objective(cost_weight=weight) for weight in (0.0, 0.5, 2.0)]

    n_rows = write_predictions(router_of(), queries_of(["hi", "hello world"]), path, sweep, states_weights=True)

    rows = rows_of(path)
    assert n_rows == len(rows) == 12
    chosen = [(row["query_id"], row["cost_weight"]) for row in rows if row["chosen"]]
    assert sorted(chosen) == [(query, weight) for query in ("q0", "q1") for weight in (0.0, 0.5, 2.0)]


def test_data_sets_are_named_where_there_are_any(tmp_path: Path) -> None:
    write_predictions(
        router_of(), queries_of(["hi"], "mine"), tmp_path / "a.parquet", [Objective()], states_weights=False
    )

    assert [row["dataset"] for row in rows_of(tmp_path / "a.parquet")] == ["mine", "mine"]


def test_more_queries_than_a_block_are_all_there_in_order(tmp_path: Path) -> None:
    n = BLOCK_QUERIES + 3

    write_predictions(router_of(), queries_of(["hi"] * n), tmp_path / "a.parquet", [Objective()], states_weights=False)

    ids = pq.read_table(tmp_path / "a.parquet")["query_id"].to_pylist()
    assert ids == [f"q{at}" for at in range(n) for _ in range(2)]


def test_no_query_makes_a_table_without_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"

    assert write_predictions(router_of(), queries_of([]), path, [Objective()], states_weights=False) == 0
    assert pq.read_table(path).column_names[0] == "query_id"


def test_the_verdict_is_heeded_or_not_as_asked(tmp_path: Path) -> None:
    router = LengthRouter()
    for heeds in (True, False):
        write_predictions(
            cast(TrainedRouter, router), queries_of(["hi"]), tmp_path / "a.parquet", [Objective()],
            states_weights=False, heeds_verdict=heeds,
        )  # fmt: skip

    assert router.heeded == [True, False]


def test_when_something_breaks_midway_the_older_file_stays_and_no_litter_does(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_text("older")
    texts = ["hi"] * BLOCK_QUERIES + ["abc"]

    with pytest.raises(RuntimeError, match="broke"):
        write_predictions(router_of(fails_at=3), queries_of(texts), path, [Objective()], states_weights=False)

    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


def test_an_older_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_text("older")

    write_predictions(router_of(), queries_of(["hi"]), path, [Objective()], states_weights=False)

    assert len(rows_of(path)) == 2
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_named_and_left_clean(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()

    for path in (tmp_path / "none" / "a.parquet", folder):
        with pytest.raises(OutcomesError, match=r"cannot be written.*choose another place") as caught:
            write_predictions(router_of(), queries_of(["hi"]), path, [Objective()], states_weights=False)
        assert str(path) in str(caught.value)
    assert list(tmp_path.iterdir()) == [folder]


def test_an_id_that_is_no_unicode_is_refused(tmp_path: Path) -> None:
    queries = Queries(("\ud800",), ("hi",), ("",))

    with pytest.raises(OutcomesError, match="no valid Unicode"):
        write_predictions(router_of(), queries, tmp_path / "a.parquet", [Objective()], states_weights=False)

    assert list(tmp_path.iterdir()) == []

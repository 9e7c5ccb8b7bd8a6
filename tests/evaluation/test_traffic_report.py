"""The report: unknown is not 0, nothing is not a loss, and all that was paid is in it."""

from pathlib import Path
from typing import Any

import pytest

from fairlead.domain.moments import Shadowed
from fairlead.domain.money import Usd
from fairlead.evaluation.traffic_report import report_html, report_markdown, report_value
from fairlead.store.lines import Moment
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import SqliteDatabase
from fairlead.store.store import Overview, Window
from tests.store.small_traffic import AT_S, STRONG, UNPRICED, Told, batch_of


def seen(path: Path, *moments: Moment) -> Overview:
    store = SqlStore(lambda: SqliteDatabase(path / "t.db"))
    store.put(batch_of(*moments))
    found = store.overview(Window(AT_S - 60, AT_S + 60))
    store.close()
    return found


def of_model(value: dict[str, Any], model: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [each for each in value["models"] if each["model"] == model]
    assert len(found) == 1
    return found[0]


def row_of(text: str, model: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {model} ") and len(line.split("|")) == 11]
    return [cell.strip() for cell in line.split("|")[2:-1]]


def test_an_unpriced_model_has_spent_an_unknown_amount_and_is_left_out_of_what_a_request_costs(tmp_path: Path) -> None:
    unpriced = [Told(name=f"u{at}", served=UNPRICED, cost=None) for at in range(3)]
    priced = [Told(name="p1"), Told(name="p2", outcome="error", cost=None, usage=None)]
    found = seen(tmp_path, *(moment for told in (*unpriced, *priced) for moment in told.moments()))
    value, text = report_value(found), report_markdown(found)
    unknown, known = of_model(value, "lab/unpriced"), of_model(value, "lab/cheap")
    assert (unknown["unpriced"], unknown["cost_usd"], unknown["usd_per_request"]) == (3, None, None)
    assert (known["unpriced"], known["cost_usd"], known["usd_per_request"]) == (1, 0.002, 0.002)
    assert row_of(text, "lab/unpriced")[2:5] == ["3", "unknown", "unknown"]
    assert row_of(text, "lab/cheap")[2:5] == ["1", "0.002000", "0.002000"]
    assert "for $0.002000 (4 of unknown cost)" in text


def test_what_lost_attempts_and_shadows_have_cost_is_told_and_in_the_sum(tmp_path: Path) -> None:
    told = Told(cost=Usd(32_000_000))
    own = told.attempted(2)._replace(cost=Usd(2_000_000))
    lost = told.attempted()._replace(arm=STRONG, outcome="cancelled", cost=Usd(30_000_000))
    reply = told.replied()
    shadow = Shadowed(reply.decision_id, reply.tenant, UNPRICED, "ok", 200, 0.1, 0.5, None, Usd(5_000_000))
    found = seen(tmp_path, told.decided(), lost, own, reply._replace(n_attempts=2), shadow)
    value, text = report_value(found), report_markdown(found)
    assert (value["cost_usd"], value["lost_usd"], value["shadow_usd"]) == pytest.approx((0.037, 0.03, 0.005))
    assert "1 requests, 1 of them whole (100.0%), for $0.037000." in text
    assert "In that: $0.030000 for attempts" in text and "; $0.005000 for shadows." in text
    assert sum(each["cost_usd"] for each in value["models"]) == pytest.approx(value["cost_usd"])
    assert of_model(value, "lab/strong") | {"requests": 0, "mean_s": None} == of_model(value, "lab/strong")
    assert "<table>" in report_html(found)


def test_what_rounding_leaves_is_no_loss(tmp_path: Path) -> None:
    found = seen(tmp_path, *Told().moments())
    rows = tuple(row._replace(saved_usd=-1e-19, saved_se_usd=1e-20) for row in found.alternatives)
    text = report_markdown(found._replace(alternatives=rows))
    assert "-0.000000" not in text and "$+0.000000 (95 %: +0.000000 to +0.000000)" in text

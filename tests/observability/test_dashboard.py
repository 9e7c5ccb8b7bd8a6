"""The Grafana dashboard: every query of every panel asks for metrics and labels that a real /metrics page has."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead.assembly.services import assemble
from fairlead.assembly.tracing import traced
from fairlead.assembly.traffic import keeping
from fairlead.domain.moments import Judged, Shadowed
from fairlead.domain.money import Usd
from fairlead.domain.names import DecisionId, ModelId, TenantName
from fairlead.domain.usage import Usage
from fairlead.gateway.app import App
from fairlead.gateway.engine import Engine
from fairlead.gateway.routes.table import build_routes
from fairlead.settings.settings import parse
from tests.observability.test_metrics import ARM, attempted, replied
from tests.peers.asgi_caller import call, chat
from tests.peers.otlp_collector import collecting

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "grafana" / "fairlead.json"
DASHBOARD: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [(panel["title"], target) for panel in PANELS for target in panel["targets"]]
FUNCTIONS = frozenset(("sum", "min", "rate", "increase", "histogram_quantile", "by"))
ADDED = frozenset(("instance",))
"""Labels that Prometheus adds to what it reads."""

Page = dict[str, set[str]]
"""The name of each sample -> its labels."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return asyncio.run(_page(tmp_path_factory.mktemp("store")))


async def _page(folder: Path) -> Page:
    """What GET /metrics says of a server with everything on, after one of each kind of happening."""
    with collecting() as collector:
        text = f"""
            store: {{path: {folder}/t.db}}
            explore: {{}}
            shadow: {{model: simulated/atlas-medium, share: 1.0}}
            cache: {{}}
            limits: {{hedge: {{after_s: 60}}}}
            traces: {{endpoint: "{collector.url}"}}
        """
        assembly = traced(
            keeping(await assemble(parse(text, {}), {"HOME": str(folder)}, is_demo=True), {"HOME": str(folder)})
        )
        engine = Engine(assembly.services)
        app = App(assembly.services, engine, build_routes(engine))
        assert (await chat(app, stream=True)).status == 200
        for _ in range(2):
            assert (await chat(app, temperature=0)).status == 200
        metrics = assembly.metrics
        for moment in (attempted(usage=Usage(1)), attempted("cancelled")._replace(is_hedge=True)):
            metrics.attempted(moment)
        metrics.replied(replied()._replace(kept="cold"))
        metrics.traffic.shadowed(Shadowed(DecisionId("d"), TenantName("t"), ARM, "ok", 200, 0.1, 0.2, None, Usd(1)))
        metrics.traffic.judged(Judged(ModelId("lab/a"), 0.5, 1.0, 1.0))
        metrics.traffic.sent_spans("exported", 1)
        assert assembly.traces is not None and assembly.traffic is not None
        for gate in engine.gates.values():
            gate.refused(0.0)  # a learned limit
        heard = await call(app, "GET", "/metrics")
        assembly.traces.close()
        assembly.traffic.close()
    found: Page = {}
    for line in heard.body.decode().splitlines():
        sample = re.match(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ", line)
        if sample is not None and not line.startswith("#"):
            names = re.findall(r'([a-zA-Z_]\w*)="(?:[^"\\]|\\.)*"', sample[2] or "")
            found.setdefault(sample[1], set()).update(names)
    return found


def selectors(expr: str) -> Iterator[tuple[str, set[str]]]:
    """Each metric of a query with the labels that are matched on it."""
    bare = re.sub(r"\bby \([^)]*\)", "", expr)
    for name, matchers in re.findall(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([^}]*)\})?(?![\w(])", _without_strings(bare)):
        if name not in FUNCTIONS and not re.fullmatch(r"[smhd]|__rate_interval", name):
            yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))


def _without_strings(expr: str) -> str:
    return re.sub(r'"[^"]*"', '""', expr).replace("$__rate_interval", "5m")


def grouped(expr: str) -> set[str]:
    return {label.strip() for labels in re.findall(r"\bby \(([^)]*)\)", expr) for label in labels.split(",")}


@pytest.mark.parametrize(("title", "target"), QUERIES, ids=[f"{title}-{at['refId']}" for title, at in QUERIES])
def test_a_query_asks_for_what_the_page_has(title: str, target: dict[str, Any], page: Page) -> None:
    expr, labels = target["expr"], set[str]()
    found = list(selectors(expr))
    assert found, "a query without a metric"
    for name, matched in found:
        assert name in page, f"{title}: no metric is called {name}"
        assert matched <= page[name] | ADDED, f"{title}: {name} has {sorted(page[name])}"
        labels |= page[name]
    assert grouped(expr) <= labels | ADDED, f"{title}: grouped by what is no label"
    shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
    left = grouped(expr) if " by (" in expr else labels if not re.search(r"\b(sum|min)\(", expr) else set()
    assert shown <= left | ADDED, f"{title}: the legend names what is not in the result"
    assert expr.count("(") == expr.count(")") and expr.count("{") == expr.count("}")
    assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_what_the_issue_asks_for_is_on_it() -> None:
    asked = {name for _, target in QUERIES for name, _ in selectors(target["expr"])}
    for needed in (
        "fairlead_requests_total", "fairlead_attempts_total", "fairlead_tokens_total", "fairlead_cost_usd_total",
        "fairlead_request_seconds_bucket", "fairlead_decision_reasons_total", "fairlead_calibration_gap",
        "fairlead_cached_read_share", "fairlead_breaker_state", "fairlead_store_queue", "fairlead_upstream_waiting",
        "fairlead_shadow_queue", "fairlead_store_spool_bytes",
    ):  # fmt: skip
        assert needed in asked


def test_a_wrong_name_would_be_noticed(page: Page) -> None:
    assert list(selectors('sum by (a) (rate(x_total{b="}c", d=~"e"}[$__rate_interval])) / 3600')) == [
        ("x_total", {"b", "d"})
    ]
    assert "fairlead_no_such_thing" not in page


def test_panels_have_names_and_places_of_their_own() -> None:
    every = DASHBOARD["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    assert all(panel["title"] for panel in every)
    cells = [
        (x, y)
        for panel in every
        for at in (panel["gridPos"],)
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(set(cells)) == len(cells), "two panels lie on each other"
    assert all(0 <= x < 24 for x, _ in cells)


def test_every_metric_of_the_page_is_explained_in_the_docs(page: Page) -> None:
    text = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`(fairlead_\w+)`", text))
    ours = [name for name in page if name.startswith("fairlead_") and not name.endswith("_created")]
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in ours} == told

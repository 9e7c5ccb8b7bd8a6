"""RawFigure: one published benchmark figure of one model, found in the boards under FAIRLEAD_DATA/catalogue.

Figures are quoted one by one with owner, source and date. Where a board lists several efforts of one model, the default
or medium one is quoted if there is one; the row is named with every figure, so that a reader sees what was chosen.
"""

import csv
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from fairlead.catalogue.uncertainty import FIRST_HAND_SETUP

LIVEBENCH_TABLES: Final = ("2024_06_24", "2024_08_31", "2024_11_25", "2025_04_25", "2025_05_30", "2026_01_08")
"""Question sets, oldest first. Of each model the newest set is quoted, and the oldest too if it is two sets or more
away: that links the sets, while neighbours share most of their questions and would count them twice."""

_EFFORTS: Final = re.compile(
    r"-((xhigh|high|medium|low|minimal)(-effort)?|nothinking|base|high-?thinking|thinking(-\d+k)?(-auto)?|turbo|fp8|preview"
    r"|instruct(-basic)?|basic)$"
)
_SNAPSHOT: Final = re.compile(r"(?<=[a-z0-9])-20\d\d-\d\d-\d\d$")
_EFFORT_RANK: Final = {
    "medium": 0,
    "": 0,
    "high": 1,
    "thinking": 2,
    "low": 3,
    "minimal": 4,
    "nothinking": 4,
    "base": 0,
    "xhigh": 5,
}


@dataclass(frozen=True, slots=True)
class RawFigure:
    """A figure before it is decided which of several to quote; `rank` 0 is the default or medium effort."""

    form: str
    benchmark: str
    score: float
    source: str
    row: str
    as_of: date | None
    rank: int
    is_reported: bool = False
    """Stated by the lab that made the model, not by a board that runs everybody's."""
    is_copied: bool = False
    """Read from a collection of such reports, not where the lab states it."""


FormOf = Callable[[str], str | None]
"""A board's name of a model -> the normal form of a card, or None when no card is meant."""


def livebench(folder: Path, form_of: FormOf) -> list[RawFigure]:
    """Category means per model: the mean of the category's tasks, when the model has all of them."""
    found: list[RawFigure] = []
    for table in LIVEBENCH_TABLES:
        text = (folder / "livebench" / f"categories_{table}.json").read_text(encoding="utf-8")
        categories: Mapping[str, list[str]] = json.loads(text)
        with (folder / "livebench" / f"table_{table}.csv").open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                form, rank = with_effort(row["model"], form_of)
                if form is None:
                    continue
                for category, tasks in categories.items():
                    scores = [row.get(task) or "" for task in tasks]
                    if all(scores):
                        mean = sum(map(float, scores)) / len(scores) / 100
                        key = f"livebench_{table[:7]}_{category.lower().replace(' ', '_')}"
                        source = f"livebench_{table[:7]}"
                        found.append(RawFigure(form, key, mean, source, row["model"], None, rank))
    return _oldest_and_newest(found)


def aider(folder: Path, form_of: FormOf) -> list[RawFigure]:
    """Aider's polyglot board: the share solved within two tries."""
    found: list[RawFigure] = []
    with (folder / "aider_polyglot.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            name = row["model"]
            setting = re.search(r"\(([^)]*)\)", name)
            form = form_of(re.sub(r"\s*\(.*", "", name).strip().replace(" ", "-"))
            if " + " in name or form is None:
                continue
            rank = _aider_rank(setting.group(1) if setting else "")
            score = float(row["pass_rate_2"]) / 100
            shown = re.sub(r"\s+", "_", name)
            day = date.fromisoformat(row["date"])
            found.append(RawFigure(form, "aider_polyglot", score, "aider", shown, day, rank))
    return found


def llm_stats(
    folder: Path, keys: Mapping[str, str], misfiled: Mapping[str, Collection[str]], form_of: FormOf
) -> list[RawFigure]:
    """Vendors' own reports as collected by LLMStats (CC BY 4.0), 2025-05.

    `misfiled` holds, by row, the benchmarks whose figure is of other weights or another question set.
    """
    found: list[RawFigure] = []
    with (folder / "llmstats_benchmarks.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            key, form = keys.get(row["benchmark"]), form_of(row["model"])
            if row["benchmark"] in misfiled.get(row["model"], ()):
                continue
            if key is not None and form is not None and 0 < float(row["score"]) <= 1:
                score = float(row["score"])
                found.append(RawFigure(form, key, score, "llmstats", row["model"], None, 0, True, True))
    return found


def quoted(tables: Mapping[str, Any], forms: Collection[str], benchmarks: Collection[str]) -> list[RawFigure]:
    """What `quoted_figures.toml` quotes by hand.

    Raises: ValueError if it names a source, card or benchmark that does not exist, or a score that is no percentage.
    """
    found: list[RawFigure] = []
    for source, rows in tables["figures"].items():
        if source not in tables["sources"]:
            raise ValueError(f"quoted_figures.toml: [figures.{source}] has no [sources.{source}]")
        is_reported = tables["sources"][source]["setup"] > FIRST_HAND_SETUP
        for form, entry in rows.items():
            where = f"quoted_figures.toml: figures.{source}.{form}"
            if form not in forms:
                raise ValueError(f"{where}: no card has this normal form")
            row = re.sub(r"\s+", "_", entry["row"])
            for key, percent in entry.items():
                if key == "row":
                    continue
                if key not in benchmarks:
                    raise ValueError(f"{where}: benchmarks.toml has no {key!r}")
                if not 0 <= percent <= 100:
                    raise ValueError(f"{where}: {key} = {percent} is no percentage")
                score = round(percent / 100, 6)
                found.append(RawFigure(form, key, score, source, row, None, 0, is_reported))
    return found


def models_dev_boards(folder: Path, keys: Mapping[str, str], form_of: FormOf) -> list[RawFigure]:
    """What models.dev quotes from boards and labs; figures of one board under several harnesses keep the first."""
    found: list[RawFigure] = []
    records: Mapping[str, Any] = json.loads((folder / "models_dev_canonical.json").read_text(encoding="utf-8"))
    for name, record in records.items():
        form = form_of(name)
        for quote in record.get("benchmarks", []) if form else []:
            key = keys.get(_board_key(quote))
            if key is None:
                continue
            host = re.sub(r"^https?://(www\.)?", "", quote["source"])
            source = _board_of(host)
            day = date.fromisoformat(quote["date"]) if "date" in quote else None
            row = host if source in ("vendor", "openrouter") else name
            rank = _EFFORT_RANK.get(quote.get("variant", ""), 2) + (10 if source == "vendor" else 0)
            is_vendor = source == "vendor"
            found.append(RawFigure(form or "", key, quote["score"] / 100, source, row, day, rank, is_vendor, is_vendor))
    return found


def chosen(figures: Iterable[RawFigure]) -> dict[str, list[RawFigure]]:
    """Form -> one figure a benchmark.

    A board before a lab's own report, the lab's page before a collector's copy, default effort before others, newer
    before older.
    """
    best: dict[tuple[str, str], RawFigure] = {}
    for figure in figures:
        key = (figure.form, figure.benchmark)
        if key not in best or _preference(figure) < _preference(best[key]):
            best[key] = figure
    by_form: dict[str, list[RawFigure]] = {}
    for (form, _), figure in best.items():
        by_form.setdefault(form, []).append(figure)
    return by_form


def with_effort(name: str, form_of: FormOf) -> tuple[str | None, int]:
    """The form that a board's row means and the rank of its effort; suffixes go one by one until a card is met."""
    rank, rest = 0, name
    for _ in range(4):
        undated = _SNAPSHOT.sub("", rest)
        form = form_of(rest) or form_of(undated) or form_of(f"{undated}-preview")
        if form is not None:
            return form, rank
        suffix = _EFFORTS.search(rest)
        if suffix is None:
            return None, rank
        word = suffix.group(1).removesuffix("-effort")
        word = "thinking" if "thinking" in word and word != "nothinking" else word
        rank = max(rank, _EFFORT_RANK.get(word, 0))
        rest = rest[: suffix.start()]
    return None, rank


def _preference(figure: RawFigure) -> tuple[bool, bool, int, int]:
    return (figure.is_reported, figure.is_copied, figure.rank, -(figure.as_of or date.min).toordinal())


def _aider_rank(setting: str) -> int:
    words = setting.lower()
    if "32k" in words or "24k" in words or "reasoner" in words:
        return 2
    return 1 if "high" in words else 3 if "low" in words else 0


def _board_key(quote: Mapping[str, Any]) -> str:
    return " ".join(str(quote[part]) for part in ("name", "dataset", "version") if part in quote)


def _board_of(host: str) -> str:
    for part, source in (
        ("aider.chat", "aider"),
        ("labs.scale.com", "scale"),
        ("artificialanalysis.ai", "aa"),
        ("openrouter.ai", "openrouter"),
        ("swebench.com", "swebench"),
    ):
        if part in host:
            return source
    return "vendor"


def _oldest_and_newest(figures: Iterable[RawFigure]) -> list[RawFigure]:
    figures = list(figures)
    ages = {f"livebench_{table[:7]}": age for age, table in enumerate(LIVEBENCH_TABLES)}
    seen: dict[str, list[int]] = {}
    for figure in figures:
        seen.setdefault(figure.form, []).append(ages[figure.source])
    kept: list[RawFigure] = []
    for figure in figures:
        age, oldest, newest = ages[figure.source], min(seen[figure.form]), max(seen[figure.form])
        if age == newest or (age == oldest and newest - oldest > 1):
            kept.append(figure)
    return kept

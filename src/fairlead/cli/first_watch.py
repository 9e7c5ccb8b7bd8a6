"""The first `fairlead watch` of a model: with nothing to compare with, its answers are taken for the checks to come."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from fairlead.cli.live_asking import LiveModel
    from fairlead.cli.output import Printer
    from fairlead.cli.run_preparation import Wanted
    from fairlead.learning.first_answers import FirstAnswers

FOLDER: Final = "first"
"""Beside the numbered folders of the checks."""
_TURN: Final = "answers-{}.jsonl"


def first_runs(folder: Path) -> list[Path]:
    """Outcomes of the first answers, by turn; none if they were not taken to the end."""
    return sorted((folder / FOLDER).glob(_TURN.format("[0-9]")))


def take_first_answers(wanted: "Wanted", n_probes: int, seed: int) -> "tuple[FirstAnswers, list[str]]":
    """What the model answers now, written into the wanted folder, and what to know of calls that failed."""
    from fairlead.cli.live_asking import asked_live
    from fairlead.learning.first_answers import MAX_ANSWERS, first_answers, most_calls

    async def taken(live: "LiveModel") -> "tuple[FirstAnswers, str]":
        asks = [live.probes]
        while len(asks) < MAX_ANSWERS:
            asks.append(asks[-1].once_more())
        return await first_answers(live.probes.probes, asks, n_probes, seed), live.name

    (found, name), notes = asked_live(wanted, os.environ, most_calls(n_probes), taken)
    for turn in range(len(found.turns)):
        rows = b"".join(msgspec.json.encode(row) + b"\n" for row in _rows(found, turn, name))
        (wanted.output / _TURN.format(turn + 1)).write_bytes(rows)
    return found, notes


def _rows(found: "FirstAnswers", turn: int, name: str) -> list[dict[str, Any]]:
    return [
        {
            "query_id": probe.query_id, "model": name, "score": one.score, "query": probe.text,
            "dataset": probe.dataset, "cost_usd": one.cost_usd, "input_tokens": one.input_tokens,
            "output_tokens": one.output_tokens, "latency_s": one.latency_s,
            "reply_hash": None if one.reply_hash is None else int(one.reply_hash),
        }
        for probe, one in zip(found.probes, found.turns[turn], strict=True)
        if one.is_asked
    ]  # fmt: skip


def print_first(out: "Printer", found: "FirstAnswers", model: str) -> None:
    """What was taken, for people."""
    out.line(
        f"{model}: nothing to compare with yet. Its answers are kept, and the next check compares with them.", "bold"
    )
    out.pair("probes", f"{len(found.probes)}, answered {len(found.turns)} times each")
    out.pair("calls", f"{found.n_calls}" + (f", {found.n_failed} of them failed" if found.n_failed else ""))
    if found.spent_usd is not None:
        out.pair("spent", f"USD {found.spent_usd:.4g}")
    if found.difference is not None:
        out.pair("contradicts itself", f"on {found.difference:.0%} of the probes")
    share = "in an unknown share" if found.sibling_found is None else f"in about {found.sibling_found:.0%}"
    out.pair("a check", f"of 200 calls will find a smaller sibling {share} of cases, more once some checks are passed")


def first_json(found: "FirstAnswers", model: str) -> dict[str, Any]:
    """The same for machines; the keys are stable, and what is not known is null."""
    return {
        "model": model,
        "changed": None,
        "n_calls": found.n_calls,
        "n_failed": found.n_failed,
        "n_probes": len(found.probes),
        "n_answers_each": len(found.turns),
        "score_difference": found.difference,
        "sibling_found": found.sibling_found,
        "spent_usd": found.spent_usd,
    }

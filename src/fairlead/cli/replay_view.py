"""How a replay is shown: for people, and as JSON with stable keys."""

from typing import Any, Final

from fairlead.cli.output import Printer
from fairlead.learning.metrics.bootstrap import Figure
from fairlead.learning.off_policy import MARGIN, METHODS, Estimates
from fairlead.learning.replay import Replayed

_NAMES: Final = {"direct": "direct", "ips": "IPS", "snips": "SNIPS", "doubly_robust": "doubly robust"}
_WORDS: Final = {
    "better": "better: the reward rises",
    "as_good": f"as good: at most {MARGIN:g} of reward is lost",
    "worse": "worse: the reward falls",
    "open": "open: this log cannot tell whether the reward rises or falls",
    "refused": "no verdict",
}
_STYLES: Final = {"better": "green", "as_good": "green", "worse": "red", "open": "yellow", "refused": "yellow"}
_PER: Final = 1_000
"""Costs are shown of so many decisions: one alone costs too little to read."""


def print_replay(out: Printer, replayed: Replayed) -> None:
    """For people."""
    held = f", {replayed.n_held} of them held as they were" if replayed.n_held else ""
    out.line(f"{replayed.n} decisions{held}", "bold")
    if replayed.paid_usd is not None:
        out.pair("paid", f"USD {replayed.paid_usd:.4g}")
    out.line()
    out.table(
        ["model", "upstream", "chosen", "would be"],
        [[*each.arm, f"{each.old_share:.1%}", f"{each.new_share:.1%}"] for each in replayed.shares],
        ["chosen", "would be"],
    )
    _print_estimates(out, "reward", replayed.reward, 1.0)
    _print_estimates(out, f"cost, USD per {_PER:,} decisions", replayed.cost, float(_PER))
    out.line()
    finding = replayed.finding
    out.line(f"Verdict: {_WORDS[finding.word]}.", _STYLES[finding.word])
    for reason in finding.reasons:
        out.line(f"  {reason}")
    cheaper = {True: "it is cheaper", False: "it is dearer", None: "the log cannot tell whether it is cheaper"}
    out.line(f"Cost: {cheaper[finding.is_cheaper]}.")
    for note in replayed.notes:
        out.line(f"Note: {note}.", "dim")


def _print_estimates(out: Printer, title: str, found: Estimates, scale: float) -> None:
    out.line()
    out.line(title, "bold")
    out.line(
        f"{found.n} known, of {found.n_sessions} sessions; worth {found.effective_n:.0f} decisions of the new policy; "
        f"{found.changed_share:.1%} changed, {found.unsupported_share:.1%} without support"
    )
    rows = [["the log", _shown(found.old, scale), None]]
    for method in METHODS:
        of = found.by_method[method]
        rows.append([_NAMES[method], _shown(of.value, scale), _shown(of.difference, scale, "+")])
    out.table(["estimate", "mean, 95 %", "new - old, 95 %"], rows, ["mean, 95 %", "new - old, 95 %"])


def _shown(figure: Figure, scale: float, sign: str = "") -> str | None:
    if figure.value is None:
        return None
    said = f"{figure.value * scale:{sign}.4g}"
    if figure.low is None or figure.high is None:
        return f"{said} (no interval)"
    return f"{said} ({figure.low * scale:{sign}.4g}, {figure.high * scale:{sign}.4g})"


def replay_json(replayed: Replayed) -> dict[str, Any]:
    """For machines; what is not known is null."""
    finding = replayed.finding
    return {
        "n": replayed.n,
        "n_held": replayed.n_held,
        "paid_usd": replayed.paid_usd,
        "verdict": finding.word,
        "is_cheaper": finding.is_cheaper,
        "reasons": list(finding.reasons),
        "models": [
            {"model": each.arm[0], "upstream": each.arm[1], "old_share": each.old_share, "new_share": each.new_share}
            for each in replayed.shares
        ],
        "reward": _estimates_json(replayed.reward),
        "cost_usd": _estimates_json(replayed.cost),
        "notes": list(replayed.notes),
    }


def _estimates_json(found: Estimates) -> dict[str, Any]:
    return {
        "n": found.n,
        "n_sessions": found.n_sessions,
        "effective_n": found.effective_n,
        "changed_share": found.changed_share,
        "unsupported_share": found.unsupported_share,
        "largest_weight": found.largest_weight,
        "clipped_share": found.clipped_share,
        "old": _figure_json(found.old),
        **{
            method: {"value": _figure_json(of.value), "difference": _figure_json(of.difference)}
            for method, of in found.by_method.items()
        },
    }


def _figure_json(figure: Figure) -> dict[str, Any]:
    return {"value": figure.value, "low": figure.low, "high": figure.high, "reason": figure.reason}

"""The findings as tables, for a terminal and for Markdown."""

from collections.abc import Sequence

from fairlead.evaluation.comparison_report import Table, markdown_table, markdown_text
from fairlead.evaluation.reports.findings import Findings, JudgeFinding
from fairlead.learning.metrics.bootstrap import Figure


def shown(figure: Figure, digits: int = 3, *, is_signed: bool = False) -> str | None:
    """A figure with its interval; None when it is undefined."""
    if figure.value is None:
        return None
    sign = "+" if is_signed else ""
    text = f"{figure.value:{sign}.{digits}f}"
    if figure.low is None or figure.high is None:
        return text
    return f"{text} ({figure.low:{sign}.{digits}f}, {figure.high:{sign}.{digits}f})"


def tables(found: Findings) -> tuple[Table, ...]:
    """What a terminal shows."""
    made = [_scores(found)]
    if found.pairs:
        made.append(_differences(found))
    if any(model.by_group for model in found.models):
        made.append(_groups(found))
    if found.judge is not None:
        made += judge_tables(found.judge)
    return tuple(made)


def _scores(found: Findings) -> Table:
    heads: tuple[str, ...] = (
        "score (95 %)",
        "scored",
        "unscored",
        "cut",
        "USD",
        "USD per 1k",
        "in",
        "out",
        "p50 s",
        "p90 s",
    )
    rows: tuple[tuple[str | None, ...], ...] = tuple(
        (
            model.name,
            shown(model.score),
            f"{model.n_scored:,} of {model.n_planned:,}",
            f"{model.n_unscored:,}",
            f"{model.n_cut:,}",
            f"{model.cost_usd:.4f}",
            None if model.mean_cost_usd is None else f"{model.mean_cost_usd * 1e3:.3f}",
            None if model.input_tokens is None else f"{model.input_tokens:.0f}",
            None if model.output_tokens is None else f"{model.output_tokens:.0f}",
            None if model.latency_p50_s is None else f"{model.latency_p50_s:.2f}",
            None if model.latency_p90_s is None else f"{model.latency_p90_s:.2f}",
        )
        for model in found.models
    )
    if any(model.any_right.value is not None for model in found.models):
        heads = (*heads, "any right")
        rows = tuple((*row, shown(model.any_right)) for row, model in zip(rows, found.models, strict=True))
    return Table("Scores", ("model", *heads), rows, heads)


def _differences(found: Findings) -> Table:
    heads = ("n", "difference (95 %)", "by bootstrap", "better", "worse", "p", "p adjusted", "prompts needed")
    rows = tuple(
        (
            f"{pair.one} less {pair.other}",
            f"{pair.n:,}",
            shown(pair.difference, is_signed=True),
            shown(pair.bootstrap, is_signed=True),
            f"{pair.n_better:,}",
            f"{pair.n_worse:,}",
            None if pair.p_value is None else f"{pair.p_value:.4f}",
            None if pair.p_adjusted is None else f"{pair.p_adjusted:.4f}",
            _count(found.needed.get((pair.one, pair.other))),
        )
        for pair in found.pairs
    )
    return Table("Differences on the same prompts", ("pair", *heads), rows, heads)


def _count(n: int | None) -> str | None:
    return None if n is None else f"{n:,}"


def _groups(found: Findings) -> Table:
    names = sorted({name for model in found.models for name in model.by_group})
    heads = tuple(model.name for model in found.models)
    rows = tuple(
        (name, *(shown(model.by_group.get(name, Figure(None)), 2) for model in found.models)) for name in names
    )
    return Table("Scores by group", ("group", *heads), rows, heads)


def judge_tables(judge: JudgeFinding) -> list[Table]:
    """What is known of the judges."""
    heads = ("figure (95 %)", "unit")
    rows: list[tuple[str | None, ...]] = [
        ("pairs judged in both orders", f"{judge.n_pairs:,}", ""),
        ("abstained", f"{judge.n_abstained:,}", "pairs"),
        ("same word in both orders", shown(judge.consistency), "share"),
        ("leaning to what stands first", shown(judge.biases.place, 2, is_signed=True), "logits"),
        ("leaning to the longer", shown(judge.biases.length, 2, is_signed=True), "logits at full contrast"),
        *((f"leaning to {name}", shown(each, 2, is_signed=True), "logits at full contrast")
          for name, each in judge.biases.style.items()),
        ("leaning to its own kin", shown(judge.biases.kin, 2, is_signed=True), "logits"),
    ]  # fmt: skip
    for name, agreement in judge.agreement.items():
        rows.append((f"{name}: agrees with people ({agreement.n:,} pairs)", shown(agreement.share), "share"))
        rows.append((f"{name}: kappa with people", shown(agreement.kappa, 2), ""))
    made = [Table(f"Judge: {', '.join(judge.judges)}", ("what", *heads), tuple(rows), ("figure (95 %)",))]
    if judge.biases.strengths is not None:
        strengths = judge.biases.strengths
        listed = sorted(strengths.of, key=lambda name: -(strengths.of[name].value or -99.0))
        heads = (f"logits above {strengths.anchor} (95 %)", "rank")
        made.append(
            Table(
                "Strengths with place, length and style held equal (Bradley-Terry)",
                ("model", *heads),
                tuple((name, shown(strengths.of[name], 2, is_signed=True), _count(strengths.rank[name]))
                      for name in listed),
                heads,
            )
        )  # fmt: skip
    if judge.raw:
        heads = ("by the judge (95 %)", "corrected by people (95 %)")
        made.append(
            Table(
                "Share of pairs won",
                ("pair", *heads),
                tuple((f"{one} against {other}", shown(figure), shown(judge.corrected.get((one, other), Figure(None))))
                      for (one, other), figure in judge.raw.items()),
                heads,
            )
        )  # fmt: skip
    return made


def summary_lines(found: Findings) -> list[str]:
    """What stands above the tables."""
    lines = [
        f"{found.suite} ({found.layout}, revision {found.revision[:12]}): {found.n_items:,} items, "
        f"{found.n_samples} a prompt, {len(found.models)} models.",
        f"Spent {found.spent_usd:.4f} USD of a cap of {found.cap_usd:.4f}"
        + (f", {found.judge_usd:.4f} of it for judges" if found.judge_usd else "")
        + f". Record {found.record_hash[:16]}.",
    ]
    if found.n_unknown:
        lines.append(
            f"Unknown: {found.n_unknown:,} calls were in flight when a run ended, or were cut off. They may have been "
            f"paid (at most {found.held_usd:.4f} USD, counted against the cap) and brought no reply. "
            "`--in-flight resend` asks them again."
        )
    return [*lines, *found.notes]


def markdown(found: Findings) -> str:
    """The report as Markdown."""
    lines = [f"# {markdown_text(found.suite)}", ""]
    lines += [f"- {markdown_text(line)}" for line in summary_lines(found)]
    for table in tables(found):
        lines += ["", f"## {markdown_text(table.title)}", "", *markdown_table(table)]
    return "\n".join([*lines, "", *_legend()]) + "\n"


def _legend() -> Sequence[str]:
    return (
        "Intervals: 95 %; Wilson's where every score is 0 or 1, else Student's t; clustered by group, or by prompt "
        "where a prompt was asked more than once. p: McNemar's exact test or the clustered t; adjusted after Benjamini "
        "and Hochberg. A dash: not defined.",
    )

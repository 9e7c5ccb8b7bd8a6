"""Candidate tables: who could have served with what was expected of them, who could not, and the attempts in time."""

from collections.abc import Sequence

from fairlead.dashboard import wording
from fairlead.dashboard.elements import Child, Markup, element
from fairlead.dashboard.figures import Part, track
from fairlead.dashboard.pages.outcomes import GROUNDS, attempt_badge
from fairlead.dashboard.tables import Column, numbers, table
from fairlead.store.candidates import CandidateRow
from fairlead.store.rows import AttemptRow


def candidate_table(candidates: Sequence[CandidateRow]) -> Markup:
    """Everybody who could serve, best first."""
    standing = [each for each in candidates if each.place is not None]
    heads = ("Cost", "Tokens out", "First content", "Whole", "Utility", "Chance")
    columns: list[Column | str] = [
        Column("Model", is_long=True),
        "Upstream",
        *numbers("Quality"),
        Column("0 to 1, 90 % interval"),
        *numbers(*heads),
    ]
    return table("Candidates, with what was expected of them", columns, map(_candidate, standing))


def _candidate(each: CandidateRow) -> list[Child]:
    return [
        [f"{(each.place or 0) + 1}. ", wording.name(each.model)],
        wording.name(each.upstream),
        wording.figure(each.quality),
        _quality_track(each),
        wording.usd(each.cost_usd),
        wording.count(each.output_tokens),
        wording.seconds(each.ttft_s),
        wording.seconds(each.total_s),
        wording.figure(each.utility),
        wording.figure(each.propensity),
    ]


def _quality_track(each: CandidateRow) -> Child:
    if each.quality is None or each.quality_low is None or each.quality_high is None:
        return wording.UNKNOWN
    return track(
        f"{each.quality:.3f}, between {each.quality_low:.3f} and {each.quality_high:.3f}",
        1.0,
        [Part(each.quality_low, each.quality_high, "span"), Part(each.quality - 0.006, each.quality + 0.006, "mid")],
    )


def excluded_table(candidates: Sequence[CandidateRow]) -> Markup | None:
    """Who could not serve, and why."""
    rows = [
        (
            wording.name(each.model),
            wording.name(each.upstream),
            GROUNDS.get(each.excluded_for or "", each.excluded_for),
        )
        for each in candidates
        if each.place is None
    ]
    if not rows:
        return None
    return table("Excluded", [Column("Model", is_long=True), "Upstream", Column("because", is_long=True)], rows)


def attempt_table(attempts: Sequence[AttemptRow], total_s: float | None) -> Markup:
    """Each attempt on one line of time: pale until its first content."""
    if not attempts:
        return element("p", "No attempt is kept.", class_="soft small")
    whole = max([total_s or 0.0, *(each.after_s + each.total_s for each in attempts)])
    columns: list[Column | str] = [
        Column("Attempt", is_long=True),
        "Outcome",
        Column(f"in time, the whole line is {wording.seconds(whole)}"),
        *numbers("Began after", "First content", "Took", "Tokens out", "Cost"),
        Column("Not carried", is_long=True),
    ]
    return element("section", table("Attempts", columns, (_attempt(each, whole) for each in attempts)))


def _attempt(each: AttemptRow, whole: float) -> list[Child]:
    end = each.after_s + each.total_s
    first = each.after_s + each.first_byte_s if each.first_byte_s is not None else end
    parts = [Part(each.after_s, first, "wait")]
    if each.outcome != "ok":
        parts = [Part(each.after_s, end, "failed")]
    elif first < end:
        parts.append(Part(first, end, "go"))
    status = f" {each.upstream_status}" if each.upstream_status is not None else ""
    label = f"begins after {wording.seconds(each.after_s)}, takes {wording.seconds(each.total_s)}"
    return [
        [
            f"{each.number}. ",
            wording.name(each.model),
            element("span", " at ", wording.name(each.upstream), " (hedge)" if each.is_hedge else "", class_="soft"),
        ],
        [attempt_badge(each.outcome), status, f" while {each.stage}" if each.stage and each.outcome != "ok" else None],
        track(label, whole, parts),
        wording.seconds(each.after_s),
        wording.seconds(each.first_byte_s),
        wording.seconds(each.total_s),
        wording.count(each.output_tokens),
        wording.nano_usd(each.cost_nanousd),
        element("bdi", each.losses or "nothing lost"),
    ]

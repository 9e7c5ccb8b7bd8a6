"""Policy result: what would change, with what it rests on, and the refusal where the log cannot tell."""

from collections.abc import Callable

from fairlead.dashboard import links
from fairlead.dashboard.elements import Child, Markup, element, text
from fairlead.dashboard.policy_view import PER, Contrast, MoveView, PolicyView
from fairlead.dashboard.strips import change_bar, legend
from fairlead.dashboard.tables import Column, table
from fairlead.dashboard.wording import UNKNOWN, count, moment, seconds, share, usd
from fairlead.learning.metrics.bootstrap import Figure

Write = Callable[[float | None], str]


def policy_result(view: PolicyView, most: int) -> Markup:
    """All of it."""
    return text(
        element("h2", "What would change"),
        _headline(view),
        _numbers(view),
        _verdict(view),
        _shares(view),
        _moves(view),
        _rests_on(view, most),
    )


def _headline(view: PolicyView) -> Markup:
    if not view.n_changed:
        return element("p", f"None of {count(view.n)} decisions would change.", class_="headline")
    return element(
        "p",
        element("strong", f"{view.n_changed / view.n:.1%}"),
        f" of {count(view.n)} decisions would go to another model. Cost a decision: ",
        element("strong", _relative(view.cost)),
        ", expected quality: ",
        element("strong", _points(view.quality)),
        ".",
        class_="headline",
    )


def _numbers(view: PolicyView) -> Markup:
    rows = [
        _row(f"USD of {PER:,} decisions", view.cost, usd, "paid, then " + _basis(view.cost)),
        _row("quality", view.quality, share, "expected by the router: not measured"),
        _row("seconds a reply", view.latency_s, seconds, "expected by the router: not measured"),
    ]
    if view.reward is not None:
        rows.append(_row("feedback score", view.reward, share, _basis(view.reward)))
    return table(
        "Now and then, with 95 % intervals",
        [
            "",
            Column("now", is_number=True),
            Column("with this policy", is_number=True),
            Column("difference", is_number=True),
            "whose word",
        ],
        rows,
    )


def _basis(found: Contrast) -> str:
    return "confirmed by the log (doubly robust)" if found.is_confirmed else "foretold: the log cannot confirm it"


def _row(name: str, found: Contrast, write: Write, whose: str) -> list[Child]:
    return [
        text(name, element("small", f"{found.n:,} decisions tell", class_="source")),
        _with_interval(found.old, write),
        _with_interval(found.new, write),
        _with_interval(found.difference, lambda value: _signed(value, write)),
        whose,
    ]


def _with_interval(figure: Figure, write: Write) -> Markup:
    if figure.value is None:
        return text(UNKNOWN, element("small", figure.reason or "", class_="source"))
    if figure.low is None or figure.high is None:
        return text(write(figure.value), element("small", "no interval", class_="source", title=figure.reason))
    return text(write(figure.value), element("small", f"{write(figure.low)} to {write(figure.high)}", class_="source"))


def _signed(value: float | None, write: Write) -> str:
    """With its sign: what writes an amount may know no negative one."""
    if value is None:
        return UNKNOWN
    return f"−{write(-value)}" if value < 0 else f"+{write(value)}" if value > 0 else write(value)


def _relative(cost: Contrast) -> str:
    old, difference = cost.old.value, cost.difference.value
    if not old or difference is None:
        return "unknown"
    return f"{100 * difference / old:+.1f} %".replace("-", "−")


def _points(quality: Contrast) -> str:
    difference = quality.difference.value
    return "unknown" if difference is None else f"{100 * difference:+.1f} points".replace("-", "−")


def _verdict(view: PolicyView) -> Markup:
    cheaper = {True: "It is cheaper.", False: "It is dearer.", None: "Whether it is cheaper, the log cannot tell."}
    return element(
        "div",
        element("p", element("strong", view.verdict), " ", cheaper[view.is_cheaper]),
        element("ul", [element("li", reason) for reason in view.reasons]) if view.reasons else None,
        class_="notice" if view.is_refused else "verdict",
    )


def _shares(view: PolicyView) -> Markup:
    most = max((max(each.old_share, each.new_share) for each in view.shares), default=1.0)
    return text(
        table(
            "Who would serve how much",
            [Column("model", is_long=True), "share", Column("now", is_number=True), Column("then", is_number=True)],
            [
                (
                    each.arm[0],
                    change_bar(
                        f"{each.arm[0]}: {each.old_share:.1%} now, {each.new_share:.1%} then",
                        each.old_share,
                        each.new_share,
                        most,
                    ),
                    share(each.old_share),
                    share(each.new_share),
                )
                for each in view.shares
            ],
        ),
        legend((("old", "now"), ("new", "with this policy"))),
    )


def _moves(view: PolicyView) -> Markup | None:
    if not view.moves:
        return None
    return table(
        "Which choices would change",
        [
            Column("from", is_long=True),
            Column("to", is_long=True),
            Column("decisions", is_number=True),
            Column("expected quality", is_number=True),
            Column(f"expected USD of {PER:,}", is_number=True),
            "for example",
        ],
        [_move(move) for move in view.moves],
    )


def _move(move: MoveView) -> list[Child]:
    return [
        move.old,
        move.new,
        text(count(move.n), element("small", share(move.share), class_="source")),
        UNKNOWN if move.quality is None else f"{100 * move.quality:+.1f} points".replace("-", "−"),
        _signed(None if move.cost_usd is None else move.cost_usd * PER, usd),
        text([text(links.link(links.decision(each), f"{place}"), " ") for place, each in enumerate(move.examples, 1)]),
    ]


def _rests_on(view: PolicyView, most: int) -> Markup:
    told: list[Child] = [
        f"The newest {view.n_seen:,} decisions" if view.is_cut else f"All {view.n_seen:,} decisions",
        " since ",
        moment(view.since_s),
        f"; at most {most:,} are read." if view.is_cut else ".",
        f" {view.n_held:,} stay as they were, whatever the policy: models asked for by name, tool loops, running "
        "conversations."
        if view.n_held
        else None,
        f" {view.unsupported_share:.1%} of the choices are such that this log could never have made."
        if view.unsupported_share > 0
        else None,
    ]
    return element(
        "div",
        element("p", *told, class_="soft"),
        [element("p", f"Note: {note}.", class_="soft") for note in view.notes],
        element(
            "p",
            "More settings (prices, a router file, other days): ",
            element("code", "fairlead replay"),
            ".",
            class_="soft",
        ),
    )

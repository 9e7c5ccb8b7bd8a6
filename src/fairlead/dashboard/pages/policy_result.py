"""Policy result: what would change, with what it rests on, and the refusal where the log cannot tell."""

from collections.abc import Callable

from fairlead.dashboard import links
from fairlead.dashboard.elements import Child, Markup, element, text
from fairlead.dashboard.policy_view import PER, Contrast, MoveView, PolicyView
from fairlead.dashboard.sourced import model_name
from fairlead.dashboard.strips import change_bar, legend
from fairlead.dashboard.tables import Column, numbers, table
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
        element("strong", share(view.n_changed / view.n)),
        f" of {count(view.n)} decisions would go to another model. Cost a decision: ",
        element("strong", _relative(view.cost)),
        ", expected quality: ",
        element("strong", _points(view.quality)),
        ".",
        class_="headline",
    )


def _numbers(view: PolicyView) -> Markup:
    """One card an amount: the difference, from what to what, and whose word that is."""
    cards = [
        _card(f"USD of {PER:,} decisions", view.cost, usd, usd),
        _card("Quality", view.quality, share, _as_points),
        _card("Seconds a reply", view.latency_s, seconds, seconds),
    ]
    if view.reward is not None:
        cards.append(_card("Feedback score", view.reward, share, _as_points))
    return element("div", cards, class_="cards")


def _card(title: str, found: Contrast, write: Write, write_change: Write) -> Markup:
    difference = found.difference
    return element(
        "article",
        element("h3", title),
        element("p", _signed(difference.value, write_change), class_="big"),
        element("p", _interval(difference, lambda value: _signed(value, write_change)), class_="small"),
        element("p", f"{write(found.old.value)} now, then {write(found.new.value)}", class_="small"),
        element("p", f"{_basis(found)}, of {found.n:,} decisions", class_="small"),
        class_="card",
    )


def _basis(found: Contrast) -> str:
    if found.is_confirmed:
        return "confirmed by the log (doubly robust)"
    return "foretold, not confirmed"


def _interval(figure: Figure, write: Write) -> str:
    if figure.value is None:
        return figure.reason or "unknown"
    if figure.low is None or figure.high is None:
        return f"no interval: {figure.reason}" if figure.reason else "no interval"
    return f"95 % sure: {write(figure.low)} to {write(figure.high)}"


def _signed(value: float | None, write: Write) -> str:
    """With its sign: what writes an amount may know no negative one."""
    if value is None:
        return UNKNOWN
    return f"−{write(-value)}" if value < 0 else f"+{write(value)}" if value > 0 else write(value)


def _as_points(value: float | None) -> str:
    return UNKNOWN if value is None else f"{100 * value:.1f} points"


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
            [Column("model", is_long=True), "share", *numbers("now", "then")],
            [
                (
                    model_name(each.arm[0]),
                    change_bar(
                        f"{each.arm[0]}: {share(each.old_share)} now, {share(each.new_share)} then",
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
        "Which choices would change, and what the router expects of it",
        [
            Column("from, to", is_long=True),
            *numbers("decisions", "quality", f"USD of {PER:,}"),
            "for example",
        ],
        [_move(move) for move in view.moves],
    )


def _move(move: MoveView) -> list[Child]:
    points = None if move.quality is None else _signed(move.quality, _as_points)
    return [
        text(model_name(move.old), element("span", "→ ", model_name(move.new), class_="onward")),
        text(count(move.n), element("small", share(move.share), class_="source")),
        points or UNKNOWN,
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
        f" {share(view.unsupported_share)} of the choices are such that this log could never have made."
        if view.unsupported_share > 0
        else None,
    ]
    return element(
        "div",
        element("p", *told, class_="soft"),
        element("p", _today(view), class_="soft") if view.n_changed_today else None,
        [element("p", f"Note: {note}.", class_="soft") for note in view.notes],
        element(
            "p",
            "More settings (prices, a router file, other days): ",
            element("code", "fairlead replay"),
            ".",
            class_="soft",
        ),
    )


def _today(view: PolicyView) -> str:
    """How exact a replay is: what it changes where nothing is to change."""
    return (
        f"Even under the settings in force {share(view.n_changed_today / view.n)} of these decisions would come out "
        "otherwise: they were made under others, or a model rested, failed or was slow at the time, which no log holds."
    )

"""Model: one of them: its map as a picture, its endpoints with prices and speed, its figures with source and date."""

from collections.abc import Iterable
from typing import Final

from fairlead.catalogue.cards import ModelCard
from fairlead.catalogue.price_words import dearer_words
from fairlead.dashboard import links
from fairlead.dashboard.ask import Ask, Shown
from fairlead.dashboard.elements import Child, Markup, element, text
from fairlead.dashboard.knowledge import Knowledge
from fairlead.dashboard.models_reading import own_window, read_models, to_own_rows
from fairlead.dashboard.models_view import ModelRow
from fairlead.dashboard.pages.model_map import kinds_map, learned_map
from fairlead.dashboard.pages.no_knowledge import no_knowledge
from fairlead.dashboard.sourced import badges, source_tag
from fairlead.dashboard.sourced_number import SOURCE_WORDS, Sourced
from fairlead.dashboard.tables import Column, facts, numbers, table
from fairlead.dashboard.wording import WHOLE_CHARS, count, seconds, share, shortened, usd
from fairlead.routing.standing import ALL_KINDS
from fairlead.store.store import Window

MOST_FIGURES: Final = 60


def one_model(ask: Ask) -> Shown:
    """GET /ui/model?name=…."""
    known = ask.sources.knowledge
    if known is None:
        return no_knowledge("Model")
    name = ask.query.get("name", "")
    row = next((row for row in read_models(ask, known) if row.model.lower() == name.lower()), None)
    if row is None:
        return _unknown(known, name)
    card = next(spec.card for spec in known.pool.specs if spec.arm.model == row.model)
    return Shown(
        row.title or row.model,
        text(
            element("p", element("code", row.model), " of ", row.lab, " ", badges(row)),
            _doubt(row),
            kinds_map(row.standing) if row.standing is not None else None,
            _own(row, own_window(ask)),
            _endpoints(known, row),
            learned_map(known, row),
            _figures(card, known),
            _facts(card),
        ),
    )


def _unknown(known: Knowledge, name: str) -> Shown:
    like = known.catalogue.nearest(name[:200]) if name else ()
    return Shown(
        "No such model",
        element(
            "section",
            element("p", "No model of this server is called ", element("code", shortened(name, WHOLE_CHARS)), "."),
            element("p", f"The catalogue's nearest: {', '.join(like)}.") if like else None,
            element("p", links.link("/ui/models", "All models")),
            class_="empty",
        ),
        status=404,
    )


def _doubt(row: ModelRow) -> Markup | None:
    if row.stale is None:
        return None
    return element(
        "p",
        f"In doubt {row.stale}: what your router learned of it has wider intervals since. Train the router again.",
        class_="notice",
    )


def _own(row: ModelRow, window: Window) -> Markup:
    own = row.own
    if own is None:
        return element(
            "section",
            element("h2", "On your own traffic"),
            element("p", "It has served no request in the last 30 days."),
        )
    pairs: list[tuple[Child, Child]] = [
        ("requests, 30 days", to_own_rows(count(own.n), row.model, window)),
        ("not whole", to_own_rows(count(own.n - own.n_ok), row.model, window, outcome="failed")),
        ("spent", usd(own.spent_usd)),
        ("a request", usd(own.usd_per_request)),
        *(
            ("feedback" if kind == ALL_KINDS else f"feedback, {kind}", _scored(score))
            for kind, score in row.scores.items()
        ),
    ]
    return element("section", element("h2", "On your own traffic"), facts(pairs))


def _scored(score: Sourced) -> str:
    reach = f" ({share(score.low)} to {share(score.high)}, 95 % sure)" if score.low is not None else ""
    return f"{share(score.value)}{reach} of {score.told}"


def _endpoints(known: Knowledge, row: ModelRow) -> Markup:
    pool = known.pool
    rows: list[list[Child]] = []
    dearer: list[str] = []
    for place, spec in enumerate(pool.specs):
        if spec.arm.model != row.model:
            continue
        prices, speed = spec.prices, pool.s_per_token[place]
        dearer += [f"{spec.arm.upstream}: {words}." for words in dearer_words(prices)]
        rows.append(
            [
                str(spec.arm.upstream),
                str(spec.arm.sent_model),
                _usd(prices.input_per_mtok),
                _usd(prices.cached_read_per_mtok),
                _usd(prices.output_per_mtok),
                count(spec.context_tokens),
                text(seconds(float(pool.ttft_s[place])), source_tag(spec.delay_basis)),
                text(count(1.0 / float(speed)) if speed else None, source_tag(spec.delay_basis)),
            ]
        )
    return element(
        "section",
        element("h2", "Where it is served"),
        table(
            "Endpoints",
            [
                Column("upstream", is_long=True),
                Column("its name there", is_long=True),
                *numbers("in", "read from cache", "out", "context, tokens", "first word", "tokens a second"),
            ],
            rows,
        ),
        element(
            "p",
            f"USD a million tokens, {row.input_usd.told}." if row.input_usd.told else "No price is known.",
            class_="soft",
        ),
        *(element("p", words, class_="soft") for words in dearer),
        element("p", *_speed_words(row), class_="soft"),
    )


def _speed_words(row: ModelRow) -> Iterable[Child]:
    yield "Seen lately: first word "
    yield seconds(row.first_s.value)
    yield f" ({row.first_s.told or SOURCE_WORDS[row.first_s.source]}), "
    yield f"{count(row.tokens_per_s.value)} tokens a second"
    yield f" ({row.tokens_per_s.told or SOURCE_WORDS[row.tokens_per_s.source]})."


def _figures(card: ModelCard, known: Knowledge) -> Markup | None:
    if not card.figures:
        return None
    benchmarks = known.catalogue.benchmarks
    titles = {key: benchmark.title for key, benchmark in benchmarks.items()}
    return element(
        "details",
        element("summary", f"{len(card.figures)} published figures"),
        table(
            "Published figures",
            [
                Column("benchmark", is_long=True),
                *numbers("score", "standard error"),
                Column("source", is_long=True),
                "of",
            ],
            [
                (
                    titles.get(figure.benchmark, figure.benchmark),
                    share(figure.score),
                    share(figure.uncertainty),
                    figure.source,
                    figure.as_of.isoformat(),
                )
                for figure in card.figures[:MOST_FIGURES]
            ],
        ),
    )


def _facts(card: ModelCard) -> Markup:
    known = [
        (name.replace("_", " "), f"{'yes' if fact.value else 'no'} ({fact.source}, {fact.as_of.isoformat()})")
        for name, fact in card.abilities.items()
    ]
    for name, stated in (
        ("context, tokens", card.context_tokens),
        ("longest answer, tokens", card.max_output_tokens),
        ("parameters", card.parameters_total),
        ("of them active", card.parameters_active),
    ):
        if stated is not None:
            known.append((name, f"{stated.value:,} ({stated.source}, {stated.as_of.isoformat()})"))
    if card.release is not None:
        known.append(("released", f"{card.release.value.isoformat()} ({card.release.source})"))
    if not known:
        return element("p", "The catalogue states no facts of it.", class_="soft")
    return element("details", element("summary", f"{len(known)} facts of the catalogue"), facts(known))


def _usd(value: float | None) -> str:
    return "free" if value == 0 else usd(value)

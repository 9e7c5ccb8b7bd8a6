"""`fairlead models`: the catalogue, for people and for machines; and the diff of a newer price list.

Imports of weight happen inside the commands: `fairlead --help` must not wait for them.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from datetime import date

    from fairlead.catalogue.catalogue import Catalogue
    from fairlead.catalogue.changes import Change
    from fairlead.cli.output import Printer

MAX_LIST_BYTES = 64_000_000
"""A price list is a few megabytes; what is larger is another file."""

app = typer.Typer(
    help="The model catalogue: what each model can do, what it costs, and who says so.", add_completion=False
)


@app.callback(invoke_without_command=True)
def list_models(
    context: typer.Context,
    provider: Annotated[str | None, typer.Option(help="Only models that this provider offers, at its prices.")] = None,
    lab: Annotated[str | None, typer.Option(help="Only models of this lab.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Superseded and retired models too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON with stable keys.")] = False,
    config: Annotated[Path | None, typer.Option(help="The configuration whose own facts count too.")] = None,
) -> None:
    """List the models, or say more of one: `models show NAME`, or compare prices: `models update FILE`."""
    if context.invoked_subcommand is not None:
        return
    from fairlead.cli.models_view import model_row, strong_kinds
    from fairlead.cli.output import to_stdout

    catalogue = _catalogue(config)
    strong = strong_kinds(catalogue)
    cards = [
        card
        for card in catalogue.cards.values()
        if (every or card.is_current)
        and (lab is None or card.lab == lab.lower())
        and (provider is None or any(offer.provider == provider.lower() for offer in card.offers))
    ]
    rows = [model_row(card, provider, strong.get(card.model, ())) for card in cards]
    out = to_stdout()
    if as_json:
        out.json({"catalogue": catalogue.version, "models": rows})
        return
    if not rows:
        _fail(_no_rows(catalogue, provider, lab))
    _print_rows(out, rows)
    n_hidden = len(catalogue.cards) - len(catalogue.current())
    out.line()
    out.line(f"{len(rows)} models. Prices in USD per million tokens, of the cheapest offer unless --provider is given.")
    if not every:
        out.line(f"{n_hidden} superseded or retired ones are shown with --all.")


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="An id, an alias, or a local server's spelling.")],
    router: Annotated[Path | None, typer.Option(help="Show what this trained router knows of the model.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON with stable keys.")] = False,
    config: Annotated[Path | None, typer.Option(help="The configuration whose own facts count too.")] = None,
) -> None:
    """Show one model: what it is good at and how sure that is; every fact with its source, its date and its age."""
    from fairlead.assembly.shipped import prompt_model
    from fairlead.cli.map_view import abilities_json, print_abilities
    from fairlead.cli.models_view import card_json, print_card
    from fairlead.cli.output import to_stdout
    from fairlead.routing.modelmap.benchmark_scale import fit_benchmark_scale
    from fairlead.routing.standing import view_abilities

    if router is not None:
        _show_entry(name, router, as_json)
        return
    catalogue = _catalogue(config)
    card = catalogue.match(name)
    if card is None:
        like = catalogue.nearest(name)
        _fail(f"No model is called {name[:80]!r}." + (f" Nearest: {', '.join(like)}." if like else ""))
    out, today = to_stdout(), _today()
    model = prompt_model()
    scale = fit_benchmark_scale(tuple(catalogue.cards.values()), catalogue.benchmarks, model.reader.anchors)
    view = view_abilities(card, catalogue, scale, model.measured)
    if as_json:
        out.json({**card_json(card, catalogue, today), "map": abilities_json(view)})
        return
    print_card(out, card, catalogue, today, lambda: print_abilities(out, view))


@app.command("update")
def update(
    file: Annotated[
        Path, typer.Argument(help="A newer list: litellm, models.dev, genai-prices JSON, or catalogue TOML.")
    ],
    write: Annotated[Path | None, typer.Option(help="Write the changes as overrides (YAML) to this new file.")] = None,
    accept_large: Annotated[bool, typer.Option(help="Write doubtful changes too.")] = False,
    as_of: Annotated[str | None, typer.Option(help="Date of the list, such as 2026-07-02; else today.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON with stable keys.")] = False,
    config: Annotated[Path | None, typer.Option(help="The configuration whose own facts count too.")] = None,
) -> None:
    """Compare the catalogue's prices with a newer list; nothing is changed unless --write is given."""
    from fairlead.catalogue.changes import price_changes
    from fairlead.catalogue.price_lists import parse_price_list
    from fairlead.cli.output import to_stdout
    from fairlead.domain.errors import CatalogueError

    day = _day(as_of)
    catalogue = _catalogue(config)
    try:
        newer = parse_price_list(_text_of(file), catalogue.benchmarks, file.name)
    except CatalogueError as error:
        _fail(str(error))
    changes = price_changes(catalogue, newer)
    doubtful = [change for change in changes if change.doubt]
    out = to_stdout()
    if as_json:
        out.json({"form": newer.form, "prices": len(newer.prices), "changes": [_change_json(one) for one in changes]})
    else:
        out.line(f"{file.name}: {newer.form}, {len(newer.prices)} prices; {newer.n_without_price} rows without one.")
        _print_changes(out, changes)
    if write is not None:
        kept = changes if accept_large else tuple(change for change in changes if not change.doubt)
        _write(write, kept, day, file.name)
        if not as_json:
            out.line(f"{len(kept)} changes written to {write}.")
    if doubtful and not accept_large and not as_json:
        out.line(f"{len(doubtful)} doubtful changes are left out of --write unless --accept-large is given.", "yellow")


def _show_entry(name: str, file: Path, as_json: bool) -> None:
    from fairlead.catalogue.matching import nearest
    from fairlead.cli.map_view import entry_json, print_entry
    from fairlead.cli.output import to_stdout
    from fairlead.evaluation.router_file import load_router

    trained = load_router(file, reads_texts=False)
    arm = next((arm for arm in trained.arms if arm.lower() == name.lower()), None)
    if arm is None:
        like = nearest(name, trained.arms) or trained.arms[:3]
        _fail(f"{file} knows no model called {name[:80]!r}. Nearest: {', '.join(like)}.")
    if as_json:
        to_stdout().json(entry_json(trained, arm))
    else:
        print_entry(to_stdout(), trained, arm, file.name)


def _print_rows(out: "Printer", rows: Sequence[dict[str, Any]]) -> None:
    from fairlead.cli.models_view import short_count

    heads = ("model", "input", "output", "context", "can", "released", "strong in")
    out.table(
        heads,
        [
            (
                row["id"],
                row["input_usd_per_mtok"],
                row["output_usd_per_mtok"],
                short_count(row["context_tokens"]),
                " ".join(row["abilities"]) or None,
                row["release"],
                " ".join(row["strong_kinds"]) or None,
            )
            for row in rows
        ],
        right=("input", "output", "context"),
    )


def _print_changes(out: "Printer", changes: "Sequence[Change]") -> None:
    if not changes:
        out.line("No price differs from the catalogue's.")
        return
    out.table(
        ("model", "provider", "price", "now", "new", "doubt"),
        [(one.model, one.provider, one.price, one.old, one.new, one.doubt or "") for one in changes],
        right=("now", "new"),
    )
    out.line(f"{len(changes)} prices differ. USD per million tokens; above_tokens in input tokens.")


def _change_json(change: "Change") -> dict[str, Any]:
    from fairlead.catalogue.parsing import ABOVE_KEY

    unit = "tokens" if change.price == ABOVE_KEY else "usd_per_mtok"
    return {
        "model": change.model,
        "provider": change.provider,
        "sent_model": change.sent_model,
        "price": change.price,
        f"old_{unit}": change.old,
        f"new_{unit}": change.new,
        "doubt": change.doubt,
    }


def _write(path: Path, changes: "Sequence[Change]", day: "date", source: str) -> None:
    import yaml

    from fairlead.catalogue.changes import as_overrides
    from fairlead.cli.output import clean

    blocks = {"models": as_overrides(changes, day.isoformat(), source)}
    try:
        with path.open("x", encoding="utf-8") as target:
            target.write(f"# Prices of {clean(source)}: review, then add this block to your configuration.\n")
            yaml.safe_dump(blocks, target, sort_keys=False, allow_unicode=True)
    except FileExistsError:
        _fail(f"{path} is there already; name a new file.")
    except OSError as error:
        _fail(f"{path}: cannot write: {error.strerror}.")


def _text_of(file: Path) -> str:
    try:
        size_bytes = file.stat().st_size
        if size_bytes > MAX_LIST_BYTES:
            _fail(f"{file}: {size_bytes} bytes; a price list is smaller than {MAX_LIST_BYTES}.")
        return file.read_text(encoding="utf-8")
    except OSError as error:
        _fail(f"{file}: cannot read: {error.strerror}.")
    except UnicodeDecodeError:
        _fail(f"{file}: not a text in UTF-8.")


def _no_rows(catalogue: "Catalogue", provider: str | None, lab: str | None) -> str:
    from fairlead.catalogue.matching import nearest

    providers = {str(offer.provider) for card in catalogue.cards.values() for offer in card.offers}
    labs = {card.lab for card in catalogue.cards.values()}
    for word, known in ((provider, providers), (lab, labs)):
        if word is not None and word.lower() not in known:
            like = nearest(word, sorted(known))
            return f"Nothing is known of {word[:80]!r}." + (f" Nearest: {', '.join(like)}." if like else "")
    return "No model fits."


def _catalogue(config: Path | None) -> "Catalogue":
    from fairlead.assembly.in_force import catalogue_in_force
    from fairlead.cli.config_file import load_settings

    settings, _ = load_settings(config, os.environ)
    return catalogue_in_force(settings, _today())


def _today() -> "date":
    from datetime import UTC, datetime

    return datetime.now(UTC).date()


def _day(text: str | None) -> "date":
    from datetime import date

    if text is None:
        return _today()
    try:
        return date.fromisoformat(text)
    except ValueError:
        _fail(f"--as-of: a date such as 2026-07-02, not {text[:80]!r}.")


def _fail(message: str) -> NoReturn:
    from fairlead.cli.output import to_stderr

    to_stderr().line(message, "red")
    sys.exit(1)

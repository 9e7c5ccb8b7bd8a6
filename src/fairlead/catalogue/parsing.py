'''Parsing: the catalogue's TOML texts -> cards and benchmarks; an error names the file and the key.

One file a lab, and `benchmarks.toml`. A lab's file declares its sources once; every line of facts begins with the key
of its source, so that each fact carries source and date without repeating them::

    lab = "example"

    [sources.models_dev]
    title = "models.dev"
    url = "https://models.dev"
    as_of = 2026-07-02

    [models.example-1]
    title = "Example 1"
    aliases = ["example-one"]
    facts = """
    models_dev release=2026-03-05 open_weights=no context_tokens=128000 tools=yes vision=no
    """
    offers = """
    models_dev openai example-1-2026-03-05 input=2.5 cached_read=0.25 output=15 max_output_tokens=32000
    """
    figures = """
    livebench row=example-1-high as_of=2026-04-01 livebench_2026_01_maths=0.81
    """

The lines are plain words, not TOML tables, because the whole catalogue must load in a blink and tomllib reads a string
some twenty times faster than a table. A figure's standard error follows from its source's `setup` (see
`uncertainty.py`) unless the source states `uncertainty` itself.
'''

import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from hashlib import sha256
from typing import Any, Final, NamedTuple, cast, get_args

from fairlead.catalogue.cards import Ability, Benchmark, Fact, Figure, ModelCard, Offer, Prices, Purpose
from fairlead.catalogue.catalogue import Catalogue, catalogue_of
from fairlead.catalogue.uncertainty import FIRST_HAND_SETUP, standard_error
from fairlead.domain.errors import CatalogueError
from fairlead.domain.kinds import KINDS
from fairlead.domain.names import ModelId, ProviderName, SentModel

BENCHMARKS_FILE: Final = "benchmarks.toml"
ABILITIES: Final[tuple[Ability, ...]] = ("tools", "vision", "audio", "files", "structured_output", "reasoning")
PRICE_KEYS: Final = {
    "input": "input_per_mtok",
    "cached_read": "cached_read_per_mtok",
    "cache_write": "cache_write_per_mtok",
    "output": "output_per_mtok",
    "cache_write_1h": "cache_write_1h_per_mtok",
    "input_above": "input_above_per_mtok",
    "cached_read_above": "cached_read_above_per_mtok",
    "cache_write_above": "cache_write_above_per_mtok",
    "output_above": "output_above_per_mtok",
    "cache_write_1h_above": "cache_write_1h_above_per_mtok",
}
"""What a list states of an offer; those with `above` hold for requests of more than ABOVE_KEY input tokens."""
ABOVE_KEY: Final = "above_tokens"
LISTED_KEYS: Final = ("input", "cached_read", "cache_write", "output")
"""Of every request that is not long, and of caches that are kept for minutes."""
_FILE_KEYS: Final = frozenset({"lab", "title", "sources", "models"})
_MODEL_KEYS: Final = frozenset(
    {"title", "lab", "purpose", "family", "aliases", "current", "facts", "offers", "figures"}
)
_SOURCE_KEYS: Final = frozenset({"title", "url", "licence", "as_of", "setup", "uncertainty"})
_BENCHMARK_KEYS: Final = frozenset({"title", "owner", "kinds", "n_questions", "guess_rate"})


class Source(NamedTuple):
    """Where facts are from, as declared at the head of a file."""

    text: str
    as_of: date
    setup: float
    uncertainty: float | None


class Words(NamedTuple):
    """One line of facts: its source, its bare words, and its `key=value` words."""

    source: Source
    bare: list[str]
    pairs: list[tuple[str, str]]
    where: str


def parse_catalogue(texts: Mapping[str, str]) -> Catalogue:
    """The catalogue of these files, file name -> text; its version is the hash of them all.

    Raises: CatalogueError that names file and key. Any other exception is a bug.
    """
    if BENCHMARKS_FILE not in texts:
        raise CatalogueError(f"{BENCHMARKS_FILE} is missing: figures mean nothing without it")
    benchmarks = parse_benchmarks(texts[BENCHMARKS_FILE])
    cards: list[ModelCard] = []
    for name in sorted(texts):
        if name != BENCHMARKS_FILE:
            cards.extend(parse_lab(name, texts[name], benchmarks))
    return catalogue_of(cards, benchmarks, version_of(texts))


def version_of(texts: Mapping[str, str]) -> str:
    """The SHA-256 of all names and texts, in the order of the names."""
    digest = sha256()
    for name in sorted(texts):
        for part in (name, texts[name]):
            encoded = part.encode("utf-8", "surrogatepass")
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()


def parse_benchmarks(text: str, file: str = BENCHMARKS_FILE) -> dict[str, Benchmark]:
    """Key -> benchmark, in the order of the file."""
    tables = _toml(file, text)
    _only(tables, {"benchmarks"}, file)
    found: dict[str, Benchmark] = {}
    for key, value in table_in(tables.get("benchmarks", {}), f"{file}: benchmarks").items():
        where = f"{file}: benchmarks.{key}"
        table = table_in(value, where)
        _only(table, _BENCHMARK_KEYS, where)
        kinds = table_in(table.get("kinds"), f"{where}.kinds")
        weights = {kind: _number(str(weight), f"{where}.kinds.{kind}") for kind, weight in kinds.items()}
        if not weights or any(kind not in KINDS for kind in weights) or abs(sum(weights.values()) - 1) > 1e-6:
            raise CatalogueError(f"{where}.kinds: weights of {', '.join(KINDS)} that sum to 1, not {kinds}")
        n_questions = table.get("n_questions")
        found[key] = Benchmark(
            key=key,
            title=_text(table, "title", where),
            owner=_text(table, "owner", where),
            kinds=weights,
            n_questions=None if n_questions is None else count_in(str(n_questions), f"{where}.n_questions"),
            guess_rate=_share(str(table.get("guess_rate", 0)), f"{where}.guess_rate"),
        )
    return found


def parse_lab(file: str, text: str, benchmarks: Mapping[str, Benchmark]) -> list[ModelCard]:
    """The cards of one lab's file, in the order of the file."""
    tables = _toml(file, text)
    _only(tables, _FILE_KEYS, file)
    lab = _text(tables, "lab", file)
    if lab != lab.lower() or "/" in lab:
        raise CatalogueError(f"{file}: lab: a lower-case slug, not {lab!r}")
    sources = {
        key: _source(table_in(value, f"{file}: sources.{key}"), f"{file}: sources.{key}")
        for key, value in table_in(tables.get("sources", {}), f"{file}: sources").items()
    }
    models = table_in(tables.get("models", {}), f"{file}: models")
    return [
        _card(lab, name, table_in(table, f"{file}: models.{name}"), sources, benchmarks, f"{file}: models.{name}")
        for name, table in models.items()
    ]


def fact_of(key: str, value: str, source: str, as_of: date, where: str) -> Fact[Any]:
    """One fact of a card from its written value: a date, a yes or no, or a count of tokens."""
    reader = FACT_READERS.get(key)
    if reader is None:
        raise CatalogueError(f"{where}: unknown fact {key!r}; known are {', '.join(FACT_READERS)}")
    return Fact(reader(value, f"{where}.{key}"), source, as_of)


def _card(
    lab: str,
    name: str,
    table: Mapping[str, Any],
    sources: Mapping[str, Source],
    benchmarks: Mapping[str, Benchmark],
    where: str,
) -> ModelCard:
    _only(table, _MODEL_KEYS, where)
    if name != name.lower() or "/" in name or not name.strip():
        raise CatalogueError(f"{where}: a model's key is its name in lower case, without the lab")
    facts: dict[str, Fact[Any]] = {}
    for line in _lines(table, "facts", sources, where):
        for key, value in line.pairs:
            if key in facts:
                raise CatalogueError(f"{line.where}: {key} is stated twice")
            facts[key] = fact_of(key, value, line.source.text, line.source.as_of, line.where)
    aliases = table.get("aliases", [])
    current = table.get("current", True)
    if not isinstance(aliases, list) or not all(isinstance(alias, str) and alias for alias in aliases):
        raise CatalogueError(f"{where}.aliases: a list of names, not {aliases!r}")
    if not isinstance(current, bool):
        raise CatalogueError(f"{where}.current: true or false, not {current!r}")
    purpose = table.get("purpose", "chat")
    if purpose not in get_args(Purpose):
        raise CatalogueError(f"{where}.purpose: one of {', '.join(get_args(Purpose))}, not {purpose!r}")
    lab = _text(table, "lab", where) if "lab" in table else lab
    return ModelCard(
        model=ModelId(f"{lab}/{name}"),
        title=_text(table, "title", where),
        lab=lab,
        family=_text(table, "family", where) if "family" in table else None,
        release=facts.get("release"),
        open_weights=facts.get("open_weights"),
        context_tokens=facts.get("context_tokens"),
        max_output_tokens=facts.get("max_output_tokens"),
        abilities={ability: facts[ability] for ability in ABILITIES if ability in facts},
        parameters_total=facts.get("parameters_total"),
        parameters_active=facts.get("parameters_active"),
        figures=tuple(
            figure for line in _lines(table, "figures", sources, where) for figure in _figures(line, benchmarks)
        ),
        offers=tuple(_offer(line) for line in _lines(table, "offers", sources, where)),
        aliases=tuple(aliases),
        purpose=purpose,
        is_current=current,
    )


def _offer(line: Words) -> Offer:
    if len(line.bare) != 2:
        raise CatalogueError(f"{line.where}: an offer is: source provider sent-name key=value ..., not {line.bare}")
    source, as_of = line.source.text, line.source.as_of
    prices: dict[str, float] = {}
    limits: dict[str, Fact[int]] = {}
    above_tokens: int | None = None
    for key, value in line.pairs:
        if key in PRICE_KEYS:
            prices[PRICE_KEYS[key]] = price_in(value, f"{line.where}.{key}")
        elif key == ABOVE_KEY:
            above_tokens = count_in(value, f"{line.where}.{key}")
        elif key in ("context_tokens", "max_output_tokens"):
            limits[key] = Fact(count_in(value, f"{line.where}.{key}"), source, as_of)
        else:
            raise CatalogueError(f"{line.where}: unknown key {key!r}; known are {', '.join(PRICE_KEYS)} and limits")
    try:
        stated = Prices(above_tokens=above_tokens, **prices)
    except ValueError as error:
        raise CatalogueError(f"{line.where}: {error}") from None
    return Offer(
        provider=ProviderName(line.bare[0]),
        sent_model=SentModel(line.bare[1]),
        prices=Fact(stated, source, as_of),
        context_tokens=limits.get("context_tokens"),
        max_output_tokens=limits.get("max_output_tokens"),
    )


def _figures(line: Words, benchmarks: Mapping[str, Benchmark]) -> list[Figure]:
    source = line.source
    text, as_of = source.text, source.as_of
    figures: list[Figure] = []
    for key, value in line.pairs:
        if key == "row":
            text = f"{source.text}, {value}"
            continue
        if key == "as_of":
            as_of = _date(value, f"{line.where}.as_of")
            continue
        if key not in benchmarks:
            raise CatalogueError(f"{line.where}: {key!r} is not in {BENCHMARKS_FILE}")
        score = _share(value, f"{line.where}.{key}")
        error = source.uncertainty
        if error is None:
            error = standard_error(score, benchmarks[key].n_questions, source.setup)
        figures.append(Figure(key, score, error, text, as_of))
    return figures


def _lines(table: Mapping[str, Any], key: str, sources: Mapping[str, Source], where: str) -> list[Words]:
    text = table.get(key, "")
    if not isinstance(text, str):
        raise CatalogueError(f"{where}.{key}: lines of text, not {type(text).__name__}")
    found: list[Words] = []
    for number, line in enumerate(text.splitlines()):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        place = f"{where}.{key} line {number}"
        source = sources.get(words[0])
        if source is None:
            raise CatalogueError(f"{place}: {words[0]!r} is not among the file's sources")
        pairs: list[tuple[str, str]] = []
        bare: list[str] = []
        for word in words[1:]:
            name, equals, value = word.partition("=")
            if equals:
                pairs.append((name, value))
            else:
                bare.append(word)
        found.append(Words(source, bare, pairs, place))
    return found


def _source(table: Mapping[str, Any], where: str) -> Source:
    _only(table, _SOURCE_KEYS, where)
    as_of = table.get("as_of")
    if type(as_of) is not date:
        raise CatalogueError(f"{where}.as_of: a date such as 2026-07-02, not {as_of!r}")
    url = table.get("url", "")
    uncertainty = table.get("uncertainty")
    return Source(
        text=f"{_text(table, 'title', where)}, {url}" if url else _text(table, "title", where),
        as_of=as_of,
        setup=_share(str(table.get("setup", FIRST_HAND_SETUP)), f"{where}.setup"),
        uncertainty=None if uncertainty is None else _share(str(uncertainty), f"{where}.uncertainty"),
    )


def price_in(value: str, where: str) -> float:
    """A price in USD per million tokens: a number above 0. A price that is not known is not written."""
    number = _number(value, where)
    if not 0 < number < 1e6:
        raise CatalogueError(f"{where}: a price above 0 USD per million tokens, not {value}; leave an unknown one out")
    return number


def _toml(file: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise CatalogueError(f"{file}: not TOML: {error}") from error


def _only(table: Mapping[str, Any], known: frozenset[str] | set[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise CatalogueError(f"{where}: unknown key {key!r}; known are {', '.join(sorted(known))}")


def table_in(value: object, where: str) -> Mapping[str, Any]:
    """A value that is a table. Raises: CatalogueError that names the place."""
    if not isinstance(value, dict):
        raise CatalogueError(f"{where}: a table is missing here")
    return cast("Mapping[str, Any]", value)


def _text(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise CatalogueError(f"{where}.{key}: a text is missing")
    return value


def _number(value: str, where: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not abs(number) < float("inf"):
        raise CatalogueError(f"{where}: a number, not {value!r}")
    return number


def _share(value: str, where: str) -> float:
    number = _number(value, where)
    if not 0 <= number <= 1:
        raise CatalogueError(f"{where}: a number from 0 to 1, not {value}")
    return number


def count_in(value: str, where: str) -> int:
    """A whole number above 0."""
    number = _number(value, where)
    if number != int(number) or not 0 < number < 1e15:
        raise CatalogueError(f"{where}: a whole number above 0, not {value}")
    return int(number)


def _claim(value: str, where: str) -> bool:
    if value not in ("yes", "no"):
        raise CatalogueError(f"{where}: yes or no, not {value!r}")
    return value == "yes"


def _date(value: str, where: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise CatalogueError(f"{where}: a date such as 2026-07-02, not {value!r}") from error


FACT_READERS: Final[Mapping[str, Callable[[str, str], object]]] = {
    "release": _date,
    "open_weights": _claim,
    "context_tokens": count_in,
    "max_output_tokens": count_in,
    "parameters_total": count_in,
    "parameters_active": count_in,
    **dict.fromkeys(ABILITIES, _claim),
}

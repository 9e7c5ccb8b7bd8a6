"""Merged: one model's facts out of many listings, each with the list that states it.

Rules, in one place. Facts of the weights: the lab's own listing, then models.dev's record of the model, then any
host's. Prices of an offer: a value that two lists agree on, cited from the newest of them; where only two lists speak
and differ, the newer dated one, unless the same list already said so in its map of 2025-09 (then its date is no news),
or it looks like a slip: REFUSED_FACTOR times away from the other, or output cheaper than input. `[trust]` in
`catalogue_names.toml` decides by hand where a list is known to lag.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import date
from typing import Any, Final, NamedTuple

from fairlead.catalogue.cards import Ability, Prices
from fairlead.catalogue.parsing import ABILITIES, LISTED_KEYS, PRICE_KEYS
from fairlead.evaluation.catalogue_sources import Listing, rule_matches

REFUSED_FACTOR: Final = 5
"""Two lists of one price are never this far apart but by a slip of a decimal point or of a column."""


class Priced(NamedTuple):
    """The prices of an offer and the list that they are quoted from."""

    prices: Prices
    source: str


@dataclass(frozen=True, slots=True)
class Offered:
    """One provider's door to the model."""

    provider: str
    sent: str
    priced: Priced
    context_tokens: int | None
    max_output_tokens: int | None


@dataclass(slots=True)
class Merged:
    """A model before it is written down; facts are (value, source)."""

    lab: str
    form: str
    name: str
    title: str
    family: str | None
    facts: dict[str, tuple[Any, str]] = field(default_factory=dict)
    offers: list[Offered] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    is_current: bool = True


class PriceLists:
    """litellm's newest map, its map of 2025-09, and genai-prices, to check an offer's price against."""

    def __init__(
        self,
        newest: Iterable[Listing],
        older: Iterable[Listing],
        genai: Sequence[tuple[str, Any, Prices]],
        trust: Mapping[str, str],
    ) -> None:
        self._newest = {(row.provider, row.sent.lower()): row.prices for row in newest}
        self._older = {(row.provider, row.sent.lower()): row.prices for row in older}
        self._genai = genai
        self._trust = trust

    def price(self, row: Listing) -> Priced:
        """The price of this row's offer by the rules above."""
        key = (row.provider, row.sent.lower())
        other = self._newest.get(key, Prices())
        third = next(
            (p for slug, rule, p in self._genai if slug == row.provider and rule_matches(rule, key[1])), Prices()
        )
        own, lite, genai_quote = Priced(row.prices, row.source), Priced(other, "litellm"), Priced(third, "genai_prices")
        known = [priced for priced in (genai_quote, lite, own) if priced.prices.input_per_mtok is not None]
        if not known:
            return own
        trusted = self._trust.get(f"{row.provider}/{row.sent}")
        for priced in known:
            if priced.source == trusted:
                return priced
        for priced in known:
            agreeing = [one for one in known if _same(one.prices, priced.prices)]
            if len(agreeing) > 1:
                return max(agreeing, key=lambda one: _n_known(one.prices))
        if genai_quote in known and row.provider == "openrouter":
            return genai_quote  # read from OpenRouter's own list, every night
        if lite not in known:
            return own if own in known else known[0]
        if own not in known:
            return lite
        then = self._older.get(key)
        is_news = (then is None or _listed(then) != _listed(lite.prices)) and not _is_slip(lite.prices, row.prices)
        return lite if is_news else own


def merged(
    lab: str,
    form: str,
    rows: Sequence[Listing],
    records: Sequence[Listing],
    lists: PriceLists,
    written: Mapping[str, str],
) -> Merged:
    """One model out of the listings of its normal form; `written` are ids chosen by hand, normal form -> id."""
    home = [row for row in rows if row.provider == lab]
    hosts = sorted((row for row in rows if row.provider != lab), key=_host_rank)
    ranked = [*home, *records, *hosts]
    name = written.get(form) or _name_of(lab, form, rows, records)
    titled = next((row.title for row in ranked if row.title), None)
    model = Merged(
        lab=lab,
        form=form,
        name=name,
        title=_title_of(titled) if titled and "/" not in titled else _spelled(name),
        family=next((row.family for row in ranked if row.family), None),
    )
    for key in ("context_tokens", "max_output_tokens"):
        _state(model, key, ranked)
    release = _release_of(form, ranked)
    if release is not None:
        model.facts["release"] = (release.release, release.source)
    opens = [row for row in ranked if row.open_weights is not None]
    if opens:
        # A host that forgets the flag says "closed" of open weights; nobody calls closed weights open.
        chosen = next((row for row in opens if row.open_weights), opens[0])
        model.facts["open_weights"] = (chosen.open_weights, chosen.source)
    for ability in ABILITIES:
        _state_ability(model, ability, home, ranked)
    for key, value in sizes_of(model.name).items():
        model.facts[key] = (value, "name")
    model.offers = _offers_of(lab, rows, lists)
    return model


def sizes_of(name: str) -> dict[str, int]:
    """Parameters as the model's own published name states them: `235b-a22b`, `70b`, `8x7b` says experts and is left."""
    found: dict[str, int] = {}
    total = re.search(r"(?:^|-)(\d+(?:\.\d+)?)b(?:-|$)", name)
    active = re.search(r"(?:^|-)a(\d+)b(?:-|$)", name)
    if total and not re.search(r"\d+x\d+b|\d+b-\d+e", name):
        found["parameters_total"] = round(float(total.group(1)) * 1e9)
    if active and found:
        found["parameters_active"] = int(active.group(1)) * 10**9
    return found


def _state(model: Merged, key: str, ranked: Iterable[Listing]) -> None:
    for row in ranked:
        value = getattr(row, key)
        if value is not None:
            model.facts[key] = (value, row.source)
            return


def _state_ability(model: Merged, ability: Ability, home: Iterable[Listing], ranked: Iterable[Listing]) -> None:
    said = [row for row in home if ability in row.abilities] or [row for row in ranked if ability in row.abilities]
    if said:
        # Where hosts differ, one that offers the ability shows that the weights have it.
        chosen = next((row for row in said if row.abilities[ability]), said[0])
        model.facts[ability] = (chosen.abilities[ability], chosen.source)


def _release_of(form: str, ranked: Sequence[Listing]) -> Listing | None:
    dated = [row for row in ranked if row.release is not None]
    month = re.search(r"-(2[3-6])(0[1-9]|1[0-2])$", form)
    if month:
        wanted = (2000 + int(month.group(1)), int(month.group(2)))
        dated = [row for row in dated if row.release and abs(_months(row.release) - (wanted[0] * 12 + wanted[1])) <= 1]
    by_month = next((row for row in dated if row.is_month), None)
    whole = [row for row in dated if not row.is_month]
    if by_month is not None and by_month.release is not None:
        # Hosts date their own listing: only one in the lab's month can be the release itself.
        same = (row for row in whole if row.release and _months(row.release) == _months(by_month.release or date.min))
        return next(same, by_month)
    return whole[0] if whole else None


_HOSTS: Final = ("openrouter", "azure", "together", "deepinfra", "groq", "fireworks", "amazon-bedrock", "google-vertex")
"""Whose listings are taken first for what neither the lab nor models.dev's record states: the more careful ones."""


def _host_rank(row: Listing) -> int:
    return _HOSTS.index(row.provider) if row.provider in _HOSTS else len(_HOSTS)


def _months(day: date) -> int:
    return day.year * 12 + day.month


def _name_of(lab: str, form: str, rows: Sequence[Listing], records: Sequence[Listing]) -> str:
    if lab == "anthropic":
        return form
    for group in (
        [row for row in rows if row.provider == lab],
        [row for row in rows if row.provider == "openrouter"],
        list(records),
        [row for row in rows if row.provider in ("deepinfra", "together", "azure", "novita", "nebius")],
    ):
        if group:
            return min((row.sent.lower().rpartition("/")[2] for row in group), key=lambda name: (len(name), name))
    return form


def _title_of(title: str) -> str:
    return re.sub(r"\s*\((latest|US|EU|AU|JP|Global)\)$", "", title).strip()


def _spelled(name: str) -> str:
    words = [word if any(letter.isdigit() for letter in word) else word.capitalize() for word in name.split("-")]
    return re.sub(r"^Gpt\s", "GPT-", " ".join(words))


def _offers_of(lab: str, rows: Sequence[Listing], lists: PriceLists) -> list[Offered]:
    offers: list[Offered] = []
    for provider in dict.fromkeys(row.provider for row in rows):
        doors = [row for row in rows if row.provider == provider and not row.is_deprecated] or [
            row for row in rows if row.provider == provider
        ]
        # Of a lab's own names the pinned snapshot is sent; elsewhere the plainest name.
        door = (max if provider == lab else min)(doors, key=lambda row: (len(row.sent), row.sent))
        offers.append(Offered(provider, door.sent, lists.price(door), door.context_tokens, door.max_output_tokens))
    return sorted(offers, key=lambda offer: (offer.provider != lab, offer.provider))


def _same(one: Prices, other: Prices) -> bool:
    return (one.input_per_mtok, one.output_per_mtok) == (other.input_per_mtok, other.output_per_mtok)


def _n_known(prices: Prices) -> tuple[int, int]:
    """How many of the listed prices, then how many of all."""
    n_listed, n_all = (sum(price is not None for price in each) for each in (_listed(prices), astuple(prices)))
    return n_listed, n_all


def _listed(prices: Prices) -> tuple[float | None, ...]:
    return tuple(getattr(prices, PRICE_KEYS[key]) for key in LISTED_KEYS)


def _is_slip(one: Prices, other: Prices) -> bool:
    pairs = ((one.input_per_mtok, other.input_per_mtok), (one.output_per_mtok, other.output_per_mtok))
    if any(a is not None and b is not None and max(a, b) >= REFUSED_FACTOR * min(a, b) for a, b in pairs):
        return True
    return (one.output_per_mtok or 0) < (one.input_per_mtok or 0)


def release_before(model: Merged, cutoff: date) -> bool:
    """Whether the model is known to be older than the cutoff."""
    release: Mapping[str, tuple[Any, str]] = model.facts
    return "release" in release and release["release"][0] < cutoff

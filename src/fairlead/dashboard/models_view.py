"""ModelsView: every model that can be chosen, with what it is good at, its price, its speed, and who says so."""

from collections.abc import Mapping, Sequence
from math import sqrt
from types import MappingProxyType
from typing import Final, NamedTuple

from fairlead.dashboard.health_view import ENOUGH_SEEN, speed_of
from fairlead.dashboard.learned_view import learned_scores
from fairlead.dashboard.sourced_number import UNKNOWN, Source, Sourced
from fairlead.domain.engine_state import ArmState
from fairlead.domain.kinds import KINDS
from fairlead.routing.modelmap.entry import ModelMap
from fairlead.routing.pool import ArmSpec, Pool
from fairlead.routing.standing import ALL_KINDS, AbilityView, Standing
from fairlead.store.rows import DelayRow, ScoreRow, UsageRow
from fairlead.store.savings import INTERVAL_Z

NOTHING_LEARNED: Final[Mapping[str, str]] = MappingProxyType({})
NOTHING_LEARNED_OF: Final[Mapping[str, Sourced]] = MappingProxyType({})


class OwnTraffic(NamedTuple):
    """What this server has seen of one model."""

    n: int
    n_ok: int
    spent_usd: float | None
    """With attempts that lost, and shadows; None where nothing of it is known."""
    usd_per_request: float | None
    """Of those whose cost is known, kept answers aside."""


class ModelRow(NamedTuple):
    """One model."""

    model: str
    title: str
    lab: str
    is_default: bool
    """Whether plain `auto` may choose it."""
    is_simulated: bool
    standing: AbilityView | None
    """None for a model without a chat card."""
    ability: Source
    ability_told: str
    input_usd: Sourced
    """USD per million tokens, at the cheapest endpoint here."""
    output_usd: Sourced
    first_s: Sourced
    """Seconds to the first content."""
    tokens_per_s: Sourced
    own: OwnTraffic | None
    scores: Mapping[str, Sourced]
    """Kind of task, or `all` -> mean score of its feedback, from 0 to 1."""
    learned: Mapping[str, Sourced]
    """Kind of task, or `all` -> mean score over such queries of the operator's own router."""
    stale: str | None
    """Since when and why its figures are in doubt."""

    def of(self, kind: str) -> Standing | None:
        """Its standing in this kind of task."""
        if self.standing is None:
            return None
        if kind == ALL_KINDS:
            return self.standing.general
        return self.standing.kinds[KINDS.index(kind)]


class Seen(NamedTuple):
    """What the store and the engine have seen, as far as rows show it."""

    usage: Sequence[UsageRow] = ()
    """By model."""
    first_bytes: Sequence[DelayRow] = ()
    scores: Sequence[ScoreRow] = ()
    arms: Sequence[ArmState] = ()


def view_models(
    pool: Pool,
    abilities: Mapping[str, AbilityView],
    seen: Seen,
    model_map: ModelMap | None = None,
    arm_of: Mapping[str, str] = NOTHING_LEARNED,
) -> tuple[ModelRow, ...]:
    """Each model of the pool once, in its order. `abilities` are by model; `arm_of`: model -> what the map calls it."""
    places: dict[str, list[int]] = {}
    for place, spec in enumerate(pool.specs):
        places.setdefault(spec.arm.model, []).append(place)
    usage = {row.group: row for row in seen.usage}
    first_bytes = {row.model: row for row in seen.first_bytes}
    scores = _scores(seen.scores)
    return tuple(
        _row(
            pool,
            own,
            abilities.get(model),
            _own(usage.get(model)),
            _speeds(pool, own, [arm for arm in seen.arms if arm.model == model], first_bytes.get(model)),
            scores.get(model, {}),
            *_learned(model_map, arm_of.get(model)),
        )
        for model, own in places.items()
    )


def ranked(rows: Sequence[ModelRow], kind: str) -> tuple[ModelRow, ...]:
    """Best first in this kind: by what the own router learned, then by what is known, then by guesses."""

    def place(row: ModelRow) -> tuple[int, float, str]:
        learned = row.learned.get(kind)
        if learned is not None and learned.value is not None:
            return -1, -learned.value, row.model
        standing = row.of(kind)
        if standing is None:
            return 2, 0.0, row.model
        return int(row.ability == "prior"), -standing.mean, row.model

    return tuple(sorted(rows, key=place))


def kinds_in_order() -> tuple[str, ...]:
    """What a leaderboard can be of."""
    return (ALL_KINDS, *KINDS)


def _row(
    pool: Pool,
    places: Sequence[int],
    view: AbilityView | None,
    own: OwnTraffic | None,
    speeds: tuple[Sourced, Sourced],
    scores: Mapping[str, Sourced],
    learned: Mapping[str, Sourced],
    stale: str | None,
) -> ModelRow:
    specs = [pool.specs[place] for place in places]
    card = specs[0].card
    is_chat = card.purpose == "chat"
    input_usd, output_usd = _prices(specs)
    return ModelRow(
        model=str(card.model),
        title=card.title,
        lab=card.lab,
        is_default=any(bool(pool.in_default[place]) for place in places),
        is_simulated=any(spec.arm.is_simulated for spec in specs),
        standing=view if is_chat else None,
        ability="unknown" if view is None else view.basis,
        ability_told="" if view is None else _rests_on(view),
        input_usd=input_usd,
        output_usd=output_usd,
        first_s=speeds[0],
        tokens_per_s=speeds[1],
        own=own,
        scores=scores,
        learned=learned,
        stale=stale,
    )


def counted(view: AbilityView) -> list[str]:
    """How much of what an ability rests on, in words; empty for a guess."""
    told = [f"{view.n_outcomes:,} outcomes"] if view.n_outcomes else []
    if view.n_figures:
        told.append("1 published figure" if view.n_figures == 1 else f"{view.n_figures} published figures")
    return told


def _rests_on(view: AbilityView) -> str:
    told = counted(view)
    return f"{', '.join(told)}; newest of {view.newest}" if view.newest and told else ", ".join(told) or "no figure"


def _prices(specs: Sequence[ArmSpec]) -> tuple[Sourced, Sourced]:
    """Of the first endpoint with both prices: the pool has the cheapest first."""
    for spec in specs:
        prices = spec.prices
        if prices.input_per_mtok is None or prices.output_per_mtok is None:
            continue
        told = f"at {spec.arm.upstream}"
        offer = next((offer for offer in spec.card.offers if offer.provider == spec.arm.provider), None)
        if spec.arm.is_local and not prices.input_per_mtok and not prices.output_per_mtok:
            told += ": local, marginal cost"
        elif offer is not None and offer.prices.value == prices:
            told += f": {offer.prices.source}, {offer.prices.as_of.isoformat()}"
        else:
            told += ": from the configuration"
        return Sourced(prices.input_per_mtok, "stated", told), Sourced(prices.output_per_mtok, "stated", told)
    return UNKNOWN, UNKNOWN


def _own(row: UsageRow | None) -> OwnTraffic | None:
    if row is None or not row.n:
        return None
    return OwnTraffic(row.n, row.n_ok, row.spent_usd, row.usd_per_request)


def _speeds(
    pool: Pool, places: Sequence[int], arms: Sequence[ArmState], first_byte: DelayRow | None
) -> tuple[Sourced, Sourced]:
    """First content and tokens a second: of own traffic where there is enough, else what the pool was given."""
    fastest = min(places, key=lambda place: float(pool.s_per_token[place]))
    spec = pool.specs[fastest]
    basis: Source = spec.delay_basis
    told = f"at {spec.arm.upstream}" + (": from size, price and place" if basis == "prior" else "")
    first = Sourced(float(pool.ttft_s[fastest]), basis, told)
    speed = Sourced(1.0 / float(pool.s_per_token[fastest]), basis, told) if pool.s_per_token[fastest] else UNKNOWN
    timed = [arm for arm in arms if arm.n_attempts >= ENOUGH_SEEN]
    quick = max(timed, key=lambda arm: speed_of(arm) or 0.0, default=None)
    own_speed = speed_of(quick) if quick is not None else None
    if quick is not None and own_speed is not None:
        speed = Sourced(own_speed, "own", f"median of the last minutes at {quick.upstream}")
    if first_byte is not None and first_byte.p50_s is not None:
        first = Sourced(first_byte.p50_s, "own", f"median of {first_byte.n:,} requests")
    elif quick is not None and quick.ttft_s is not None:
        first = Sourced(quick.ttft_s, "own", f"median of the last minutes at {quick.upstream}")
    return first, speed


def _scores(rows: Sequence[ScoreRow]) -> dict[str, dict[str, Sourced]]:
    """Model -> kind -> score; `all` is the weighed mean over kinds."""
    by_model: dict[str, list[ScoreRow]] = {}
    for row in rows:
        by_model.setdefault(row.model, []).append(row)
    return {
        model: {ALL_KINDS: _score(_joined(own)), **{row.kind: _score(row) for row in own if row.kind}}
        for model, own in by_model.items()
    }


def _joined(rows: Sequence[ScoreRow]) -> ScoreRow:
    """All kinds together."""
    weight = sum(row.weight for row in rows)
    squares = sum(row.weight**2 / row.effective_n for row in rows)
    mean = sum(row.weight * row.mean for row in rows) / weight
    return ScoreRow(rows[0].model, ALL_KINDS, sum(row.n for row in rows), weight, mean, weight**2 / squares)


def _score(row: ScoreRow) -> Sourced:
    """With the interval of Wilson (1927): of all scores between 0 and 1 those that are 0 or 1 spread most."""
    n, p, z = row.effective_n, row.mean, INTERVAL_Z
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    told = "1 opinion" if row.n == 1 else f"{row.n:,} opinions"
    return Sourced(p, "own", told, max(middle - reach, 0.0), min(middle + reach, 1.0))


def _learned(model_map: ModelMap | None, arm: str | None) -> tuple[Mapping[str, Sourced], str | None]:
    """The scores, and since when and why they are in doubt."""
    if model_map is None or arm is None or arm not in model_map.entries:
        return NOTHING_LEARNED_OF, None
    return learned_scores(model_map, arm), model_map.entries[arm].stale

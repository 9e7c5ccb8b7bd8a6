"""HealthView: how the upstreams, the arms, the store and the measured maps stand, and whose word that is."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from fairlead.domain.engine_state import ArmState, EngineState, UpstreamState
from fairlead.domain.store_state import StoreState

Level = Literal["good", "warn", "bad", "none"]
"""`none`: nothing is known or nothing is wanted, which is neither good nor bad."""

FAILING_SHARE: Final = 0.1
"""A failure in ten attempts is more than the odd rate limit: worth a look."""
ENOUGH_SEEN: Final = 5.0
"""Recent attempts from which a speed is shown."""
FASTEST_TOKENS_PER_S: Final = 20_000.0
"""Set by hand, far above any model: beyond it a reply has come in one piece, which tells of no speed."""
CROWDED_SHARE: Final = 0.8
"""Of its limit; above it the next burst waits."""


class Endpoint(NamedTuple):
    """An upstream as it was configured or discovered."""

    name: str
    address: str
    """Its base URL without a user, password, query or fragment."""
    is_local: bool = False
    is_simulated: bool = False
    n_models: int | None = None
    """Models that can be chosen there."""


class Said(NamedTuple):
    """A word for a state, its level, and why."""

    word: str
    level: Level
    why: str = ""


class UpstreamView(NamedTuple):
    """One upstream."""

    name: str
    endpoint: Endpoint | None
    said: Said
    running: int
    waiting: int
    limit: float | None


class ArmView(NamedTuple):
    """One model at one upstream, as it has conducted itself lately."""

    model: str
    upstream: str
    said: Said
    n_attempts: float
    failure_share: float
    ttft_s: float | None
    ttft_p95_s: float | None
    tokens_per_s: float | None


class StoreView(NamedTuple):
    """The keeping of traffic."""

    said: Said
    state: StoreState | None


class DriftView(NamedTuple):
    """One model of the operator's router whose figures are in doubt, or that is in none."""

    model: str
    since: str


class HealthView(NamedTuple):
    """Everything, and what was not seen."""

    overall: Said
    upstreams: tuple[UpstreamView, ...]
    arms: tuple[ArmView, ...]
    store: StoreView
    drift: tuple[DriftView, ...]
    drift_said: Said
    state: EngineState
    whose: str
    """Whose word this is, where there are several workers."""
    notes: tuple[str, ...]


def speed_of(arm: ArmState) -> float | None:
    """Tokens a second; None where too few replies, or replies in one piece, tell nothing of it."""
    if not arm.s_per_token or arm.n_attempts < ENOUGH_SEEN:
        return None
    speed = 1.0 / arm.s_per_token
    return speed if speed <= FASTEST_TOKENS_PER_S else None


def view_health(
    state: EngineState,
    store: StoreState | None,
    endpoints: Sequence[Endpoint],
    stale: Mapping[str, str] | None,
    n_workers: int,
    notes: Sequence[str] = (),
) -> HealthView:
    """`stale`: model -> since when and why, of the operator's router; None where there is no router of theirs."""
    known = {endpoint.name: endpoint for endpoint in endpoints}
    upstreams = tuple(
        UpstreamView(
            str(each.upstream),
            known.get(each.upstream),
            _upstream_said(each),
            each.running,
            each.waiting,
            each.limit,
        )
        for each in state.upstreams
    )
    arms = tuple(sorted(map(_arm, state.arms), key=lambda arm: (_ORDER[arm.said.level], arm.model, arm.upstream)))
    kept = StoreView(_store_said(store), store)
    drift = tuple(DriftView(model, since) for model, since in sorted((stale or {}).items()))
    drift_said = _drift_said(drift, has_router=stale is not None)
    return HealthView(
        overall=_overall(upstreams, arms, kept.said, drift_said),
        upstreams=tuple(sorted(upstreams, key=lambda each: (_ORDER[each.said.level], each.name))),
        arms=arms,
        store=kept,
        drift=drift,
        drift_said=drift_said,
        state=state,
        whose=_whose(n_workers),
        notes=tuple(notes),
    )


_ORDER: Final[Mapping[Level, int]] = {"bad": 0, "warn": 1, "good": 2, "none": 3}


def _upstream_said(each: UpstreamState) -> Said:
    if each.is_down:
        return Said("resting", "bad", "it failed several times in a row: nobody is sent there until it is tried again")
    if each.waiting:
        return Said("crowded", "warn", f"{each.waiting} requests wait for a place")
    if each.limit is not None and each.running >= CROWDED_SHARE * each.limit:
        return Said("busy", "warn", f"{each.running} of at most {each.limit:g} at once")
    return Said("up", "good")


def _arm(arm: ArmState) -> ArmView:
    said = Said("in use", "good")
    if arm.is_resting:
        said = Said("resting", "bad", "over its rate limit, or failing")
    elif arm.failure_share > FAILING_SHARE:
        said = Said("failing now and then", "warn", f"{arm.failure_share:.0%} of its recent attempts")
    return ArmView(
        str(arm.model),
        str(arm.upstream),
        said,
        arm.n_attempts,
        arm.failure_share,
        arm.ttft_s,
        arm.ttft_p95_s,
        speed_of(arm),
    )


def _store_said(state: StoreState | None) -> Said:
    if state is None:
        return Said("off", "none", "nothing is kept of the traffic: see 'store' in the configuration")
    if state.n_dropped:
        return Said("rows lost", "bad", f"{state.n_dropped:,} rows are kept by nobody: the queue or the spool was full")
    if state.fault is not None:
        return Said("spooling", "bad", state.fault)
    if state.spool_bytes:
        return Said("catching up", "warn", f"{state.spool_bytes:,} bytes wait in the spool")
    return Said("taking rows", "good")


def _drift_said(drift: Sequence[DriftView], *, has_router: bool) -> Said:
    if not has_router:
        return Said(
            "nothing to watch", "none", "no router file of yours is configured, so no measured model can drift from it"
        )
    if drift:
        return Said(
            f"{len(drift)} in doubt", "warn", "their figures are wider than they were: train the router again to mend"
        )
    # `fairlead watch` leaves a mark on an alarm only: that a check was quiet is nowhere written down.
    return Said("no alarm", "good", "no model is marked; whether anybody has run `fairlead watch` is not recorded")


def _overall(upstreams: Sequence[UpstreamView], arms: Sequence[ArmView], store: Said, drift: Said) -> Said:
    down = [each.name for each in upstreams if each.said.level == "bad"]
    if not upstreams:
        return Said("no upstream", "bad", "nothing can be served: run `fairlead doctor`")
    if len(down) == len(upstreams):
        return Said("nothing can serve", "bad", "every upstream rests")
    troubles = [f"{len(down)} of {len(upstreams)} upstreams rest"] if down else []
    n_crowded = sum(each.said.level == "warn" for each in upstreams)
    troubles += [f"{n_crowded} {'upstream is' if n_crowded == 1 else 'upstreams are'} crowded"] if n_crowded else []
    n_arms = sum(arm.said.level in ("bad", "warn") for arm in arms)
    troubles += (
        [f"{n_arms} {'model rests or fails' if n_arms == 1 else 'models rest or fail'} now and then"] if n_arms else []
    )
    troubles += [f"store: {store.word}"] if store.level in ("bad", "warn") else []
    troubles += [f"drift: {drift.word}"] if drift.level == "warn" else []
    if not troubles:
        return Said("all well", "good")
    is_bad = bool(down) or store.level == "bad"
    return Said("needs a look", "bad" if is_bad else "warn", "; ".join(troubles))


def _whose(n_workers: int) -> str:
    if n_workers <= 1:
        return "One process serves: this is its state."
    return (
        f"{n_workers} workers share the port, and one of them answered this page: what runs and waits, measured "
        "speeds, conversations and the store's counters are its own. What rests is known to all of them. Each has its "
        "part of an upstream's limit."
    )

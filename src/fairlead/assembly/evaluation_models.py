"""Models to be evaluated: names as people type them -> one model at one upstream each, with its price."""

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

from fairlead.assembly.services import Assembly
from fairlead.catalogue.cards import Prices
from fairlead.domain.errors import EvaluationError
from fairlead.evaluation.running.questions import Model
from fairlead.routing.asking import VIRTUAL
from fairlead.routing.pool import ArmSpec

CHAT: Final = "openai_chat"
"""The one format in which questions are asked."""

PriceTable = Mapping[str, tuple[float, float]]


def models_named(assembly: Assembly, names: Sequence[str], prices: PriceTable | None = None) -> tuple[Model, ...]:
    """The models of these names: `model`, or `model@upstream` where several upstreams have it.

    `prices` (USD per million tokens in and out) goes before the catalogue's.
    Raises: EvaluationError that names what is unknown, ambiguous or does not chat.
    """
    specs = [_spec(assembly, name) for name in names]
    models = [spec.arm.model for spec in specs]
    return tuple(
        _model(assembly, spec, name, prices or {}, is_alone=models.count(spec.arm.model) == 1)
        for spec, name in zip(specs, names, strict=True)
    )


def _spec(assembly: Assembly, name: str) -> ArmSpec:
    pool = assembly.pool
    # An upstream's name is behind the last @; a model's own name may hold one too.
    found = pool.names.get(name.lower(), ())
    model, at, upstream = name.rpartition("@")
    if not found and at:
        found = tuple(i for i in pool.names.get(model.lower(), ()) if pool.specs[i].arm.upstream == upstream)
    specs = [pool.specs[index] for index in found]
    if not specs:
        near = difflib.get_close_matches(name.lower()[:80], list(pool.names), n=3, cutoff=0.5)
        hint = f" Nearest: {', '.join(near)}." if near else ""
        raise EvaluationError(
            f"No upstream has a model called {name[:80]!r}.{hint} `fairlead doctor` lists what was found."
        )
    chats = [spec for spec in specs if spec.card.purpose == "chat"]
    if not chats:
        raise EvaluationError(f"{name!r} embeds and does not chat: there is nothing to score.")
    if len(chats) > 1:
        choices = ", ".join(f"{name}@{spec.arm.upstream}" for spec in chats)
        raise EvaluationError(f"{name!r} can be had at several upstreams, which may differ. Choose: {choices}.")
    return chats[0]


def _model(assembly: Assembly, spec: ArmSpec, asked: str, prices: PriceTable, *, is_alone: bool) -> Model:
    arm = spec.arm
    endpoint = next(endpoint for endpoint in assembly.endpoints if endpoint.name == arm.upstream)
    if CHAT not in endpoint.formats:
        raise EvaluationError(
            f"{asked!r} is at an upstream that speaks {endpoint.formats[0]}. To mend: evaluate it through the gateway "
            "(`fairlead serve`, and its address as an upstream), which translates."
        )
    given = next((prices[name] for name in (asked, arm.model, arm.sent_model) if name in prices), None)
    if given is None and str(arm.sent_model).partition(":")[0] == VIRTUAL:
        raise EvaluationError(
            f"{asked!r} is a router's name: what a call costs depends on whom it chooses. To mend: name the highest "
            "price that it may choose, by --prices."
        )
    # Simulated models share a maker on paper only; of a model that nobody knows the family is not known either.
    is_known = assembly.catalogue.resolve(arm.model) is not None and not arm.is_simulated
    return Model(
        name=arm.model if is_alone else f"{arm.model}@{arm.upstream}",
        upstream=arm.upstream,
        endpoint=hashlib.sha256(endpoint.base_url.encode()).hexdigest()[:16],
        sent=arm.sent_model,
        prices=spec.prices if given is None else Prices(given[0], None, None, given[1]),
        family=spec.card.lab if is_known else "",
    )

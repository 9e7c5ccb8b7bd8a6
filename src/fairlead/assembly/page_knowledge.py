"""Page knowledge: what an assembly knows, as its dashboard's pages read it."""

from collections.abc import Callable, Mapping
from functools import cache
from urllib.parse import urlsplit

from fairlead.assembly.services import Assembly, card_finder
from fairlead.assembly.shipped import prompt_model
from fairlead.catalogue.cards import ModelCard
from fairlead.catalogue.catalogue import Catalogue
from fairlead.dashboard.health_view import Endpoint
from fairlead.dashboard.knowledge import Knowledge
from fairlead.dashboard.past_decisions import PastReader
from fairlead.routing.learned_predictor import first_arms
from fairlead.routing.modelmap.ability import abilities_of
from fairlead.routing.modelmap.benchmark_scale import fit_benchmark_scale
from fairlead.routing.standing import AbilityView, known_abilities, stand_beside
from fairlead.routing.trained_router import TrainedRouter


def knowledge_of(assembly: Assembly) -> Knowledge:
    """Nothing of weight happens here: what takes time is done when a page first asks."""
    pool, settings, services = assembly.pool, assembly.settings, assembly.services
    cards = {str(spec.arm.model): spec.card for spec in pool.specs}
    return Knowledge(
        pool=pool,
        catalogue=assembly.catalogue,
        abilities=_abilities(cards, assembly.catalogue),
        presets=settings.presets,
        default_preset=settings.default_preset,
        past=PastReader(services.unix_s),
        endpoints=tuple(
            Endpoint(
                name=str(each.name),
                address=bare_address(each.base_url),
                is_local=each.is_local,
                is_simulated=each.is_simulated,
                n_models=len({spec.arm.model for spec in pool.specs if spec.arm.upstream == each.name}),
            )
            for each in assembly.endpoints
        ),
        trained=assembly.trained,
        arm_of=_arm_of(assembly.trained, assembly.catalogue, cards),
        store_state=assembly.traffic.state if assembly.traffic is not None else None,
        n_workers=services.n_workers,
        notes=tuple(services.notes),
    )


def bare_address(url: str) -> str:
    """A URL without what may be a secret: user, password, query, fragment."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if host else parts.path


def _abilities(cards: Mapping[str, ModelCard], catalogue: Catalogue) -> Callable[[], Mapping[str, AbilityView]]:
    @cache
    def found() -> Mapping[str, AbilityView]:
        model, benchmarks = prompt_model(), catalogue.benchmarks
        scale = fit_benchmark_scale(tuple(catalogue.cards.values()), benchmarks, model.reader.anchors)
        others = known_abilities(catalogue, scale, model.measured)
        return {
            name: stand_beside(card, abilities_of(card, benchmarks, scale, model.measured.get(card.model)), others)
            for name, card in cards.items()
            if card.purpose == "chat"
        }

    return found


def _arm_of(trained: TrainedRouter | None, catalogue: Catalogue, cards: Mapping[str, ModelCard]) -> dict[str, str]:
    """Model of the pool -> what the trained router calls it."""
    if trained is None:
        return {}
    places = first_arms(trained, card_finder(catalogue))
    return {model: trained.arms[place] for model, place in places.items() if model in cards}

"""What a small server knows: a pool with names of anybody's making, standings, presets, a router of its own."""

from dataclasses import replace

from fairlead.catalogue.catalogue import Catalogue, catalogue_of
from fairlead.dashboard.health_view import Endpoint
from fairlead.dashboard.knowledge import Knowledge
from fairlead.dashboard.past_decisions import PastReader
from fairlead.domain.store_state import StoreState
from fairlead.routing.pool import Pool, build_pool
from fairlead.routing.preferences import BUILT_IN_PRESETS
from fairlead.routing.trained_router import TrainedRouter
from tests.dashboard.small_pages import NOW_S
from tests.dashboard.test_models_view import view
from tests.routing.small_pool import Known, TablePredictor


def pool_of(*models: Known) -> Pool:
    return build_pool([known.spec() for known in models], TablePredictor({known.model: (0.5, 9.0) for known in models}))


PLAIN = (
    Known(model="lab/strong", upstream="one", price_in=5.0, price_out=20.0),
    Known(model="lab/cheap", upstream="two"),
)


def knowledge(
    *models: Known, trained: TrainedRouter | None = None, store_state: StoreState | None = None, n_workers: int = 1
) -> Knowledge:
    pool = pool_of(*(models or PLAIN))
    names = [str(spec.arm.model) for spec in pool.specs]
    cards = {spec.arm.model: spec.card for spec in pool.specs}
    catalogue: Catalogue = catalogue_of(cards.values(), {}, "v") if not models else catalogue_of((), {}, "v")
    return Knowledge(
        pool=pool,
        catalogue=catalogue,
        abilities=lambda: {name: view(0.4 + 0.1 * (place % 5)) for place, name in enumerate(names)},
        presets=BUILT_IN_PRESETS,
        default_preset=BUILT_IN_PRESETS["balanced"],
        past=PastReader(lambda: NOW_S),
        endpoints=tuple(
            Endpoint(str(spec.arm.upstream), f"https://{spec.arm.upstream}.example/v1") for spec in pool.specs
        ),
        trained=trained,
        arm_of={} if trained is None else dict(zip(names, trained.arms, strict=False)),
        store_state=None if store_state is None else lambda: store_state,
        n_workers=n_workers,
    )


def retitled(known: Knowledge, title: str) -> Knowledge:
    """The same with this title and lab on every card."""
    specs = [replace(spec, card=replace(spec.card, title=title, lab=title)) for spec in known.pool.specs]
    predictor = TablePredictor({spec.arm.model: (0.5, 9.0) for spec in specs})
    return replace(known, pool=build_pool(specs, predictor))

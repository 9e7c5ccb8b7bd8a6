"""Knowledge: what one configuration knows beside its traffic: models, preferences, endpoints, who was measured."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fairlead.catalogue.catalogue import Catalogue
from fairlead.dashboard.health_view import Endpoint
from fairlead.dashboard.past_decisions import PastReader
from fairlead.domain.model_names import Meant
from fairlead.domain.store_state import StoreState
from fairlead.routing.modelmap.entry import ModelMap
from fairlead.routing.pool import Pool
from fairlead.routing.preferences import Preset
from fairlead.routing.standing import AbilityView
from fairlead.routing.trained_router import TrainedRouter


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Frozen with its configuration; a new one brings a new Knowledge."""

    pool: Pool
    catalogue: Catalogue
    abilities: Callable[[], Mapping[str, AbilityView]]
    """Model of the pool -> its standing. Takes a moment when it is first asked."""
    presets: Mapping[str, Preset]
    default_preset: Preset
    past: PastReader
    endpoints: tuple[Endpoint, ...] = ()
    trained: TrainedRouter | None = None
    """The operator's own router."""
    arm_of: Mapping[str, str] = field(default_factory=dict)
    """Model of the pool -> what the trained router calls it."""
    store_state: Callable[[], StoreState] | None = None
    n_workers: int = 1
    notes: tuple[str, ...] = ()

    @property
    def model_map(self) -> ModelMap | None:
        """What the trained router learned of each arm; None without one."""
        return None if self.trained is None else self.trained.model_map

    @property
    def stale(self) -> dict[str, str] | None:
        """Arm -> since when and why it is in doubt, of every arm of the trained router; None without one."""
        if self.trained is None:
            return None
        return {arm: entry.stale for arm, entry in self.trained.model_map.entries.items() if entry.stale is not None}

    def meant_by(self, name: str) -> Meant | None:
        """What a name means to this server's router, else in the catalogue."""
        return self.pool.meant_by(name) or self.catalogue.meant_by(name)

"""Rehearsal: a configuration put together without asking anybody: what serving it would refuse or warn of."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Final

from fairlead.assembly.arms import Listing
from fairlead.assembly.experiments import shadow_arms
from fairlead.assembly.hosted_arms import foretold
from fairlead.assembly.in_force import catalogue_in_force
from fairlead.assembly.listings import must_be_asked
from fairlead.assembly.services import every_provider, predictor_of, router_of
from fairlead.assembly.shipped import shipped_catalogue
from fairlead.assembly.unmet_names import unmet_names
from fairlead.catalogue.catalogue import Catalogue
from fairlead.domain.errors import ConfigError, SetupError
from fairlead.domain.names import SentModel, UpstreamName
from fairlead.providers.endpoints import LOCAL, Endpoint, ServedModel
from fairlead.settings.settings import Settings

_ANY_SERVER: Final = Endpoint(UpstreamName("local"), LOCAL, "http://127.0.0.1/v1", is_local=True)
_UNLESS: Final = "a name above may be of a model that a server lists when it is asked: nobody was asked here"


def rehearse(settings: Settings, today: date) -> list[str]:
    """What serving this would warn of, beside the settings' own warnings.

    Raises: ConfigError with every fault of the facts of models, of the hosting and of the router's file.
    """
    faults: list[str] = []
    catalogue = shipped_catalogue()
    with _noted(faults):
        catalogue = catalogue_in_force(settings, today)
    for name, section in settings.hosting.items():
        with _noted(faults):
            foretold(name, section)
    with _noted(faults):
        predictor = predictor_of(catalogue, settings)
    if faults:
        raise ConfigError("\n".join(faults))
    router = router_of(settings, catalogue, _listings(settings, catalogue), predictor)
    problem = None if settings.shadow is None else shadow_arms(settings.shadow, router.pool)[1]
    warnings = [*([] if problem is None else [problem]), *unmet_names(settings, catalogue, router)]
    may_be_more = settings.discover or any(must_be_asked(endpoint) for endpoint in settings.endpoints)
    return [*warnings, _UNLESS] if warnings and may_be_more else warnings


@contextmanager
def _noted(faults: list[str]) -> Iterator[None]:
    try:
        yield
    except SetupError as error:
        faults.append(error.message)


def _listings(settings: Settings, catalogue: Catalogue) -> list[Listing]:
    """The configured endpoints and what discovery may find; one that is asked for its models may have any we know."""
    endpoints = list(settings.endpoints)
    if settings.discover:
        taken = {endpoint.name for endpoint in endpoints}
        endpoints += [endpoint for endpoint in (*every_provider(), _ANY_SERVER) if endpoint.name not in taken]
    anything = tuple(ServedModel(SentModel(model), model) for model in catalogue.cards)
    return [
        Listing(replace(endpoint, models=anything) if must_be_asked(endpoint) else endpoint, is_by_hand=True)
        for endpoint in endpoints
    ]

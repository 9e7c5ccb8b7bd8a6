"""The catalogue in force: the shipped one with the operator's facts laid over it."""

from collections.abc import Mapping
from datetime import date

from fairlead.assembly.shipped import catalogue_texts
from fairlead.catalogue.catalogue import Catalogue
from fairlead.catalogue.overrides import overridden
from fairlead.catalogue.parsing import parse_catalogue
from fairlead.domain.errors import CatalogueError, ConfigError
from fairlead.settings.settings import Settings


def catalogue_in_force(settings: Settings, today: date, more_texts: Mapping[str, str] | None = None) -> Catalogue:
    """The catalogue of a configuration; `more_texts` are further files of it, such as the demo's.

    Raises: ConfigError with the place of the first block that is wrong.
    """
    catalogue = parse_catalogue({**catalogue_texts(), **(more_texts or {})})
    try:
        return overridden(catalogue, settings.models, today)
    except CatalogueError as error:
        named = [name for name in settings.model_places if error.message.startswith(name)]
        if not named:
            raise ConfigError(f"models: {error.message}") from None
        name = max(named, key=len)
        raise ConfigError(settings.model_places[name] + error.message[len(name) :]) from None

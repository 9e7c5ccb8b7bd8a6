"""Listings: which models each endpoint has: as configured, as discovered, or as the server itself says when asked."""

import asyncio
from typing import Final

from fairlead.assembly.arms import Listing
from fairlead.domain.errors import FairleadError
from fairlead.providers.discovery import Found, Probe, with_models
from fairlead.providers.endpoints import Endpoint
from fairlead.providers.known_providers import known_providers
from fairlead.settings.settings import Settings

LISTING_S: Final = 2.0
"""How long a configured server may take to say which models it has."""


async def list_models(settings: Settings, found: Found | None, probe: Probe, warnings: list[str]) -> list[Listing]:
    """The configured endpoints, each with its models if it must be asked for them, then the discovered ones.

    A server that does not say is kept, without models, and named in `warnings`.
    """
    listings = list(await asyncio.gather(*(_listing(endpoint, probe, warnings) for endpoint in settings.endpoints)))
    taken = {endpoint.name for endpoint in settings.endpoints}
    discovered = found.endpoints if found is not None and settings.discover else ()
    return [*listings, *(Listing(each, is_by_hand=False) for each in discovered if each.name not in taken)]


def must_be_asked(endpoint: Endpoint) -> bool:
    """Whether neither the configuration nor the catalogue says which models it has."""
    return not endpoint.models and (endpoint.is_local or endpoint.provider not in known_providers())


async def _listing(endpoint: Endpoint, probe: Probe, warnings: list[str]) -> Listing:
    if not must_be_asked(endpoint):
        return Listing(endpoint, is_by_hand=bool(endpoint.models))
    try:
        return Listing(await with_models(endpoint, probe, limit_s=LISTING_S), is_by_hand=True)
    except (FairleadError, OSError) as error:  # TimeoutError is an OSError
        said = error.message if isinstance(error, FairleadError) else "no answer"
        warnings.append(f"upstream '{endpoint.name}' did not list its models ({said}): list them under 'models'")
        return Listing(endpoint, is_by_hand=True)

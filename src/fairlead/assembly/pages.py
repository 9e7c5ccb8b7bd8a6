"""Pages: the dashboard of an assembly, put together: who may look, and at what."""

import secrets
from collections.abc import Mapping
from dataclasses import replace

from fairlead.assembly.page_knowledge import knowledge_of
from fairlead.assembly.services import Assembly
from fairlead.assembly.traffic import open_store
from fairlead.dashboard.assets import own_assets
from fairlead.dashboard.dashboard import Dashboard
from fairlead.dashboard.desk import Desk
from fairlead.dashboard.doorway import Doorway, KeyHolder
from fairlead.dashboard.pace import Pace
from fairlead.dashboard.page_pool import PagePool
from fairlead.dashboard.pages.register import PAGES
from fairlead.dashboard.sessions import Sessions
from fairlead.dashboard.sources import Sources
from fairlead.store.store import Store


def paged(
    assembly: Assembly, env: Mapping[str, str], before: Assembly | None = None, secret: bytes | None = None
) -> Assembly:
    """This assembly with its dashboard, where one is wanted. To be called when its traffic is kept already.

    `secret` seals the sessions: the workers of one server share it.
    """
    settings, services = assembly.settings, assembly.services
    desk = before.desk if before is not None else None
    if not settings.has_dashboard:
        return replace(assembly, desk=desk)  # it may be wanted again, and is let go of at the end
    if desk is None:
        sessions = Sessions(secret or secrets.token_bytes(32), services.unix_s, secrets.token_bytes)
        desk = Desk(sessions, Pace(), PagePool(), own_assets(), _store(assembly, env))
    holders = [KeyHolder(key.sha256, key.name, key.tenant, frozenset(key.may)) for key in settings.keys]
    sources = Sources(
        store=desk.store,
        why_no_store="" if desk.store is not None else _why_none(assembly),
        config_version=settings.version,
        is_demo=assembly.is_demo,
        knowledge=knowledge_of(assembly),
    )
    doorway = Doorway(holders, desk.sessions, desk.pace)
    dashboard = Dashboard(PAGES, sources, doorway, desk.assets, desk.pool, services.unix_s)
    return replace(assembly, services=replace(services, pages=dashboard), desk=desk)


def _store(assembly: Assembly, env: Mapping[str, str]) -> Store | None:
    """The kept traffic, for reading; None where none is kept."""
    if assembly.traffic is None:
        return None
    section = assembly.settings.store
    if assembly.is_demo:
        section = section.model_copy(update={"url": None, "path": None})
    return open_store(section, env, is_demo=assembly.is_demo)


def _why_none(assembly: Assembly) -> str:
    if not assembly.settings.store.enabled:
        return "This server keeps no traffic: 'store.enabled' is false in its configuration."
    return "This server keeps no traffic: its store could not be opened; the lines at its start say why."

"""Pages: the dashboard of an assembly, put together: who may look, and at what."""

import secrets
from dataclasses import replace

from fairlead.assembly.page_knowledge import knowledge_of
from fairlead.assembly.services import Assembly
from fairlead.dashboard.assets import own_assets
from fairlead.dashboard.dashboard import Dashboard
from fairlead.dashboard.desk import Desk
from fairlead.dashboard.doorway import Doorway, KeyHolder
from fairlead.dashboard.pace import Pace
from fairlead.dashboard.page_pool import PagePool
from fairlead.dashboard.pages.register import PAGES
from fairlead.dashboard.sessions import Sessions
from fairlead.dashboard.sources import Sources


def paged(assembly: Assembly, before: Assembly | None = None, secret: bytes | None = None) -> Assembly:
    """This assembly with its dashboard, where one is wanted. To be called when its traffic is kept already.

    `secret` seals the sessions: the workers of one server share it.
    """
    settings, services = assembly.settings, assembly.services
    desk = before.desk if before is not None else None
    if not settings.has_dashboard:
        return replace(assembly, desk=desk)  # it may be wanted again, and is let go of at the end
    if desk is None:
        # Where the traffic really goes: a change of `store` takes effect at the next start.
        store = assembly.traffic.open_reader() if assembly.traffic is not None else None
        sessions = Sessions(secret or secrets.token_bytes(32), services.unix_s, secrets.token_bytes)
        desk = Desk(sessions, Pace(), PagePool(), own_assets(), store)
    holders = [KeyHolder(key.sha256, key.name, key.tenant, frozenset(key.may)) for key in settings.keys]
    sources = Sources(
        store=desk.store,
        why_no_store="" if desk.store is not None else _why_none(assembly),
        is_demo=assembly.is_demo,
        knowledge=knowledge_of(assembly),
    )
    doorway = Doorway(holders, desk.sessions, desk.pace)
    dashboard = Dashboard(PAGES, sources, doorway, desk.assets, desk.pool, services.unix_s)
    return replace(assembly, services=replace(services, pages=dashboard), desk=desk)


def _why_none(assembly: Assembly) -> str:
    if not assembly.settings.store.enabled:
        return "This server keeps no traffic: 'store.enabled' is false in its configuration."
    return "This server keeps no traffic: its store could not be opened; the lines at its start say why."

"""The `dashboard` section of a configuration: whether there are pages for people."""

from pydantic import Field

from fairlead.settings.sections import Section


class DashboardSection(Section):
    """Pages for people at /ui: what the router did, what it cost and what it saved."""

    enabled: bool | None = Field(
        default=None,
        description="Whether /ui is served. Unless set, on loopback only. With `keys` one logs in by one.",
    )

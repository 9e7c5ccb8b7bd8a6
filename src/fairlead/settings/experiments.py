"""Experiments: the sections of the configuration by which traffic tells of models that do not serve it."""

from typing import Annotated

from pydantic import Field

from fairlead.routing.explore import MAX_SHARE
from fairlead.settings.sections import Dollars, Seconds, Section


class ExploreSection(Section):
    """Now and then another model than the best one, with a logged chance, so that `fairlead replay` can tell of others.

    Never in a tool loop, a running conversation or where the client says who should serve; every wish and floor of the
    request holds for the drawn model too.
    """

    share: Annotated[float, Field(gt=0, le=MAX_SHARE, allow_inf_nan=False)] = Field(
        default=0.05, description="Share of the requests that may be explored."
    )
    max_cost_ratio: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] = Field(
        default=2.0, description="Most that a drawn model may be expected to cost, as a multiple of the best one."
    )
    max_extra_usd: Dollars = Field(
        default=0.01, description="Most USD that one request may be expected to cost more than with the best one."
    )
    max_usd_per_day: Dollars = Field(
        default=1.0, description="Most USD that all of them may be expected to cost more in one day (UTC)."
    )
    with_tools: bool = Field(
        default=False,
        description="Also where tools are offered: a tool loop that follows stays with the drawn model to its end.",
    )


class ShadowSection(Section):
    """A second model that is asked the same as a client who has been answered; only records hear of what it says.

    Every wish of the request holds for it. It is never called when a client would have to wait for its slot, and ends
    when the server drains.
    """

    model: str = Field(min_length=1, max_length=200, description="The model, by its name (lab/model).")
    share: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = Field(
        default=0.01, description="Share of the requests that were answered well."
    )
    max_usd_per_day: Dollars = Field(
        default=1.0, description="Most USD that it may cost in one day (UTC); a model of unknown price is never asked."
    )
    max_concurrency: int = Field(default=2, ge=1, le=1_000, description="Most of its calls at once, per worker.")
    max_queue: int = Field(default=20, ge=1, le=10_000, description="Most that wait, per worker; more are dropped.")
    deadline_s: Seconds = Field(default=120.0, description="Seconds that one of its calls may take.")

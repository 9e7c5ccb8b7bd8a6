"""Experiments: the sections of the configuration by which traffic tells of models that do not serve it."""

from typing import Annotated

from pydantic import Field

from fairlead.routing.explore import MAX_SHARE
from fairlead.settings.sections import Dollars, Section


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

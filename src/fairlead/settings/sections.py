"""Sections: what every part of the configuration file is made of: its base, and numbers within their bounds."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from fairlead.domain.wishes import MOST_WEIGHT

Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, le=MOST_WEIGHT, allow_inf_nan=False)]
Dollars = Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]
Names = tuple[Annotated[str, Field(min_length=1, max_length=200)], ...]


class Section(BaseModel):
    """A part of the file: frozen, and no key but the known ones."""

    # Inputs stay out of pydantic's own messages: a value may be a credential.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, protected_namespaces=())

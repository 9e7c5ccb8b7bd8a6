"""A preference as an option of a command states it."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from fairlead.routing.policies.objective import Objective


def preferred(text: str | None) -> "Objective":
    """The objective of `--prefer`; left out: quality alone. Raises: BadParameter for a text that is no preference."""
    from fairlead.domain.errors import RequestError
    from fairlead.routing.policies.preference_names import objective_of

    if text is not None and not text.strip():
        raise typer.BadParameter("--prefer is empty: name a preference, or leave it out")
    try:
        return objective_of(text)
    except RequestError as error:
        raise typer.BadParameter(f"--prefer: {error.message}") from None

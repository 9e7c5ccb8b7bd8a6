"""A model's name as one segment of a path, so that no name leads anywhere else."""

from urllib.parse import quote

from fairlead.domain.errors import InvalidOptionError


def path_segment(name: str) -> str:
    """The name with everything but letters, digits and `-._~` escaped.

    Raises: InvalidOptionError for a name of dots alone: servers take such a segment for a step up.
    """
    if not name.strip("."):
        raise InvalidOptionError(f"No model can be called {name!r} at this upstream.", param="model")
    return quote(name, safe="", errors="replace")

"""Running: what the engine may ask of a request that is being answered."""

from typing import Protocol


class Running(Protocol):
    """A request that is being answered."""

    def beat(self) -> None:
        """Time has passed: say something to a client that has long heard nothing."""
        ...

    def shut_down(self) -> None:
        """End now, with an error in the client's own format."""
        ...

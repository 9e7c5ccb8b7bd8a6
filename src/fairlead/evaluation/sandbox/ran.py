"""Limits of a confined program, and how it ended."""

from dataclasses import dataclass
from typing import Literal

Ending = Literal["ended", "time", "memory", "output"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may use. There is no limit for the network: it has none."""

    time_s: float = 10.0
    """Wall clock; processor time is held to the same."""
    memory_bytes: int = 512 << 20
    """Address space of each process, and resident memory of all together."""
    n_processes: int = 16
    disk_bytes: int = 16 << 20
    """Its scratch folder, and each file in it."""
    output_bytes: int = 1 << 20
    """What it may print; more ends it."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended. `fault` is set when the sandbox itself failed, so that nothing is known of the program."""

    ending: Ending
    status: int | None
    output: str
    errors: str
    fault: str | None = None

"""The native code that may have been compiled at installation: found, loaded, or why not.

FAIRLEAD_NO_NATIVE=1 leaves it alone, to compare or to find a fault.
"""

import ctypes
import os
import sys
from functools import cache
from importlib.resources import as_file, files
from typing import NamedTuple, Protocol

from fairlead.routing.arm_kernel import ArmLibrary
from fairlead.routing.predictors.forecast_kernel import ForecastLibrary
from fairlead.routing.predictors.prompt_kernel import ABI, ScoresLibrary
from fairlead.routing.predictors.router_tables import ABI as ROUTER_ABI
from fairlead.routing.router_kernel import RouterLibrary

_FILE = "routing_native.so"


class Library(ScoresLibrary, ForecastLibrary, ArmLibrary, RouterLibrary, Protocol):
    """Everything that is compiled."""


class Native(NamedTuple):
    """The library, or None and why."""

    library: Library | None
    reason: str


@cache
def native_code() -> Native:
    """What is there; looked for once."""
    if sys.maxsize < 1 << 32 or not getattr(sys, "_is_gil_enabled", lambda: True)():
        return Native(None, "not for this Python: it is written for 64 bits and the global lock")
    if os.environ.get("FAIRLEAD_NO_NATIVE") == "1":
        return Native(None, "FAIRLEAD_NO_NATIVE is set")
    place = files("fairlead.routing") / "native" / _FILE
    if not place.is_file():
        return Native(None, "not compiled: there was no C compiler when fairlead was installed")
    try:
        with as_file(place) as path:
            library = ctypes.PyDLL(str(path))
        found, meant = (library.prompt_scores_abi(), library.router_forecast_abi()), (ABI, ROUTER_ABI)
        if found != meant:
            return Native(None, f"compiled for another fairlead (layout {found}, not {meant}): install it again")
    except (OSError, AttributeError) as error:
        return Native(None, f"cannot be loaded ({error}): install fairlead again")
    return Native(library, "compiled")

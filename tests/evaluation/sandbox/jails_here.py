"""The jails that this machine can make, for tests; where none holds, tests skip and say why."""

import socket
import time

import pytest

from fairlead.evaluation.sandbox.choosing import choose_sandbox, usual_jails
from fairlead.evaluation.sandbox.running import Confined


def confined(name: str) -> Confined:
    """Programs in the jail of this name, after its trial."""
    kinds = [jail for jail in usual_jails() if jail.name == name]
    if not kinds:
        pytest.skip(f"{name} is not installed here")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        choice = choose_sandbox(time.perf_counter, listening.getsockname()[1], kinds)
    if choice.sandbox is None:
        pytest.skip(f"no jail by {name} on this machine: {choice.refusals[0]}")
    return choice.sandbox

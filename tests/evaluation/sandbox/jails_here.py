"""The jails that this machine can make, for tests: skipped where the kernel makes none, failed where ours breaks."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

import pytest

from fairlead.evaluation.sandbox.choosing import choose_sandbox, usual_jails
from fairlead.evaluation.sandbox.jails import Jail
from fairlead.evaluation.sandbox.running import Confined

NAMESPACES: Final = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
flags = 0x20000 | 0x4000000 | 0x8000000 | 0x20000000 | 0x40000000
made = libc.unshare(flags) == 0 or libc.unshare(flags | 0x10000000) == 0
mount = lambda source, where, kind, how: libc.mount(source, where, kind, ctypes.c_ulong(how), None) == 0
made = made and mount(b"none", b"/", None, 16384 | 1 << 18) and mount(b"tmpfs", b"/tmp", b"tmpfs", 2 | 4)
read_only = (ctypes.c_uint64 * 4)(1, 0, 0, 0)
sys.exit(0 if made and libc.syscall(442, -100, b"/tmp", 0x8000, ctypes.byref(read_only), 32) == 0 else 1)
"""
"""Namespaces, a mount in them, and mount_setattr(2) (Linux 5.12), with nothing of ours: what the kernel allows."""
BUBBLEWRAP: Final = ("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--ro-bind", "/", "/")


def kernel_allows(name: str) -> bool:
    """Whether the tools of this jail work here at all, by a trial of their own."""
    commands = {
        "namespaces": [sys.executable, "-I", "-S", "-c", NAMESPACES],
        "bubblewrap": [shutil.which("bwrap") or "bwrap", *BUBBLEWRAP, "--tmpfs", "/tmp", "true"],
    }
    return subprocess.run(commands[name], capture_output=True, check=False).returncode == 0


def confined(
    name: str, jails: Sequence[Jail] | None = None, is_allowed: Callable[[str], bool] = kernel_allows
) -> Confined:
    """Programs in the jail of this name, after its trial."""
    kinds = [jail for jail in (usual_jails() if jails is None else jails) if jail.name == name]
    if not kinds:
        pytest.skip(f"{name} is not installed here")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        choice = choose_sandbox(time.perf_counter, listening.getsockname()[1], kinds)
    if choice.sandbox is None:
        if is_allowed(name):
            pytest.fail(f"this machine can make {name}, and yet the jail is refused: {choice.refusals[0]}")
        pytest.skip(f"no jail by {name} on this machine: {choice.refusals[0]}")
    return choice.sandbox

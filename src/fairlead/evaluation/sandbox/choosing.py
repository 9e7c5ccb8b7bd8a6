"""Which sandbox can be had here: a jail is trusted only after a program inside it has tried, and failed, to get out."""

import json
import os
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from fairlead.evaluation.sandbox.jails import Jail, bubblewrap, own_namespaces
from fairlead.evaluation.sandbox.ran import Limits, Ran
from fairlead.evaluation.sandbox.running import Confined

TRIAL_LIMITS: Final = Limits(time_s=10.0, memory_bytes=256 << 20, n_processes=8, disk_bytes=1 << 20)

TRIAL: Final = """
import json, os, socket, sys
found = {}
def tried(name, act):
    try:
        act()
        found[name] = True
    except (OSError, MemoryError):
        found[name] = False
def connect():
    with socket.socket() as it:
        it.settimeout(1)
        it.connect(("127.0.0.1", int(sys.stdin.readline())))
def fill():
    with open("big", "wb") as file:
        for _ in range(8):
            file.write(bytes(1 << 20))
def fork():
    for _ in range(40):
        if os.fork() == 0:
            sys.stdin.read()
            os._exit(0)
tried("reaches the network", connect)
tried("fills the disk", fill)
tried("writes outside its folder", lambda: open("/outside", "w").close())
tried("writes into the system", lambda: open("/usr/outside", "w").close())
tried("sees the host's settings", lambda: open("/etc/hostname").close())
tried("sees other processes", lambda: os.listdir("/proc/1"))
tried("takes more memory", lambda: bytes(1 << 30))
tried("becomes root", lambda: os.setuid(0))
tried("forks without end", fork)
print(json.dumps(found))
sys.stdout.flush()
os._exit(0)
"""


class Choice(NamedTuple):
    """The sandbox to use; without one, `refusals` say why each kind cannot be had."""

    sandbox: Confined | None
    refusals: tuple[str, ...]


def choose_sandbox(clock: Callable[[], float], port: int, kinds: Sequence[Jail] | None = None) -> Choice:
    """The first kind of jail that holds. `port` is one on loopback that listens: a jail must not reach it."""
    tried = kinds if kinds is not None else usual_jails()
    refusals = [] if kinds is not None or len(tried) > 1 else ["bubblewrap: not installed"]
    for jail in tried:
        confined = Confined(jail, clock)
        what = refusal_of(confined(TRIAL, f"{port}\n", TRIAL_LIMITS))
        if what is None:
            return Choice(confined, tuple(refusals))
        refusals.append(f"{jail.name}: {what}")
    return Choice(None, tuple(refusals))


def usual_jails() -> list[Jail]:
    """Our own namespaces, which bound the number of files too; then bubblewrap, allowed where they may not be."""
    wrapped = bubblewrap(os.geteuid() == 0)
    return [own_namespaces(), *([wrapped] if wrapped is not None else [])]


def refusal_of(ran: Ran) -> str | None:
    """Why a jail is not to be trusted after this trial; None when it held."""
    if ran.fault is not None:
        return ran.fault
    if ran.ending != "ended" or ran.status != 0:
        return f"the trial ended by {ran.ending}, status {ran.status}: {ran.errors.strip()[-200:]}"
    try:
        found: dict[str, Any] = json.loads(ran.output)
    except ValueError:
        return "the trial's answer cannot be read"
    got = [name for name, could in found.items() if could is not False]
    return f"inside it a program {', '.join(got)}" if got else None

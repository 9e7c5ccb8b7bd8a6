"""Jails: the command that runs a program confined, by bubblewrap or by namespaces of our own.

What a jail sees: the interpreter and the system's libraries, read-only; a scratch folder of bounded size; /dev/null,
zero and urandom. No home, no /etc, no /proc, no network. The environment is empty.
"""

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Final, NamedTuple

from fairlead.evaluation.sandbox.ran import Limits

SYSTEM: Final = ("/usr", "/bin", "/lib", "/lib64", "/lib32", "/sbin")
"""Where libraries and tools lie; on most systems all but the first are links into it."""
JAIL_UIDS: Final = 30_000
"""When we are root, the program runs as one of so many users from this number on, each with its own process count."""
HELD_PROCESSES: Final = 3
"""Processes of a jail that are ours: its init, its launcher, bubblewrap's."""


class Jail(NamedTuple):
    """One way of confining."""

    name: str
    command: Callable[[Limits, int, int], list[str]]
    """Limits, bytes of the program, a number for this run -> the command."""


def interpreter() -> str:
    """The interpreter that programs get: the real one behind a virtual environment, so that no package comes along."""
    found = getattr(sys, "_base_executable", "") or sys.executable
    return str(Path(found).resolve())


def system_folders() -> tuple[list[str], list[tuple[str, str]]]:
    """Folders to bind, and links (from, to) to make."""
    binds, links = [], []
    for name in SYSTEM:
        path = Path(name)
        if path.is_symlink():
            links.append((name, str(path.readlink())))
        elif path.is_dir():
            binds.append(name)
    home = str(Path(sys.base_prefix).resolve())
    if not any(home == bind or home.startswith(f"{bind}/") for bind in binds):
        binds.append(home)
    return binds, links


def _spec(limits: Limits, n_program_bytes: int, number: int, *, makes_jail: bool) -> str:
    binds, links = system_folders()
    return json.dumps(
        {
            "makes_jail": makes_jail,
            "python": interpreter(),
            "binds": binds,
            "links": links,
            "uid": JAIL_UIDS + number % JAIL_UIDS,
            "time_s": limits.time_s,
            "memory_bytes": limits.memory_bytes,
            "n_processes": limits.n_processes + HELD_PROCESSES,
            "disk_bytes": limits.disk_bytes + n_program_bytes,
        }
    )


def _confine() -> list[str]:
    text = (resources.files("fairlead.evaluation.sandbox") / "confine.py").read_text(encoding="utf-8")
    return [interpreter(), "-I", "-S", "-c", text]


def own_namespaces() -> Jail:
    """Namespaces made by `confine.py` itself: needs no program but the interpreter."""

    def command(limits: Limits, n_program_bytes: int, number: int) -> list[str]:
        return [*_confine(), _spec(limits, n_program_bytes, number, makes_jail=True)]

    return Jail("namespaces", command)


def bubblewrap(is_root: bool, path: str | None = None) -> Jail | None:
    """bubblewrap, where it is installed."""
    found = path or shutil.which("bwrap")
    if found is None:
        return None
    program: str = found
    # Root keeps two capabilities until the launcher has become another user; everyone else gets a user namespace.
    rights = ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if is_root else ["--unshare-user"]

    def command(limits: Limits, n_program_bytes: int, number: int) -> list[str]:
        binds, links = system_folders()
        size = str(limits.disk_bytes + n_program_bytes)
        return [
            program, *rights, "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--die-with-parent",
            "--new-session", "--clearenv", *_parents(binds), *_each("--ro-bind", [(path, path) for path in binds]),
            *_each("--symlink", [(to, link) for link, to in links]), "--dir", "/dev",
            *_each("--dev-bind", [(path, path) for path in ("/dev/null", "/dev/zero", "/dev/urandom")]),
            "--perms", "0777", "--size", size, "--tmpfs", "/scratch", "--remount-ro", "/", "--chdir", "/scratch", "--",
            *_confine(), _spec(limits, n_program_bytes, number, makes_jail=False),
        ]  # fmt: skip

    return Jail("bubblewrap", command)


def _parents(binds: Sequence[str]) -> list[str]:
    """Folders above a bind that everyone may pass: bubblewrap's own are for their owner alone."""
    above = {str(parent) for bind in binds for parent in Path(bind).parents} - {"/"}
    return [word for path in sorted(above) for word in ("--perms", "0755", "--dir", path)]


def _each(option: str, pairs: Sequence[tuple[str, str]]) -> list[str]:
    return [word for pair in pairs for word in (option, *pair)]

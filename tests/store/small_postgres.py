"""A PostgreSQL cluster of the tests' own, in a folder that goes away with them: no port, a Unix socket alone.

Needs the server's programs (Debian: `apt-get install postgresql`, or `make test-postgres`). PostgreSQL does not run as
root: then the cluster belongs to the user `postgres`, which that package makes.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = Path("/usr/lib/postgresql")
STARTS_WITHIN_S = 60


def programs() -> Path | None:
    """Where initdb and pg_ctl are; None when they are not there."""
    found = sorted(PROGRAMS.glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb and shutil.which("pg_ctl") else None


def why_not() -> str | None:
    """Why no cluster can be started here; None when one can."""
    if programs() is None:
        return "PostgreSQL's programs are not installed (make test-postgres)"
    if os.getuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            return "PostgreSQL does not run as root, and there is no user 'postgres'"
        if shutil.which("runuser") is None:
            return "PostgreSQL does not run as root, and there is no 'runuser'"
    return None


@contextmanager
def cluster() -> Iterator[str]:
    """A running cluster; gives the URL of its database."""
    where = programs()
    assert where is not None
    with tempfile.TemporaryDirectory(prefix="fairlead-pg-", dir="/tmp") as name:
        folder = Path(name)
        before: list[str] = []
        if os.getuid() == 0:
            shutil.chown(folder, "postgres")
            before = ["runuser", "-u", "postgres", "--"]
        data = folder / "data"
        _run([*before, str(where / "initdb"), "-D", str(data), "-U", "fairlead", "-A", "trust", "-E", "UTF8"])
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        control = [*before, str(where / "pg_ctl"), "-D", str(data), "-w", "-t", str(STARTS_WITHIN_S)]
        _run([*control, "-l", str(folder / "log"), "-o", options, "start"])
        try:
            yield f"postgresql://fairlead@/postgres?host={folder}"
        finally:
            _run([*control, "-m", "immediate", "stop"])


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, cwd="/tmp", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    assert done.returncode == 0, done.stdout.decode()

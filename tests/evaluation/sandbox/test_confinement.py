"""The sandbox against programs that fork, fill, flood, connect, spy and stay: nothing escapes. Both real jails."""

import os
import socket
import time
from pathlib import Path

import pytest

from fairlead.evaluation.sandbox.choosing import Choice, choose_sandbox, refusal_of
from fairlead.evaluation.sandbox.jails import Jail, bubblewrap
from fairlead.evaluation.sandbox.ran import Limits, Ran
from fairlead.evaluation.sandbox.running import Confined
from tests.evaluation.sandbox.jails_here import confined

SHORT = Limits(time_s=0.3)


@pytest.fixture(scope="module", params=["bubblewrap", "namespaces"])
def jail(request: pytest.FixtureRequest) -> Confined:
    return confined(request.param)


def processes_with(mark: str) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "cmdline").read_bytes() and int(folder.name) != os.getpid():
                found.append(folder.name)
        except OSError:
            continue
    return found


def test_a_program_runs_reads_its_input_and_prints(jail: Confined) -> None:
    ran = jail("import sys; print(sys.stdin.read().upper())", "hello", Limits())
    assert (ran.ending, ran.status, ran.output, ran.fault) == ("ended", 0, "HELLO\n", None)


def test_an_exception_is_the_programs_own_failure(jail: Confined) -> None:
    ran = jail("raise ValueError('mine')", "", Limits())
    assert ran.status == 1 and "mine" in ran.errors and ran.fault is None


def test_a_program_without_end_is_ended(jail: Confined) -> None:
    assert jail("while True: pass", "", SHORT).ending == "time"


def test_a_sleeper_that_ignores_signals_is_ended(jail: Confined) -> None:
    text = "import signal, time\nfor n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\ntime.sleep(600)"
    assert jail(text, "", Limits(time_s=0.2)).ending == "time"


def test_a_fork_bomb_is_held_by_the_process_limit_and_leaves_nothing(jail: Confined) -> None:
    text = (
        "import os, time\nn = 0\nwhile True:\n    try:\n        pid = os.fork()\n    except OSError:\n"
        "        break\n    if pid == 0:\n        os.setsid()\n        time.sleep(600)\n    n += 1\nprint(n)\n"
    )
    ran = jail(text, "", Limits(n_processes=6))
    assert ran.status == 0
    assert 1 <= int(ran.output) <= 9


def test_processes_that_leave_their_session_die_with_the_jail(jail: Confined) -> None:
    mark = f"stays-{os.getpid()}-{jail.jail.name}"
    text = (
        "import os, sys\nif os.fork() == 0:\n    os.setsid()\n"
        f"    os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(600)', {mark!r}])\n"
        "print('gone')\n"
    )
    ran = jail(text, "", Limits())
    assert ran.output == "gone\n"
    assert processes_with(mark) == []


def test_a_full_disk_is_the_programs_own(jail: Confined) -> None:
    text = "f = open('x', 'wb')\nfor n in range(200):\n    f.write(bytes(1 << 20)); f.flush()\n"
    ran = jail(text, "", Limits(disk_bytes=4 << 20))
    assert ran.status != 0


def test_files_without_end_are_stopped_where_we_make_the_jail() -> None:
    jail = confined("namespaces")
    many = "for n in range(100000): open(f'{n}', 'w').close()"
    assert "No space" in jail(many, "", Limits()).errors


def test_memory_beyond_the_limit_is_refused(jail: Confined) -> None:
    ran = jail("x = bytearray(1 << 30); print(len(x))", "", Limits(memory_bytes=128 << 20))
    assert "MemoryError" in ran.errors and ran.output == ""


def test_memory_of_many_processes_together_is_watched(jail: Confined) -> None:
    text = (
        "import os, time\nfor n in range(6):\n    if os.fork() == 0:\n        break\n"
        "x = bytearray(90 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1\ntime.sleep(600)\n"
    )
    assert jail(text, "", Limits(memory_bytes=160 << 20)).ending == "memory"


def test_no_socket_reaches_anything(jail: Confined) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        text = (
            f"import socket\nfor host in ('127.0.0.1', '192.0.2.1', '169.254.169.254'):\n    try:\n"
            f"        socket.create_connection((host, {port}), 1); print('out')\n"
            "    except OSError: print('shut')\n"
        )
        assert jail(text, "", Limits()).output.split() == ["shut"] * 3


def test_the_hosts_files_are_not_there_and_the_system_is_read_only(jail: Confined, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("sk-secret")
    text = (
        "import os\n"
        f"for path in ({str(secret)!r}, '/etc/passwd', '/proc/self/environ', '/home', '/sys'):\n"
        "    print(os.path.exists(path))\n"
        "for path in ('/x', '/usr/x', '/dev/x', '/dev/shm/x'):\n"
        "    try: open(path, 'w'); print(True)\n    except OSError: print(False)\n"
        "print(dict(os.environ).get('PATH'))\n"
    )
    assert jail(text, "", Limits()).output.split() == ["False"] * 9 + ["None"]


def test_no_right_can_be_gained(jail: Confined) -> None:
    text = (
        "import ctypes, os\nlibc = ctypes.CDLL(None)\n"
        "print(libc.mount(b'none', b'/scratch', b'tmpfs', 0, None), libc.chroot(b'/usr'), os.getuid() == 0)\n"
    )
    assert jail(text, "", Limits()).output == "-1 -1 False\n"


def test_a_flood_of_output_is_cut(jail: Confined) -> None:
    ran = jail("while True: print('x' * 1000)", "", Limits(output_bytes=100_000))
    assert ran.ending == "output" and len(ran.output) <= 100_000


def test_a_program_cannot_say_that_the_sandbox_failed(jail: Confined) -> None:
    ran = jail("import sys; sys.stderr.write('\\0confine: no\\0'); sys.exit(125)", "", Limits())
    assert (ran.fault, ran.status) == (None, 125)


def test_a_jail_that_holds_nothing_is_not_taken() -> None:
    def bare(limits: Limits, n_program_bytes: int, number: int) -> list[str]:
        import sys

        reader = (
            "import sys; n = int(sys.stdin.buffer.readline()); program = sys.stdin.buffer.read(n); "
            "program = program.replace(b'range(40)', b'range(2)').replace(b'range(8)', b'range(1)'); "
            "sys.stderr.write(chr(0)); sys.stderr.flush(); exec(compile(program, 'p', 'exec'))"
        )
        return [sys.executable, "-c", reader]

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        choice = choose_sandbox(time.perf_counter, port, [Jail("bare", bare)])
    assert choice.sandbox is None
    assert "bare: inside it a program reaches the network" in choice.refusals[0]


def test_a_jail_that_does_not_start_is_named() -> None:
    broken = bubblewrap(False, "/nonexistent/bwrap")
    assert broken is not None
    choice = choose_sandbox(time.perf_counter, 1, [broken])
    assert choice == Choice(None, ("bubblewrap: the sandbox did not start: No such file or directory",))


def test_a_trial_that_says_nothing_is_no_trial() -> None:
    assert refusal_of(Ran("ended", 0, "", "")) == "the trial's answer cannot be read"
    assert refusal_of(Ran("time", -9, "", "")) == "the trial ended by time, status -9: "

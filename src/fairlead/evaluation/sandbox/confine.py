"""The inner half of the sandbox: a program of its own that confines itself, then becomes the program to be run.

Run as text by a bare interpreter (`python -I -S -c TEXT SPEC`), so it uses the standard library alone. Either
bubblewrap has already made the jail, or it makes one itself: namespaces for mounts, processes, network, IPC and host
name (and users, when it does not begin as root), a root of read-only binds, one scratch folder of bounded size, no
capability.
Standard input brings the program's length, a line end, the program, and then whatever the program is to read.
"""

import ctypes
import json
import os
import platform
import resource
import sys
from typing import Any

# From the kernel's headers (include/uapi/linux: sched.h, mount.h, prctl.h, capability.h); the same on every machine.
NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 2, 4, 4096, 16384, 1 << 18, 2
ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV, AT_FDCWD, AT_RECURSIVE = 1, 2, 4, -100, 0x8000
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
SIGKILL = 9
CAP_VERSION_3 = 0x20080522
SYS_MOUNT_SETATTR = 442
SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41}
JAIL = "/tmp"  # where the new root is built, over whatever stands there
SCRATCH = "/scratch"
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")

libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int, what: str) -> None:
    """Raises: OSError that says what failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """A mount, as the system call of this name makes it."""
    texts = [None if text is None else text.encode() for text in (source, target, kind, data)]
    checked(libc.mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3]), f"mount {target}")


def make_read_only(path: str, flags: int, attributes: int) -> None:
    """The call mount_setattr(2), which reaches the mounts below as well."""
    wanted = (ctypes.c_uint64 * 4)(attributes, 0, 0, 0)
    done = libc.syscall(SYS_MOUNT_SETATTR, AT_FDCWD, path.encode(), flags, ctypes.byref(wanted), 32)
    checked(done, f"mount_setattr {path}")


def unshared(is_root: bool) -> bool:
    """Leave the host's namespaces; whether a user namespace was needed for it."""
    flags = NEWNS | NEWPID | NEWNET | NEWIPC | NEWUTS
    if is_root and libc.unshare(flags) == 0:
        return False
    uid, gid = os.getuid(), os.getgid()
    checked(libc.unshare(flags | NEWUSER), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"65534 {uid} 1"), ("gid_map", f"65534 {gid} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)
    return True


def build_root(spec: dict[str, Any]) -> None:
    """A root of read-only binds and one scratch folder; the host's files are gone afterwards."""
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    sources = {path: os.open(path, os.O_PATH) for path in [*spec["binds"], *DEVICES]}
    mount("tmpfs", JAIL, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=0755")
    for path, source in sources.items():
        target = JAIL + path
        if path in DEVICES:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
        else:
            os.makedirs(target, exist_ok=True)
        mount(f"/proc/self/fd/{source}", target, None, MS_BIND | MS_REC)
        if path not in DEVICES:
            make_read_only(target, AT_RECURSIVE, ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV)
    for link, to in spec["links"]:
        os.symlink(to, JAIL + link)
    os.mkdir(JAIL + SCRATCH)
    size = f"size={spec['disk_bytes']},nr_inodes=1024,mode=0777"
    mount("tmpfs", JAIL + SCRATCH, "tmpfs", MS_NOSUID | MS_NODEV, size)
    os.chdir(JAIL)
    checked(libc.syscall(SYS_PIVOT_ROOT[platform.machine()], b".", b"."), "pivot_root")
    checked(libc.umount2(b".", MNT_DETACH), "umount")
    os.chdir("/")
    make_read_only("/", 0, ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV)


def drop_rights(uid: int | None) -> None:
    """No group, no capability, no way to gain one; another user where we are root."""
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    head = (ctypes.c_uint32 * 2)(CAP_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    checked(libc.capset(ctypes.byref(head), ctypes.byref(nothing)), "capset")
    checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


def set_limits(spec: dict[str, Any]) -> None:
    """Resource limits of every process to come."""
    seconds = int(spec["time_s"]) + 1
    limits = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_AS: spec["memory_bytes"],
        resource.RLIMIT_FSIZE: spec["disk_bytes"],
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_NPROC: spec["n_processes"],
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for which, limit in limits.items():
        resource.setrlimit(which, (limit, limit))


def read_program() -> bytes:
    """What standard input brings first, read without taking a byte too many."""
    head = b""
    while not head.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte or len(head) > 20:
            raise OSError(0, "no program came")
        head += byte
    left = int(head)
    pieces = []
    while left:
        piece = os.read(0, min(left, 1 << 16))
        if not piece:
            raise OSError(0, "the program was cut")
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def become(spec: dict[str, Any], program: bytes) -> None:
    """Write the program into the scratch folder and become it."""
    os.chdir(SCRATCH)
    with open("program.py", "wb") as file:
        file.write(program)
    set_limits(spec)
    # From here on it is the program that speaks; whoever watches counts its time from this byte.
    os.write(2, b"\0")
    home = {"HOME": SCRATCH, "TMPDIR": SCRATCH, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    os.execve(spec["python"], [spec["python"], "-I", "-S", "-B", f"{SCRATCH}/program.py"], home)


def exit_like(status: int) -> None:
    """End with the status of another process, as a shell would."""
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def in_own_jail(spec: dict[str, Any], program: bytes) -> None:
    """Make the jail; a first process of ours stays in it as its init, and when that ends the kernel ends all others."""
    is_root = os.geteuid() == 0
    has_user_namespace = unshared(is_root)
    init = os.fork()
    if init:
        for stream in (0, 1):
            os.close(stream)
        exit_like(os.waitpid(init, 0)[1])
    build_root(spec)
    os.closerange(3, 4096)
    drop_rights(spec["uid"] if is_root and not has_user_namespace else None)
    # After the change of user, which would clear both: die with the parent, and be no one's to trace.
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    child = os.fork()
    if child:
        for stream in (0, 1, 2):
            os.close(stream)
        while True:
            ended, status = os.wait()
            if ended == child:
                exit_like(status)
    become(spec, program)


def main() -> None:
    """Confine, and become the program; 125 and a line that begins with `confine:` when that cannot be done."""
    spec = json.loads(sys.argv[1])
    try:
        program = read_program()
        if spec["makes_jail"]:
            in_own_jail(spec, program)
        else:
            drop_rights(spec["uid"] if os.geteuid() == 0 else None)
            become(spec, program)
    except (OSError, ValueError, KeyError) as error:
        os.write(2, f"confine: {error}\n".encode())
    os._exit(125)


if __name__ == "__main__":
    main()

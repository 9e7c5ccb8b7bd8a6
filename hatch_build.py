"""CompileHook: at installation, the native code is compiled where there is a C compiler; without one, numpy serves."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import sys_tags

FOLDER = Path("src/fairlead/routing/native")
LIBRARY = FOLDER / "routing_native.so"
# -ffp-contract=off: the same bits on every machine (the law of reading.c).
FLAGS = ("-std=c11", "-O3", "-ffp-contract=off", "-fPIC", "-shared")


def compiler() -> str | None:
    """The system's C compiler."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def command(compiler: str, root: Path, target: Path) -> list[str]:
    """What compiles all sources of the folder under `root` into one library."""
    return [compiler, *FLAGS, "-o", str(target), *map(str, sorted((root / FOLDER).glob("*.c"))), "-lm"]


def compile_native(root: Path) -> Path | None:
    """The library beside its sources; None, with a line on standard error, where it cannot be made."""
    found, target = compiler(), root / LIBRARY
    if found is None or sys.platform == "win32":
        target.unlink(missing_ok=True)
        sys.stderr.write("fairlead: no C compiler here; decisions take two to five times as long (numpy)\n")
        return None
    # Under another name until it is whole: a server may be starting from this folder.
    half = target.with_suffix(".half")
    done = subprocess.run(command(found, root, half), capture_output=True, text=True)
    if done.returncode != 0:
        half.unlink(missing_ok=True)
        target.unlink(missing_ok=True)
        sys.stderr.write(f"fairlead: {found} could not compile the native code: {done.stderr.strip()[-500:]}\n")
        return None
    return half.replace(target)


class CompileHook(BuildHookInterface[Any]):
    """Hatchling calls it for wheels, the editable ones of a checkout included."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say that the wheel is for this platform alone when it holds what was compiled."""
        if self.target_name != "wheel" or compile_native(Path(self.root)) is None:
            return
        build_data["artifacts"].append(f"/{LIBRARY}")
        if version != "editable":
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{next(sys_tags()).platform}"

"""The native code compiled for a test, with the build's own flags."""

import ctypes
import importlib.util
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fairlead.evaluation.native_code import Library

ROOT = Path(__file__).parent.parent


def build_hook() -> Any:
    """The module hatch_build.py, which stands outside of every package."""
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def native_library(folder: Path, *flags: str) -> Library:
    """Compile into a folder and load; skips the test where there is no C compiler."""
    hook = build_hook()
    compiler = hook.compiler()
    if compiler is None:
        pytest.skip("no C compiler here")
    target = folder / "library.so"
    subprocess.run([*hook.command(compiler, ROOT, target), *flags], check=True)
    library: Library = ctypes.PyDLL(str(target))
    return library

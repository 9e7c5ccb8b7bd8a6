"""Fairlead, the neutral LLM model router."""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`fairlead.Router`, loaded when it is asked for: the package itself stays light, and knows no room."""
    if name == "Router":
        from importlib import import_module  # noqa: PLC0415 - nothing is loaded before somebody asks

        return import_module("fairlead.evaluation.router_file").Router
    raise AttributeError(f"module 'fairlead' has no attribute {name!r}")

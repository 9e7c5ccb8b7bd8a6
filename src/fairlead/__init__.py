"""Fairlead, the neutral LLM model router."""

__version__ = "0.1.0"

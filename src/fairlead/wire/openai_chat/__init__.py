"""OpenAI chat completions: the outline, the lane, the stream watch and the failures of this format.

Specification: https://github.com/openai/openai-openapi at f85dbe2 (2026-08-21), read 2026-11-23.
"""

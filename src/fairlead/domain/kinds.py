"""The kinds of task that abilities are told apart by, in one fixed order.

Few on purpose: each needs published figures of many models *and* must be readable off a prompt's text.
"""

from typing import Final

KINDS: Final = ("knowledge", "reasoning", "maths", "code", "agentic", "writing", "data")
"""Shape (n_kinds,): the order of every array that speaks of kinds.

knowledge: facts, science, professions. reasoning: puzzles, logic, common sense, new rules. maths: calculation and
proof. code: write, read and mend programs. agentic: tool calls and many-step work. writing: conversation, style,
language, instructions. data: extract, summarise or transform given material.
"""

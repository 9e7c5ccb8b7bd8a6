"""Benchmarks of programs: HumanEval and MBPP, whose tests are run in the sandbox."""

from collections.abc import Mapping
from typing import Any, Final

from fairlead.evaluation.suite_items import Item, ScorerSpec
from fairlead.evaluation.suites.fields import FieldError, text_of, texts_of

COMPLETE_FRAME: Final = (
    "Complete this Python function. Answer with the whole function, imports included, in one code block.\n\n"
    "```python\n{prompt}\n```"
)
WRITE_FRAME: Final = (
    "{task}\n\nWrite it in Python, in one code block. It must pass these tests:\n\n```python\n{tests}\n```"
)


def humaneval_item(row: Mapping[str, Any], ident: str, _default: ScorerSpec | None) -> Item:
    """`task_id`, `prompt`, `test`, `entry_point` (openai/human-eval). Raises: FieldError."""
    entry = text_of(row, "entry_point")
    if not entry.isidentifier():
        raise FieldError("entry_point is not a name of Python", "write the name of the function to test")
    tests = f"{text_of(row, 'test')}\n\ncheck({entry})\n"
    prompt = text_of(row, "prompt")
    options = {"tests": tests, "before": prompt, "entry_point": entry}
    return _item(ident, COMPLETE_FRAME.format(prompt=prompt.rstrip()), options)


def mbpp_item(row: Mapping[str, Any], ident: str, _default: ScorerSpec | None) -> Item:
    """`text` or `prompt`, `test_list`, perhaps `test_setup_code`, `test_imports` (MBPP). Raises: FieldError."""
    tests = texts_of(row, "test_list")
    setup = row.get("test_setup_code")
    imports = row.get("test_imports")
    head = [str(line) for line in imports] if isinstance(imports, list) else []
    head += [setup] if isinstance(setup, str) else []
    task = text_of(row, "text" if "text" in row else "prompt")
    options = {"tests": "\n".join([*head, *tests]) + "\n"}
    return _item(ident, WRITE_FRAME.format(task=task, tests="\n".join(tests)), options)


def _item(ident: str, prompt: str, options: Mapping[str, Any]) -> Item:
    return Item(ident, ({"role": "user", "content": prompt},), None, ScorerSpec("code", options))

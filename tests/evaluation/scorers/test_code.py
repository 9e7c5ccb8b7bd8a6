"""Code: programs in replies, against their tests, in the real sandbox; without one nothing is run."""

import pytest

from fairlead.evaluation.sandbox.ran import Limits, Ran
from fairlead.evaluation.sandbox.running import Confined
from fairlead.evaluation.scorers.code import code, program_of
from fairlead.evaluation.scorers.patterns import Matcher
from fairlead.evaluation.scorers.registry import Scorers
from fairlead.evaluation.scorers.score import RIGHT, WRONG, Given, Unscored
from fairlead.evaluation.suite_items import Item, ScorerSpec
from tests.evaluation.sandbox.jails_here import confined

TESTS = {"tests": "assert add(2, 3) == 5\nassert add(-1, 1) == 0\n", "entry_point": "add"}


@pytest.fixture(scope="module")
def jail() -> Confined:
    return confined("namespaces")


def replied(text: str) -> Given:
    return Given(f"Sure:\n```python\n{text}\n```\nDone.")


def test_a_right_program_passes_and_a_wrong_one_fails(jail: Confined) -> None:
    assert code(replied("def add(a, b):\n    return a + b"), None, TESTS, jail) == RIGHT
    assert code(replied("def add(a, b):\n    return a - b"), None, TESTS, jail) == WRONG
    assert code(Given("I cannot."), None, TESTS, jail) == WRONG


def test_leaving_before_the_tests_is_not_passing_them(jail: Confined) -> None:
    for exit_text in ("import sys; sys.exit(0)", "import os; os._exit(0)", "print('ok'); raise SystemExit"):
        assert code(replied(f"def add(a, b): return 0\n{exit_text}"), None, TESTS, jail) == WRONG


def test_a_program_without_end_fails_and_does_not_hang(jail: Confined) -> None:
    assert code(replied("while True: pass"), None, {**TESTS, "time_s": 0.5}, jail) == WRONG


def test_the_block_with_the_entry_point_is_taken_and_a_bare_body_completed() -> None:
    text = "```python\nprint(1)\n```\n```python\ndef add(a, b): return a + b\n```\n```\nadd(1, 2)\n```"
    assert program_of(text, "add").startswith("def add")
    assert program_of("    return a + b\n", "add", "def add(a, b):\n") == "def add(a, b):\n    return a + b\n"


def test_a_sandbox_that_fails_gives_no_score() -> None:
    def broken(program: str, given: str, limits: Limits) -> Ran:
        return Ran("ended", 125, "", "", "the sandbox could not be made: no room")

    assert code(replied("x"), None, TESTS, broken) == Unscored("code: the sandbox could not be made: no room")


def test_without_a_sandbox_code_is_left_unscored() -> None:
    item = Item("i", ({"role": "user", "content": "x"},), None, ScorerSpec("code", TESTS))
    verdict = Scorers(Matcher(), None).score(item, replied("def add(a, b): return a + b"))
    assert verdict == Unscored("code: no sandbox can be had on this machine")

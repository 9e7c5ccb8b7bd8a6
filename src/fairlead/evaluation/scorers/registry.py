"""Every scorer by name: which options it takes, what it refuses, and how it is called."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from fairlead.evaluation.row_faults import nearest, shown
from fairlead.evaluation.scorers.code import Sandbox, check_code, code
from fairlead.evaluation.scorers.json_schema import check_json_schema, json_schema
from fairlead.evaluation.scorers.patterns import Matcher, check_regex, regex
from fairlead.evaluation.scorers.score import Given, SpecError, Unscored, Verdict
from fairlead.evaluation.scorers.texts import (
    check_choice,
    check_exact,
    check_numeric,
    choice,
    exact,
    numeric,
)
from fairlead.evaluation.scorers.tool_calls import calls, check_calls
from fairlead.evaluation.suite_items import Item, ScorerSpec

Options = Mapping[str, Any]

JUDGE: Final = "judge"
CODE: Final = "code"


class Kind(NamedTuple):
    """What is known of a scorer without running it."""

    options: tuple[str, ...]
    check: Callable[[Any, Options], None]


def _check_judge(reference: Any, _options: Options) -> None:
    if reference is not None and not isinstance(reference, str):
        raise SpecError("reference is not a text", "leave `reference` out, or write a model answer as text")


SCORERS: Final[Mapping[str, Kind]] = {
    "exact": Kind(("ignore_case",), check_exact),
    "numeric": Kind(("tolerance",), check_numeric),
    "choice": Kind(("options",), check_choice),
    "regex": Kind(("pattern", "ignore_case", "full"), check_regex),
    "json_schema": Kind(("schema",), check_json_schema),
    "calls": Kind((), check_calls),
    CODE: Kind(("tests", "before", "entry_point", "time_s", "memory_mb"), check_code),
    JUDGE: Kind(("criteria",), _check_judge),
}


def check_spec(spec: ScorerSpec, reference: Any) -> SpecError | None:
    """What is wrong with a scorer's options or reference; None when nothing."""
    kind = SCORERS[spec.name]
    for name in spec.options:
        if name not in kind.options:
            near = nearest(name, kind.options)
            hint = f" (near: {', '.join(near)})" if near else ""
            known = ", ".join(kind.options) or "none"
            return SpecError(f"option {shown(name)} of {spec.name} is unknown{hint}", f"{spec.name} takes: {known}")
    try:
        kind.check(reference, spec.options)
    except SpecError as fault:
        return fault
    return None


class Scorers:
    """Scores replies; what a scorer needs of the outside world comes in here."""

    def __init__(self, matcher: Matcher, sandbox: Sandbox | None) -> None:
        """Without a sandbox code is left unscored: it is never run unconfined."""
        self._matcher = matcher
        self._sandbox = sandbox

    def score(self, item: Item, given: Given) -> Verdict:
        """What the item's scorer says of a reply; a judge's word comes later, from other calls."""
        name, options, reference = item.scorer.name, item.scorer.options, item.reference
        match name:
            case "exact":
                return exact(given, reference, options)
            case "numeric":
                return numeric(given, reference, options)
            case "choice":
                return choice(given, reference, options)
            case "regex":
                return regex(given, reference, options, self._matcher)
            case "json_schema":
                return json_schema(given, reference, options, self._matcher)
            case "calls":
                return calls(given, reference, options)
            case "code":
                if self._sandbox is None:
                    return Unscored("code: no sandbox can be had on this machine")
                return code(given, reference, options, self._sandbox)
            case _:
                return Unscored(f"{name}: scored by calls to a judge")

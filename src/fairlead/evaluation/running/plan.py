"""Plan: one run as it was asked for: suite, models, judges, parameters, samples, cap; and all its questions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from fairlead.evaluation.running.questions import Model, Parameters, Question, questions_of
from fairlead.evaluation.scorers.registry import CODE, JUDGE
from fairlead.evaluation.suite_items import Suite


@dataclass(frozen=True)
class Plan:
    """One run."""

    suite: Suite
    models: tuple[Model, ...]
    cap_nano: int
    judges: tuple[Model, ...] = ()
    parameters: Parameters = field(default_factory=Parameters)
    n_samples: int = 1
    occasion: str = ""
    """Of a check that is to ask anew what was asked before."""

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """Every call to a judged model. Raises: EvaluationError for a model without a known price."""
        return tuple(questions_of(self.suite, self.models, self.parameters, self.n_samples, self.occasion))

    @cached_property
    def keys(self) -> Mapping[str, str]:
        """Key of a call -> its model."""
        return {question.key: question.model.name for question in self.questions}

    @property
    def needs_judge(self) -> bool:
        """Whether some item is scored by a judge."""
        return any(item.scorer.name == JUDGE for item in self.suite.items)

    @property
    def needs_sandbox(self) -> bool:
        """Whether some item's reply is a program to be run."""
        return any(item.scorer.name == CODE for item in self.suite.items)

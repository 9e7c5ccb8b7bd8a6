"""LiveProbes: the items of a suite as the probes of profiling and watching, asked through the runner.

A probe is one of the suite's items by its text, whatever it is called elsewhere: a router knows its queries by a hash
of their text, and earlier outcomes may be of another file. An id alone counts only where no text is told.
"""

from collections.abc import Iterable, Sequence

from fairlead.domain.errors import EvaluationError
from fairlead.evaluation.live_answers import LiveAnswers
from fairlead.evaluation.suite_items import Suite
from fairlead.learning.seat import Probe, ProbeOutcome
from fairlead.learning.text_groups import folded


class LiveProbes:
    """One model that is asked probes; `answers` is of the same suite. `sample`: for the how-manieth time."""

    def __init__(self, suite: Suite, answers: LiveAnswers, sample: int = 0) -> None:
        self._suite = suite
        self._answers = answers
        self._sample = sample
        self._ids = {item.id for item in suite.items}
        self._by_text: dict[str, list[str]] = {}
        for item in suite.items:
            self._by_text.setdefault(_text_key(item.prompt), []).append(item.id)

    def once_more(self) -> "LiveProbes":
        """The same, asked for the next time."""
        return LiveProbes(self._suite, self._answers, self._sample + 1)

    @property
    def probes(self) -> list[Probe]:
        """Every item as a probe."""
        return [Probe(item.id, item.prompt, self._suite.name) for item in self._suite.items]

    def among(self, probes: Iterable[Probe]) -> set[tuple[str, str]]:
        """(dataset, query id) of the probes that the suite can ask; of several with one text the first."""
        found: dict[str, tuple[str, str]] = {}
        for probe in probes:
            ident = self._item_of(probe)
            if ident is not None:
                found.setdefault(ident, (probe.dataset, probe.query_id))
        return set(found.values())

    async def __call__(self, probes: Sequence[Probe]) -> Sequence[ProbeOutcome]:
        """What came back. Raises: EvaluationError for a probe that the suite does not hold."""
        idents = []
        for probe in probes:
            ident = self._item_of(probe)
            if ident is None:
                raise EvaluationError(f"{self._suite.name} holds no item with the text of {probe.query_id!r}.")
            idents.append(ident)
        return await self._answers.answers(idents, self._sample)

    def _item_of(self, probe: Probe) -> str | None:
        if not probe.text:
            return probe.query_id if probe.query_id in self._ids else None
        same = self._by_text.get(_text_key(probe.text), [])
        if probe.query_id in same:
            return probe.query_id
        return same[0] if same else None


def _text_key(text: str) -> str:
    """The text as a router's hash sees it; what is all punctuation stands for itself."""
    return folded(text) or text

"""Bouts: which answers a judge compares, as questions for the runner, and what its replies say of each pair.

Every pair is judged in both orders. Two to four models meet each other; more meet the first one only. A single model
meets the item's reference.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from fairlead.evaluation.judging.verdicts import MAX_TOKENS, Word, comparison_item, share_of_pair, word_of
from fairlead.evaluation.running.questions import Model, Question, question_of
from fairlead.evaluation.running.records import Reply
from fairlead.evaluation.scorers.registry import JUDGE
from fairlead.evaluation.suite_items import Item, content_hash

MOST_FOR_ALL_PAIRS: Final = 4
REFERENCE: Final = "reference"
"""How the item's own answer is called among the players."""
MEMBERS: Final = {"max_tokens": MAX_TOKENS, "temperature": 0.0}


@dataclass(frozen=True, slots=True)
class Bout:
    """One pair of answers before one judge, in one order: `first` is shown as A."""

    key: str
    judge: str
    item: str
    group: str
    sample: int
    first: str
    second: str
    is_swapped: bool
    """The second order of its pair."""
    texts: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Judged:
    """A bout with the judge's word."""

    bout: Bout
    word: Word


def pairs_of(models: Sequence[str]) -> list[tuple[str, str]]:
    """Who meets whom."""
    if len(models) == 1:
        return [(models[0], REFERENCE)]
    if len(models) <= MOST_FOR_ALL_PAIRS:
        return list(combinations(models, 2))
    return [(model, models[0]) for model in models[1:]]


def bouts_of(
    items: Mapping[str, Item], replies: Iterable[Reply], models: Sequence[str], judges: Sequence[Model]
) -> Iterator[tuple[Bout, Question]]:
    """Every bout that the replies allow, with the question to its judge.

    Raises: EvaluationError for a judge without a known price.
    """
    answers: dict[tuple[str, int], dict[str, str]] = {}
    for reply in replies:
        if reply.kind == "answer" and reply.item in items and items[reply.item].scorer.name == JUDGE:
            answers.setdefault((reply.item, reply.sample), {})[reply.model] = reply.given.answer
    for ident, item in items.items():
        for sample in sorted(sample for each, sample in answers if each == ident):
            said = answers[ident, sample]
            if isinstance(item.reference, str):
                said = {REFERENCE: item.reference, **said}
            for judge in judges:
                for one, other in pairs_of(models):
                    if one in said and other in said:
                        yield _bout(item, sample, judge, (one, other), said, is_swapped=False)
                        yield _bout(item, sample, judge, (other, one), said, is_swapped=True)


def _bout(
    item: Item, sample: int, judge: Model, pair: tuple[str, str], said: Mapping[str, str], *, is_swapped: bool
) -> tuple[Bout, Question]:
    first, second = said[pair[0]], said[pair[1]]
    # The mark inside the prompt differs with the order, so no two bouts share a key.
    asked = comparison_item(item, f"{item.id}/{sample}/{pair[0]}/{pair[1]}", first, second)
    key = content_hash([JUDGE, judge.sent, judge.endpoint, MEMBERS, asked.prompt_hash, item.id, sample, list(pair)])
    bout = Bout(key, judge.name, item.id, item.group or item.id, sample, *pair, is_swapped, (first, second))
    return bout, question_of(key, judge, asked, sample, MEMBERS, JUDGE)


def n_bouts(items: Iterable[Item], models: Sequence[str], n_judges: int, n_samples: int) -> int:
    """How many calls to judges a whole run needs."""
    n_items = sum(item.scorer.name == JUDGE and (len(models) > 1 or isinstance(item.reference, str)) for item in items)
    return n_items * len(pairs_of(models)) * 2 * n_judges * n_samples


def judged(bouts: Iterable[Bout], replies: Mapping[str, Reply]) -> list[Judged]:
    """The bouts that have been judged."""
    return [
        Judged(bout, word_of(replies[bout.key].given.answer, replies[bout.key].finish))
        for bout in bouts
        if bout.key in replies
    ]


@dataclass(frozen=True, slots=True)
class Pairing:
    """Both orders of one pair before one judge: `share` is the first model's, None where the judge abstained."""

    judge: str
    item: str
    group: str
    sample: int
    one: str
    other: str
    share: float | None
    is_consistent: bool | None
    """Both orders gave the same; None when the judge abstained in one."""


def pairings(found: Iterable[Judged]) -> list[Pairing]:
    """Both orders put together; a pair of which one order is missing is left out."""
    straight: dict[tuple[str, str, int, str, str], Judged] = {}
    swapped: dict[tuple[str, str, int, str, str], Judged] = {}
    for each in found:
        bout = each.bout
        if bout.is_swapped:
            swapped[bout.judge, bout.item, bout.sample, bout.second, bout.first] = each
        else:
            straight[bout.judge, bout.item, bout.sample, bout.first, bout.second] = each
    made = []
    for place, each in straight.items():
        back = swapped.get(place)
        if back is None:
            continue
        share = share_of_pair(each.word, back.word)
        turned = {"first": "second", "second": "first", "tie": "tie"}
        is_consistent = None if share is None else turned[each.word] == back.word
        made.append(Pairing(place[0], place[1], each.bout.group, place[2], place[3], place[4], share, is_consistent))
    return made


def scores_of(found: Sequence[Pairing]) -> dict[tuple[str, str, int], float | None]:
    """(model, item, sample) -> mean share of its pairs, over judges and opponents; None when every judge abstained."""
    shares: dict[tuple[str, str, int], list[float]] = {}
    for pair in found:
        for name, share in ((pair.one, pair.share), (pair.other, None if pair.share is None else 1 - pair.share)):
            if name != REFERENCE:
                known = shares.setdefault((name, pair.item, pair.sample), [])
                if share is not None:
                    known.append(share)
    return {place: sum(each) / len(each) if each else None for place, each in shares.items()}

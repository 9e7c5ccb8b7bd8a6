"""Model names: which models a name or a `*` pattern means, for every policy that names some, served or replayed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

_SIGNS: Final = "*?["
"""What makes a pattern of a name."""


class Meant(NamedTuple):
    """What a name means."""

    model: str
    upstream: str | None = None
    """None: wherever the model is."""


MeantBy = Callable[[str], Meant | None]
"""Who knows names, such as a pool or a catalogue; None for a name that it does not know."""


def is_pattern(wanted: str) -> bool:
    """Whether this is a pattern, of which nobody can say that it is misspelt."""
    return any(sign in wanted for sign in _SIGNS)


def names_of_arm(arm: str) -> list[str]:
    """What the model of an arm `model@effort` may be called: the whole, then what is left of each `@` from the last on.

    A model's own name may hold an `@` too (`claude@20240229`): whoever knows names takes the first that he knows.
    """
    names = [arm]
    while left := names[-1].rpartition("@")[0]:
        names.append(left)
    return names


def arms_by_name(arms: Sequence[str]) -> list[tuple[str, int]]:
    """Every name that an arm `model@effort` may be known by, with its place: whole names of all arms first.

    The first of a name counts: a model as such before its efforts, and of these the first.
    """
    named = [(n_cuts, place, name) for place, arm in enumerate(arms) for n_cuts, name in enumerate(names_of_arm(arm))]
    return [(name, place) for _, place, name in sorted(named)]


def places_meant(wanted: str, models: Iterable[str], names: Mapping[str, Sequence[int]]) -> Sequence[int]:
    """The places of the models that a name or pattern means, whatever its case; none for one that means nobody.

    `names`: lower-case name -> the places that answer to it. A pattern is of whole ids.
    """
    asked = wanted.lower()
    known = names.get(asked)
    if known is not None:
        return known
    if not is_pattern(asked):
        return ()
    return [place for place, model in enumerate(models) if fnmatchcase(model.lower(), asked)]


def names_of_arms(arms: Sequence[tuple[str, str]]) -> dict[str, list[int]]:
    """What arms (model, upstream) answer to where no more is known of them: lower-case name -> places.

    A model's id; its id without the lab behind an upstream's name, for that one arm; and its id without the lab, unless
    two models have the same.
    """
    ids: dict[str, list[int]] = {}
    ends: dict[str, list[int]] = {}
    bare: dict[str, list[int]] = {}
    for place, (model, upstream) in enumerate(arms):
        ident = model.lower()
        end = ident.rpartition("/")[2]
        ids.setdefault(ident, []).append(place)
        ends.setdefault(f"{upstream.lower()}/{end}", []).append(place)
        bare.setdefault(end, []).append(place)
    of_one = {end: places for end, places in bare.items() if len({arms[place][0].lower() for place in places}) == 1}
    return of_one | ends | ids

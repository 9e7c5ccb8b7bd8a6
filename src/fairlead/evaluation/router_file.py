"""Router files on disk, and `Router`: a trained router as a Python object for applications and researchers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import numpy as np

from fairlead.domain.errors import ArtifactError, InvalidOptionError, MalformedBodyError
from fairlead.domain.outline import Outline, outline_of_text
from fairlead.evaluation.native_code import native_code
from fairlead.evaluation.whole_files import appearing_whole
from fairlead.routing.features.joined_embedder import OuterEncoder
from fairlead.routing.policies.objective import Foretold, Objective
from fairlead.routing.policies.preference_names import objective_of
from fairlead.routing.router_bytes import MEND, dump_router
from fairlead.routing.router_bytes import load_router as router_of_bytes
from fairlead.routing.trained_router import TrainedRouter

MAX_FILE_BYTES: Final = 1 << 30
_objective_of = lru_cache(maxsize=256)(objective_of)
"""An application asks with the same few preferences again and again."""


class Candidate(NamedTuple):
    """What is foretold of one model for one request. None is "not known"; units as the names say."""

    model: str
    quality: float
    quality_low: float
    quality_high: float
    output_tokens: float | None
    cost_usd: float | None
    latency_s: float | None


@dataclass(frozen=True, slots=True)
class Routed:
    """A decision: the model, why, and every candidate, the best first."""

    model: str
    reason: str
    is_routed: bool
    """False when the verdict says not to route and one model is served to all."""
    candidates: tuple[Candidate, ...]


class Router:
    """A trained router.

        router = Router.load("router.fl")
        router.decide("What is 17 * 23?", "quality=0.7,cost=0.3").model

    Holds constant arrays only: any number of threads may ask it at once.
    """

    def __init__(self, trained: TrainedRouter) -> None:
        self.trained = trained

    @classmethod
    def load(cls, path: str | Path, encoder: str | None = None) -> Self:
        """Read a router file; `encoder`: the folder or URL of the encoder that it was trained with, if it was.

        Raises: ArtifactError that says what is wrong with the file and how to mend it.
        """
        return cls(load_router(Path(path), encoder))

    def save(self, path: str | Path) -> None:
        """Write a router file; it appears whole or not at all. Raises: ArtifactError."""
        save_router(self.trained, Path(path))

    @property
    def models(self) -> tuple[str, ...]:
        """The arms, each `model` or `model@effort`."""
        return self.trained.arms

    def decide(
        self, request: str | Mapping[str, Any] | Outline, preference: str | Objective | None = None,
        *, heeds_verdict: bool = True,
    ) -> Routed:  # fmt: skip
        """Choose a model for one request.

        `request`: a text, or an OpenAI chat completion body (its last user message decides), or an outline.
        `preference`: a preset's name, `quality=..,cost=..,speed=..`, `cost_weight=..`, or an objective; quality alone
        without one.
        Raises: UnknownOptionError, InvalidOptionError for a preference that is none, MalformedBodyError for a body that
        is none.
        """
        if preference is not None and not isinstance(preference, str | Objective):
            raise InvalidOptionError(
                f"a preference is a text or an objective, not a {type(preference).__name__}", param="preference"
            )
        objective = preference if isinstance(preference, Objective) else _objective_of(preference)
        trained = self.trained
        foretold = trained.foretell([_outline(request)])
        instead = trained.served_instead(foretold, objective) if heeds_verdict else None
        worth = trained.worth(foretold, objective)
        chosen = int((objective.best_of(worth, foretold) if instead is None else instead)[0])
        order = np.argsort(-worth[0], kind="stable").tolist()
        order.remove(chosen)
        candidates = _candidates(trained.arms, foretold)
        reason = "highest utility of what is foretold" if instead is None else trained.verdict.reason
        ranked = (candidates[chosen], *(candidates[arm] for arm in order))
        return Routed(trained.arms[chosen], reason, instead is None, ranked)

    def predict(self, texts: Sequence[str]) -> Foretold:
        """What is foretold of every model on every text; matrices (n_texts, n_models)."""
        return self.trained.foretell([outline_of_text(text) for text in texts])


def load_router(path: Path, encoder: str | None = None, *, reads_texts: bool = True) -> TrainedRouter:
    """The router of a file; `encoder`: where the encoder is that it was trained with. Raises: ArtifactError.

    `reads_texts` false: to look at or to mark, for which the encoder need not be there.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ArtifactError(f"{path}: a file of more than {MAX_FILE_BYTES >> 20} MiB is no router")
        data = path.read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"{path}: cannot be read ({error.strerror or error}): train one with `fairlead train`"
        ) from error
    try:
        read = router_of_bytes(data, None if encoder is None else _opened(encoder), reads_texts=reads_texts)
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {error.message}") from error
    library = native_code().library if reads_texts else None
    try:
        return read if library is None else replace(read, library=library)
    except ValueError as error:
        raise ArtifactError(f"{path}: the router does not fit together ({error}): {MEND}") from error


def _opened(place: str) -> OuterEncoder:
    from fairlead.evaluation.outer_encoders import open_encoder  # noqa: PLC0415 - few routers need an HTTP client

    return open_encoder(place)


def save_router(router: TrainedRouter, path: Path) -> None:
    """Write a router file; it appears whole or not at all. Raises: ArtifactError with the path."""
    data = dump_router(router)
    try:
        with appearing_whole(path) as file:
            file.write(data)
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be written ({error.strerror or error}): choose another place") from error


def _outline(request: str | Mapping[str, Any] | Outline) -> Outline:
    if isinstance(request, Outline):
        return request
    if isinstance(request, str):
        return outline_of_text(request)
    if isinstance(request, Mapping):
        return _outline_of_body(request)
    raise InvalidOptionError(
        f"a request is a text, a chat completion body or an outline, not a {type(request).__name__}", param="request"
    )


def _outline_of_body(body: Mapping[str, Any]) -> Outline:
    import msgspec  # noqa: PLC0415 - texts alone need no wire format

    from fairlead.wire.openai_chat.requests import read_request  # noqa: PLC0415 - as above

    try:
        data = msgspec.json.encode({**body, "model": "auto"})
    except (TypeError, ValueError, RecursionError) as error:
        raise MalformedBodyError(f"the body cannot be written as JSON ({error})", param="request") from error
    return read_request(data).outline


def _candidates(arms: Sequence[str], foretold: Foretold) -> list[Candidate]:
    """One for each arm, in the order of the arms."""
    quality, low, high = (matrix[0].tolist() for matrix in foretold[:3])
    return list(map(Candidate, arms, quality, low, high, *(_known(matrix[0].tolist()) for matrix in foretold[3:])))


def _known(values: list[float]) -> Sequence[float | None]:
    """The values, None for what is not known. Nearly always all are, or none: that shows in their sum."""
    return values if isfinite(sum(values)) else [value if isfinite(value) else None for value in values]

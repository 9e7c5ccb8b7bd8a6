"""The list of models as Anthropic's clients read it: GET /v1/models with an `anthropic-version`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from fairlead.domain.errors import InvalidOptionError

_ENCODER: Final = msgspec.json.Encoder()
_MAX_LIMIT: Final = 1_000
"""Models of a page, as the format bounds it."""
_LAST_S: Final = 253_402_300_799
"""The last second of the year 9999, where the format's dates end."""


class ListedModel(NamedTuple):
    """One entry. Units: created_s in Unix seconds; 0 where unknown, as the format says."""

    model_id: str
    display_name: str
    created_s: int = 0


def write_models(models: Sequence[ListedModel], *, has_more: bool = False) -> bytes:
    """These as one page."""
    page = {
        "data": [_entry(model) for model in models],
        "has_more": has_more,
        "first_id": models[0].model_id if models else None,
        "last_id": models[-1].model_id if models else None,
    }
    return _ENCODER.encode(page)


def write_page(models: Sequence[ListedModel], query: Mapping[str, str]) -> bytes:
    """The page that `limit` and `after_id` or `before_id` ask for; without a limit, all that is left.

    Raises: InvalidOptionError.
    """
    limit = _limit(query.get("limit"), len(models))
    ids = [model.model_id for model in models]
    if "before_id" in query:
        end = _place(ids, query, "before_id")
        begin = max(end - limit, 0)
        return write_models(models[begin:end], has_more=begin > 0)
    begin = _place(ids, query, "after_id") + 1 if "after_id" in query else 0
    return write_models(models[begin : begin + limit], has_more=begin + limit < len(models))


def _limit(text: str | None, n_models: int) -> int:
    if text is None:
        return n_models
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _MAX_LIMIT):
        raise InvalidOptionError(f"'limit' is a whole number from 1 to {_MAX_LIMIT:,}.", param="limit")
    return int(text)


def _place(ids: Sequence[str], query: Mapping[str, str], name: str) -> int:
    if query[name] not in ids:
        raise InvalidOptionError(f"'{name}' is the id of a model in this list.", param=name)
    return ids.index(query[name])


def write_model(model: ListedModel) -> bytes:
    """One of them, for GET /v1/models/{id}."""
    return _ENCODER.encode(_entry(model))


def _entry(model: ListedModel) -> dict[str, str]:
    created = datetime.fromtimestamp(min(max(model.created_s, 0), _LAST_S), UTC)
    return {
        "type": "model",
        "id": model.model_id,
        "display_name": model.display_name,
        "created_at": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lifecycle": "active",
    }

"""The list of models as Anthropic's clients read it: GET /v1/models with an `anthropic-version`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

_ENCODER: Final = msgspec.json.Encoder()
_LAST_S: Final = 253_402_300_799
"""The last second of the year 9999, where the format's dates end."""


class ListedModel(NamedTuple):
    """One entry. Units: created_s in Unix seconds; 0 where unknown, as the format says."""

    model_id: str
    display_name: str
    created_s: int = 0


def write_models(models: Sequence[ListedModel]) -> bytes:
    """All of them as one page."""
    page = {
        "data": [_entry(model) for model in models],
        "has_more": False,
        "first_id": models[0].model_id if models else None,
        "last_id": models[-1].model_id if models else None,
    }
    return _ENCODER.encode(page)


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

"""OpenAI embeddings: a request of which only the model's name is ours to change."""

from typing import Final

import msgspec

from fairlead.domain.errors import InvalidOptionError
from fairlead.domain.names import AskedModel
from fairlead.domain.wishes import Wishes
from fairlead.wire.lane import Members, take_apart
from fairlead.wire.routing_options import take_wishes

_MODEL: Final = msgspec.json.Decoder(str)


def read_embeddings_request(body: bytes) -> tuple[AskedModel, Members, Wishes]:
    """The asked model, the members to send on, and the wishes.

    Raises: MalformedBodyError, InvalidOptionError, UnknownOptionError.
    """
    members = take_apart(body)
    wishes = take_wishes(members)
    try:
        asked = _MODEL.decode(members.get("model", b'""'))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise InvalidOptionError("'model' must be a string.", param="model") from None
    if not asked:
        raise InvalidOptionError("'model' is missing: name an embedding model.", param="model")
    if "input" not in members:
        raise InvalidOptionError("'input' is missing: send text or tokens.", param="input")
    return AskedModel(asked), members, wishes

"""OpenAI embeddings: a request of which only the model's name is ours to change. A door with nothing but a lane."""

from typing import Final

import msgspec

from fairlead.domain.errors import FairleadError, InvalidOptionError
from fairlead.domain.names import AskedModel, SentModel
from fairlead.domain.outline import Outline
from fairlead.domain.reply import Reply
from fairlead.domain.request import ChatRequest
from fairlead.domain.wishes import Wishes
from fairlead.wire.failures import write_failure
from fairlead.wire.format import Door, ReadReply, ReplyStream, ReplyWriter
from fairlead.wire.lane import Members, put_together, raw, take_apart
from fairlead.wire.openai_chat.replies import read_embeddings
from fairlead.wire.routing_options import take_wishes

_MODEL: Final = msgspec.json.Decoder(str)
_NO_OUTLINE: Final = Outline()


class EmbeddingsRequest:
    """One request for embeddings."""

    __slots__ = ("asked", "created_s", "members", "reply_id", "wishes")

    outline = _NO_OUTLINE
    is_streaming = False
    session = None

    def __init__(self, asked: AskedModel, members: Members, wishes: Wishes) -> None:
        self.asked = asked
        self.members = members
        self.wishes = wishes
        self.reply_id = ""
        self.created_s = 0

    def body_for(self, sent: SentModel) -> bytes:
        """See AskedRequest."""
        self.members["model"] = raw(sent)
        return put_together(self.members)

    def lane_reply(self, body: bytes, sent: str) -> ReadReply:
        """See AskedRequest."""
        return read_embeddings(body, sent)

    def chat(self) -> ChatRequest:
        """Embeddings have no words in the hub. Raises: InvalidOptionError."""
        raise InvalidOptionError("This model's upstream takes no embeddings in OpenAI's format.", param="model")

    def lane_stream(self) -> ReplyStream:
        """Embeddings are never streamed. Raises: FairleadError."""
        raise FairleadError("Embeddings are not streamed.")

    def write_reply(self, reply: Reply) -> bytes:
        """Never asked for: see `chat`. Raises: FairleadError."""
        raise FairleadError("Embeddings are not translated.")

    def writer(self) -> ReplyWriter:
        """Never asked for: see `chat`. Raises: FairleadError."""
        raise FairleadError("Embeddings are not translated.")


def read_embeddings_request(body: bytes) -> EmbeddingsRequest:
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
    return EmbeddingsRequest(AskedModel(asked), members, wishes)


DOOR: Final = Door("openai_chat", "/embeddings", read_embeddings_request, write_failure)

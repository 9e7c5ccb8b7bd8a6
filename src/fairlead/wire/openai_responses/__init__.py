"""OpenAI Responses: the door that Codex and the newer SDKs speak to, and the way to upstreams that speak it.

Specification: https://github.com/openai/openai-openapi (2.3.0) and the types of the openai package
(3.54.0), read 2026-11-30.
"""

from typing import Final

from fairlead.domain.names import SentModel
from fairlead.wire.failures import write_failure
from fairlead.wire.format import Back, Door
from fairlead.wire.openai_responses.replies import read_reply
from fairlead.wire.openai_responses.request_writing import write_request
from fairlead.wire.openai_responses.requests import read_request
from fairlead.wire.openai_responses.stream_reading import ResponseReader

_PATH: Final = "/responses"


def _path(_sent: SentModel, _is_streaming: bool) -> str:
    return _PATH


DOOR: Final = Door(
    name="openai_responses",
    lane_path=_PATH,
    read_request=read_request,
    write_failure=write_failure,
    passed_headers=frozenset((b"openai-beta",)),
)

BACK: Final = Back(
    name="openai_responses",
    path=_path,
    write_request=write_request,
    read_reply=read_reply,
    reader=ResponseReader,
)

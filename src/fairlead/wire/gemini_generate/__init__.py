"""Gemini's generateContent: a back that upstreams are spoken to in.

Specification: https://ai.google.dev/api/generate-content and the types of google-genai 3.6.1, read 2026-11-30; thought
signatures: https://ai.google.dev/gemini-api/docs/thought-signatures. Not tried with a live upstream.
"""

from typing import Final

from fairlead.domain.names import SentModel
from fairlead.wire.format import Back
from fairlead.wire.gemini_generate.failures import read_gemini_failure
from fairlead.wire.gemini_generate.replies import read_reply
from fairlead.wire.gemini_generate.request_writing import write_request
from fairlead.wire.gemini_generate.stream_reading import StreamReader
from fairlead.wire.path_segment import path_segment


def path(sent: SentModel, is_streaming: bool) -> str:
    """Where a model is asked, below `…/v1beta`; lists write names with `models/` in front, which is no part of them."""
    kind = ":streamGenerateContent?alt=sse" if is_streaming else ":generateContent"
    collection, slash, name = sent.partition("/")
    if slash and collection in ("models", "tunedModels"):
        return f"/{collection}/{path_segment(name)}{kind}"
    return f"/models/{path_segment(sent)}{kind}"


BACK: Final = Back("gemini_generate", path, write_request, read_reply, StreamReader, read_gemini_failure)

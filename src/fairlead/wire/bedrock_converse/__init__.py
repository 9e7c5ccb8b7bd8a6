"""Bedrock's Converse: a back that upstreams are spoken to in; its streams are binary.

Specification: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, its service model in
botocore 1.44.8, and the event stream encoding of https://smithy.io/2.0/aws/amazon-eventstream.html, read 2026-11-30.
Not tried with a live upstream.
"""

from typing import Final

from fairlead.domain.names import SentModel
from fairlead.wire.bedrock_converse.failures import read_bedrock_failure
from fairlead.wire.bedrock_converse.replies import read_reply
from fairlead.wire.bedrock_converse.request_writing import write_request
from fairlead.wire.bedrock_converse.stream_reading import StreamReader
from fairlead.wire.format import Back
from fairlead.wire.path_segment import path_segment


def path(sent: SentModel, is_streaming: bool) -> str:
    """Where a model is asked, below the region's address; the model's id may be an ARN with colons and slashes."""
    return f"/model/{path_segment(sent)}/{'converse-stream' if is_streaming else 'converse'}"


BACK: Final = Back("bedrock_converse", path, write_request, read_reply, StreamReader, read_bedrock_failure)

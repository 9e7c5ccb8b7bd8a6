"""Requests written for Converse, and the models that they are written for."""

import json
from typing import Any

from fairlead.domain.content import Text, Turn
from fairlead.domain.names import SentModel
from fairlead.domain.request import ChatRequest
from fairlead.wire.bedrock_converse import BACK

CLAUDE = SentModel("eu.anthropic.claude-sonnet-4-5-20250929-v1:0")
EITHER = SentModel("global.anthropic.claude-opus-4-6-v1")
NEWER = SentModel("anthropic.claude-opus-4-7")
RESTING = SentModel("us.anthropic.claude-opus-5")
MYTHOS = SentModel("anthropic.claude-mythos-preview")
OLD = SentModel("anthropic.claude-3-haiku-20240307-v1:0")
PROFILE = SentModel("arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-4-7")
CLAUDES = (CLAUDE, EITHER, NEWER, RESTING, MYTHOS, OLD, PROFILE)
LLAMA = SentModel("meta.llama3-3-70b-instruct-v1:0")
HI = Turn("user", (Text("hi"),))


def written(*turns: Turn, sent: SentModel = LLAMA, **more: Any) -> tuple[Any, list[str]]:
    carried = BACK.write_request(ChatRequest(turns or (HI,), **more), sent)
    return json.loads(carried.body), [loss.what for loss in carried.losses]

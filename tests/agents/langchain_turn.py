"""One conversation by LangChain: python langchain_turn.py DOOR URL KEY MODEL SCENE; what came of it, as JSON.

A program of its own: LangChain keeps its connections for as long as its process lives.
"""

import importlib
import json
import sys
from typing import Any, Final

NAMES: Final = ("get_weather", "get_time")
PARAMETERS: Final = {"type": "object", "properties": {"city": {"type": "string"}, "zone": {"type": "string"}}}
TOOLS: Final = [
    {"type": "function", "function": {"name": name, "description": "A tool.", "parameters": PARAMETERS}}
    for name in NAMES
]
ANSWER: Final = {
    "title": "Answer",
    "description": "An answer.",
    "type": "object",
    "properties": {"answer": {"type": "integer"}, "why": {"type": "string"}},
    "required": ["answer", "why"],
    "additionalProperties": False,
}


def model_of(door: str, url: str, key: str, model: str, *, thinks: bool) -> Any:
    """The chat model of one door."""
    if door == "messages":
        more = {"thinking": {"type": "enabled", "budget_tokens": 1024}} if thinks else {}
        made = importlib.import_module("langchain_anthropic").ChatAnthropic
        return made(model=model, base_url=url, api_key=key, max_retries=0, max_tokens=2048, **more)
    made = importlib.import_module("langchain_openai").ChatOpenAI
    return made(
        model=model,
        base_url=f"{url}/v1",
        api_key=key,
        max_retries=0,
        stream_usage=True,
        use_responses_api=door == "responses",
    )


def said_by(model: Any, messages: list[Any], *, is_streaming: bool) -> Any:
    """Its answer, whole or of its pieces."""
    if not is_streaming:
        return model.invoke(messages)
    whole: Any = None
    for piece in model.stream(messages):
        whole = piece if whole is None else whole + piece
    return whole


def conversation(model: Any, scene: str, *, is_streaming: bool) -> dict[str, Any]:
    """Turns until no tool is called any more; or the error's class."""
    messages: list[Any] = [("user", f"Hello. scene:{scene}:ok:0;")]
    result_of = importlib.import_module("langchain_core.messages").ToolMessage
    calls: list[Any] = []
    try:
        if scene == "structured":
            return {"value": model.with_structured_output(ANSWER, method="json_schema").invoke(messages)}
        while True:
            reply = said_by(model.bind_tools(TOOLS), messages, is_streaming=is_streaming)
            if not reply.tool_calls:
                return {"text": reply.text, "calls": calls, "input": reply.usage_metadata["input_tokens"]}
            messages.append(reply)
            for call in reply.tool_calls:
                calls.append([call["name"], call["args"]])
                messages.append(result_of(f"result of {call['name']}", tool_call_id=call["id"]))
    except Exception as error:  # noqa: BLE001 - told to the test
        return {"error": [each.__name__ for each in type(error).__mro__], "message": str(error)}


def main(door: str, url: str, key: str, model: str, scene: str, thinks: str) -> None:
    """Both ways, one after the other."""
    made = model_of(door, url, key, model, thinks=thinks == "thinks")
    told = {how: conversation(made, scene, is_streaming=how == "streamed") for how in ("whole", "streamed")}
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])

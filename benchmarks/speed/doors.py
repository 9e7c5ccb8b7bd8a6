"""What each door costs: the untouched lane at every door, and translation both ways, beside a bare pass-through.

    python -m benchmarks.speed.doors [--rounds 3] [--seconds 2] [--chunks 100] [--only chat,messages] [--json FILE]

One gateway a format of upstream, all on one core; load and mocks (peer.c) on another. Every request asks for `auto`
between two models. CPU is the gateway's own time divided by the replies; the goals are ratios and hold on a busy
machine too: a translated stream costs at most 2.5 times the lane of its door, and a translated request leaves room for
2,800 a second on one core.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.speed import peers, processes
from benchmarks.speed.bodies import chat_bodies, write_records
from benchmarks.speed.gateway import CONFIG, NO_STORE, ROOT, Arm, fairlead_command, machine
from fairlead.domain.content import FormatName

FORMATS: Final[dict[str, FormatName]] = {
    "chat": "openai_chat",
    "responses": "openai_responses",
    "messages": "anthropic_messages",
}
PATHS: Final = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
WAYS: Final = (
    *((name, name) for name in FORMATS),
    ("messages", "chat"),
    ("chat", "messages"),
    ("responses", "chat"),
    ("chat", "responses"),
)
LEAST_RPS: Final = 2_800
MOST_TIMES_LANE: Final = 2.5
BARE: Final = "bare"
_WORDS: Final = "The upstream of this benchmark answers every request with the same paragraph. " * 3


class Case(NamedTuple):
    """A way from a door to an upstream's format, or the bare pass-through of a format."""

    door: str
    back: str
    is_stream: bool

    def __str__(self) -> str:
        return f"{self.door} -> {self.back}, {'stream' if self.is_stream else 'JSON'}"


def replies(name: str, n_chunks: int) -> list[bytes]:
    """What an upstream of this format says: the JSON reply, then the events of its stream."""
    usage = {"input_tokens": 210, "output_tokens": n_chunks}
    deltas = [f"token{at:02d} " for at in range(n_chunks)]
    if name == "chat":
        return _chat_replies(deltas)
    if name == "messages":
        message: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "model": "mock-model"}
        whole = message | {"content": [{"type": "text", "text": _WORDS}], "stop_reason": "end_turn", "usage": usage}
        start = message | {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 1}}
        events: list[dict[str, Any]] = [
            {"type": "message_start", "message": start},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            *(
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
                for text in deltas
            ),
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": usage},
            {"type": "message_stop"},
        ]
        return [json.dumps(whole).encode(), *map(_named, events)]
    return _responses_replies(deltas, usage | {"total_tokens": 210 + n_chunks})


def _chat_replies(deltas: list[str]) -> list[bytes]:
    head = {"id": "c1", "created": 1_700_000_000, "model": "mock-model"}
    usage = {"prompt_tokens": 210, "completion_tokens": len(deltas), "total_tokens": 210 + len(deltas)}
    message = {"role": "assistant", "content": _WORDS}
    choices: list[dict[str, Any]] = [{"index": 0, "message": message, "finish_reason": "stop"}]
    whole = head | {"object": "chat.completion", "choices": choices, "usage": usage}

    def chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return _data(json.dumps(head | {"object": "chat.completion.chunk", "choices": [choice]}).encode())

    last = _data(json.dumps(head | {"object": "chat.completion.chunk", "choices": [], "usage": usage}).encode())
    said = [chunk({"content": text}) for text in deltas]
    return [json.dumps(whole).encode(), *said, chunk({}, "stop"), last, _data(b"[DONE]")]


def _responses_replies(deltas: list[str], usage: dict[str, Any]) -> list[bytes]:
    text = "".join(deltas)
    at = {"output_index": 0, "item_id": "msg_1"}

    def item(words: str, status: str) -> dict[str, Any]:
        part = {"type": "output_text", "text": words, "annotations": [], "logprobs": []}
        content = [part] if status == "completed" else []
        return {"id": "msg_1", "type": "message", "role": "assistant", "status": status, "content": content}

    def response(status: str, words: str = "") -> dict[str, Any]:
        output = [item(words, status)] if status == "completed" else []
        base = {"id": "resp_1", "object": "response", "created_at": 1_700_000_000, "model": "mock-model"}
        return base | {"status": status, "output": output, "usage": usage if output else None, "error": None}

    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": response("in_progress")},
        {"type": "response.in_progress", "response": response("in_progress")},
        {"type": "response.output_item.added", "output_index": 0, "item": item("", "in_progress")},
        {"type": "response.content_part.added", **at, "content_index": 0,
         "part": {"type": "output_text", "text": "", "annotations": []}},
        *({"type": "response.output_text.delta", **at, "content_index": 0, "delta": each} for each in deltas),
        {"type": "response.output_text.done", **at, "content_index": 0, "text": text},
        {"type": "response.content_part.done", **at, "content_index": 0, "part": item(text, "completed")["content"][0]},
        {"type": "response.output_item.done", "output_index": 0, "item": item(text, "completed")},
        {"type": "response.completed", "response": response("completed", text)},
    ]  # fmt: skip
    numbered = [_named(event | {"sequence_number": number}) for number, event in enumerate(events)]
    return [json.dumps(response("completed", _WORDS)).encode(), *numbered]


def _data(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"


def _named(event: dict[str, Any]) -> bytes:
    return b"event: " + str(event["type"]).encode() + b"\n" + _data(json.dumps(event).encode())


def bodies(door: str, *, is_stream: bool) -> Iterator[bytes]:
    """Requests of about 1 KB at a door, each with its own words."""
    for body in chat_bodies(n=2000, size_bytes=1024, model="auto", is_streaming=is_stream):
        if door == "chat":
            yield body
            continue
        chat = json.loads(body)
        system, user = chat["messages"]
        value = {"model": "auto", "temperature": chat["temperature"]} | ({"stream": True} if is_stream else {})
        if door == "messages":
            value |= {"max_tokens": 500, "system": system["content"], "messages": [user]}
        else:
            value |= {"instructions": system["content"], "input": [user], "store": False}
        yield json.dumps(value).encode()


class Bench:
    """Everything that runs, and what was measured."""

    def __init__(self, stack: ExitStack, folder: Path, options: argparse.Namespace) -> None:
        self._folder = folder
        self._options = options
        self._peer = peers.build(folder)
        wanted = options.only.split(",") if options.only else list(FORMATS)
        self.ways = [way for way in WAYS if way[0] in wanted and way[1] in wanted]
        self._gateways: dict[str, Arm] = {}
        self._bare: dict[str, Arm] = {}
        for name in wanted:
            file = folder / f"{name}.replies"
            write_records(file, replies(name, options.chunks))
            mock = stack.enter_context(peers.mock_upstream(self._peer, n_chunks=options.chunks + 20, replies=file))
            self._gateways[name] = self._gateway(stack, name, mock)
            port = peers.free_port()
            command = [sys.executable, "-m", "benchmarks.speed.bare", str(port), str(mock)]
            url, log = f"http://127.0.0.1:{port}/", folder / f"bare-{name}.log"
            self._bare[name] = Arm(BARE, port, *stack.enter_context(processes.served(command, url, cwd=ROOT, log=log)))

    def _gateway(self, stack: ExitStack, name: str, mock: int) -> Arm:
        config, port = self._folder / f"{name}.yaml", peers.free_port()
        formats = f"    local: false\n    formats: [{FORMATS[name]}]\n"
        config.write_text(CONFIG.format(port=mock).replace("    local: false\n", formats) + NO_STORE)
        command = [fairlead_command(), "serve", "--config", str(config), "--port", str(port)]
        url, log = f"http://127.0.0.1:{port}/health/ready", self._folder / f"{name}.log"
        return Arm(name, port, *stack.enter_context(processes.served(command, url, cwd=ROOT, log=log)))

    def measure(self) -> dict[Case, dict[str, float]]:
        """Median figures by case; the bare pass-through of a format is the case from `bare`."""
        ways = [*self.ways, *((BARE, name) for name in self._bare)]
        cases = [Case(door, back, is_stream) for is_stream in (False, True) for door, back in ways]
        seen: dict[Case, list[dict[str, float]]] = {case: [] for case in cases}
        for at in range(self._options.rounds):
            for case in cases[at % len(cases) :] + cases[: at % len(cases)]:
                seen[case].append(self._run(case))
        return {
            case: {key: statistics.median(run[key] for run in runs) for key in runs[0]} for case, runs in seen.items()
        }

    def _run(self, case: Case) -> dict[str, float]:
        door = case.back if case.door == BARE else case.door
        arm = (self._bare if case.door == BARE else self._gateways)[case.back]
        file = self._folder / f"{door}-{case.is_stream}.bodies"
        if not file.exists():
            write_records(file, list(bodies(door, is_stream=case.is_stream)))
        seconds = self._options.seconds
        assert arm.pid is not None
        before_s = processes.cpu_s(arm.pid)
        path = PATHS[door]
        figures = peers.load(self._peer, arm.port, path, connections=32, seconds=seconds, bodies=file)
        n_replies = figures["rps"] * (figures["seconds"] + min(seconds * 0.1, 0.5))
        figures["cpu_us"] = (processes.cpu_s(arm.pid) - before_s) / max(n_replies, 1) * 1e6
        figures |= {
            f"{key}_alone": value
            for key, value in peers.load(
                self._peer, arm.port, path, connections=1, seconds=seconds / 4, bodies=file
            ).items()
            if key in ("total_p50_us", "first_byte_p50_us")
        }
        return figures


def print_table(figures: dict[Case, dict[str, float]], n_chunks: int) -> bool:
    """The figures; whether the goals are met."""
    print(
        f"\n{'1 KB requests; streams of ' + str(n_chunks):34}{'replies/s':>10}{'CPU µs':>9}{'÷bare':>7}{'÷lane':>7}",
        end="",
    )
    print(f"{'per core':>10}{'added µs':>10}{'bad':>5}  goal")
    is_met = True
    for case, f in figures.items():
        bare = figures[Case(BARE, case.back, case.is_stream)]
        print(f"{case!s:34}{f['rps']:10,.0f}{f['cpu_us']:9.1f}{f['cpu_us'] / bare['cpu_us']:7.2f}", end="")
        lane = figures.get(Case(case.door, case.door, case.is_stream))
        times = f["cpu_us"] / lane["cpu_us"] if lane is not None else 1.0
        print(f"{times:7.2f}" if lane is not None else " " * 7, end="")
        key = "first_byte_p50_us_alone" if case.is_stream else "total_p50_us_alone"
        print(f"{1e6 / f['cpu_us']:10,.0f}{f[key] - bare[key]:10.0f}{f['bad'] + f['errors']:5.0f}", end="")
        goal = ""
        if case.door not in (BARE, case.back):
            is_good = times <= MOST_TIMES_LANE if case.is_stream else 1e6 / f["cpu_us"] >= LEAST_RPS
            what = f"<= {MOST_TIMES_LANE} x the lane" if case.is_stream else f">= {LEAST_RPS:,} per core"
            goal = f"  {what}: {'met' if is_good else 'MISSED'}"
            is_met = is_met and is_good
        print(goal)
    return is_met


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each run")
    parser.add_argument("--chunks", type=int, default=100, help="content events of a stream")
    parser.add_argument("--only", default="", help="which formats, separated by commas")
    parser.add_argument("--json", type=Path, help="write all figures here too")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        figures = Bench(stack, folder, options).measure()
    print(", ".join(f"{name} {fact}" for name, fact in machine().items()))
    is_met = print_table(figures, options.chunks)
    if options.json:
        options.json.write_text(json.dumps({str(case): f for case, f in figures.items()}, indent=2) + "\n")
    raise SystemExit(0 if is_met else 1)


if __name__ == "__main__":
    main()

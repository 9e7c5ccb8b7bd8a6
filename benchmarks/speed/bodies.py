"""Chat bodies for the benchmarks: many different prompts of many kinds, so that no cache can answer for the work."""

import json
import random
from pathlib import Path

_ASKS = (
    "Prove that the sum of two odd numbers is even, then extend the proof to {n} numbers.",
    "Write a Python function that returns the {n} most frequent words of a text, with tests.",
    "Translate the passage below into Spanish and keep its tone; it has about {n} sentences.",
    "Summarise the following minutes in {n} points and name who promised what.",
    "A train leaves at {n}:15 and arrives {n} hours later; how far did it go at 85 km/h?",
    "Which of these contracts ends first, and what notice does clause {n} ask for?",
    "Explain to a child of {n} why the sky is blue and the sunset red.",
    "Find the bug: the loop below runs {n} times but prints one line fewer.",
)
_WORDS = (
    *("river", "engine", "harvest", "letter", "window", "market", "captain", "signal", "garden", "copper", "theory"),
    *("winter", "orbit", "ledger", "bridge", "canvas", "doctor", "tunnel", "violin", "matrix", "kernel", "vector"),
    *("thread", "socket", "branch", "commit", "policy", "clause", "tenant", "budget", "invoice", "margin", "the", "a"),
    *("of", "and", "to", "in", "that", "with", "for", "from", "when", "while", "before", "after", "perhaps", "because"),
)


def prompt(random_source: random.Random, size_bytes: int) -> str:
    """A prompt of about that many bytes."""
    ask = random_source.choice(_ASKS).format(n=random_source.randint(2, 19))
    words = [ask]
    length = len(ask)
    while length < size_bytes:
        word = random_source.choice(_WORDS)
        if random_source.random() < 0.08:
            word += random_source.choice((".", ",", f" {random_source.randint(1, 9999)}", ";\n"))
        words.append(word)
        length += len(word) + 1
    return " ".join(words)[:size_bytes]


def chat_bodies(*, n: int, size_bytes: int, model: str, is_streaming: bool, seed: int = 7) -> list[bytes]:
    """Different chat requests, each about size_bytes long as a whole."""
    source = random.Random(f"{seed}/{size_bytes}")
    bodies = []
    for at in range(n):
        request: dict[str, object] = {
            "model": model,
            "messages": [
                {"role": "system", "content": "You answer briefly and say when you do not know."},
                {"role": "user", "content": ""},
            ],
            "temperature": 0.2,
            "user": f"bench-{at}",
        }
        if is_streaming:
            request |= {"stream": True, "stream_options": {"include_usage": True}}
        room = size_bytes - len(json.dumps(request))
        request["messages"][1]["content"] = prompt(source, max(room, 40))  # type: ignore[index]
        bodies.append(json.dumps(request).encode())
    return bodies


def write_records(path: Path, bodies: list[bytes]) -> None:
    """The body file of `peer load`: a decimal length, a newline, the bytes, a newline."""
    path.write_bytes(b"".join(b"%d\n%b\n" % (len(body), body) for body in bodies))

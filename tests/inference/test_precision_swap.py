"""The drift check on a real server: the same weights behind one name at 8 and at 4 bits."""

import importlib.util
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import openai
import pytest

from fairlead.learning.seat import Probe, ProbeOutcome
from fairlead.learning.watching import Reference, Watched, WatchProbe, answer_of, watch_model
from tests.inference.running import MODEL, Running, inference_server
from tests.inference.tiny_model import write_tiny_model

pytestmark = [
    pytest.mark.inference,
    pytest.mark.skipif(
        importlib.util.find_spec("xllamacpp") is None, reason="no inference server: make test-inference"
    ),
]

PROBES = [Probe(f"q{at}", f"Tell me of the number {at * 37}, please.") for at in range(40)]
N_TOKENS = 16


class Endpoint:
    """A real endpoint; whatever it babbles is worth a point."""

    def __init__(self, server: Running) -> None:
        self.url = server.url

    async def __call__(self, probes: Sequence[Probe]) -> Sequence[ProbeOutcome]:
        client = openai.AsyncOpenAI(base_url=f"{self.url}/v1", api_key="unused", max_retries=0, timeout=120)
        async with client:
            return [await self._ask(client, probe.text) for probe in probes]

    async def _ask(self, client: openai.AsyncOpenAI, text: str) -> ProbeOutcome:
        reply = await client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": text}], temperature=0, max_tokens=N_TOKENS
        )
        said = reply.choices[0].message.content or ""
        said_hash = int.from_bytes(blake2b(said.encode(), digest_size=6).digest(), "big")
        return ProbeOutcome(1.0, output_tokens=float(N_TOKENS), reply_hash=float(said_hash))


async def checked(folder: Path, bits: int, reference: Reference) -> Watched:
    with inference_server(model_of(folder, bits)) as server:
        return await watch_model(reference, Endpoint(server), Endpoint(server), max_calls=len(PROBES))


def model_of(folder: Path, bits: int) -> Path:
    path = folder / f"tiny-{bits}.gguf"
    write_tiny_model(path, bits=bits)
    return path


@pytest.mark.parametrize("n_earlier", [1, 2])
async def test_a_precision_swap_behind_a_name_is_found_by_its_replies(tmp_path: Path, n_earlier: int) -> None:
    with inference_server(model_of(tmp_path, 8)) as server:
        endpoint = Endpoint(server)
        runs = [await endpoint(PROBES) for _ in range(n_earlier)]
    earlier = [tuple(answer_of(outcome) for outcome in answers) for answers in zip(*runs, strict=True)]
    probes = tuple(WatchProbe(*each) for each in zip(PROBES, earlier, strict=True))
    reference = Reference(probes, np.full(len(PROBES), 0.9))

    same, other = await checked(tmp_path, 8, reference), await checked(tmp_path, 4, reference)

    assert reference.watched == ("score", "length", "text")
    assert not same.is_changed and same.n_calls == len(PROBES)
    assert other.is_changed and other.most_telling == "text"
    assert other.n_calls <= 20

"""What one decision costs, inside one process: request bytes in, order of models out.

    OMP_NUM_THREADS=1 python -m benchmarks.speed.decide [--bodies 400] [--rounds 5]

Bodies differ from request to request. `read` is taking the body apart and making the outline; `decide` is the whole of
the router: features, forecast, eligibility, utility, order; `explain` is what POST /v1/route adds and is not on the hot
path. Medians and 99th percentiles over all calls, in microseconds of wall time on an otherwise idle machine.
"""

import argparse
import asyncio
import statistics

from benchmarks.speed.bodies import chat_bodies
from benchmarks.speed.timing import timed_us
from fairlead.assembly.services import Assembly, assemble
from fairlead.domain.names import TenantName
from fairlead.gateway.engine import Engine
from fairlead.gateway.work import DOORS, Work, work_of
from fairlead.routing.explanation import explain
from fairlead.settings.settings import parse

CHAT = DOORS["/v1/chat/completions"]
TENANT = TenantName("bench")
QUIET = {"FAIRLEAD_NO_DISCOVERY": "1"}
TWENTY = "\n".join(
    f"    - {{name: m{n}, model: {model}, prices: {{input: {1 + n / 10:.1f}, output: {4 + n / 5:.1f}}}}}"
    for n, model in enumerate(
        (
            *("openai/gpt-5", "openai/gpt-5-mini", "openai/gpt-5-nano", "openai/gpt-4.1", "openai/gpt-4o"),
            *("anthropic/claude-opus-4-8", "anthropic/claude-sonnet-4-6", "anthropic/claude-haiku-4-5"),
            *("google/gemini-2.5-pro", "google/gemini-2.5-flash", "google/gemini-3-flash-preview"),
            *("deepseek/deepseek-v4-pro", "deepseek/deepseek-v4-flash", "xai/grok-4.20", "zhipuai/glm-5.2"),
            *(
                "moonshotai/kimi-k2.6",
                "minimax/minimax-m3",
                "mistral/mistral-large-2512",
                "meta/llama-3.3-70b-instruct",
            ),
            "alibaba/qwen3-235b-a22b-instruct-2507",
        )
    )
)
CONFIG = f"upstreams:\n  bench:\n    base_url: http://127.0.0.1:9/v1\n    local: false\n    models:\n{TWENTY}\n"


def measure(assembly: Assembly, size_bytes: int, *, n_bodies: int, n_rounds: int) -> dict[str, list[float]]:
    """Microseconds of every call, by part."""
    engine = Engine(assembly.services)
    bodies = chat_bodies(n=n_bodies, size_bytes=size_bytes, model="auto", is_streaming=False)
    works: list[Work] = [work_of(CHAT, body, [], TENANT, 0.0) for body in bodies]
    parts: dict[str, list[float]] = {"read": [], "decide": [], "explain": []}
    for _ in range(n_rounds):
        parts["read"] += timed_us(lambda i: work_of(CHAT, bodies[i], [], TENANT, 0.0), n_bodies)
        parts["decide"] += timed_us(lambda i: engine.decide(works[i]), n_bodies)
    choice = engine.decide(works[0])
    parts["explain"] += timed_us(lambda _: explain(assembly.pool, choice, works[0].request.asked), 20)
    return parts


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--bodies", type=int, default=400)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    print(f"{'pool':24}{'prompt':>8}{'part':>10}{'median µs':>11}{'p99 µs':>9}")
    for name, settings, is_hypothetical in (("20 models", CONFIG, False), ("every known provider", "", True)):
        assembly = asyncio.run(assemble(parse(settings, QUIET), QUIET, is_hypothetical=is_hypothetical))
        for size, n_bodies in ((1024, given.bodies), (100 * 1024, max(given.bodies // 8, 1))):
            for part, taken in measure(assembly, size, n_bodies=n_bodies, n_rounds=given.rounds).items():
                ranked = sorted(taken)
                p99 = ranked[min(len(ranked) - 1, int(len(ranked) * 0.99))]
                pool = f"{name} ({assembly.pool.n_arms} arms)" if is_hypothetical else name
                print(f"{pool:24}{size // 1024:>5} KB{part:>10}{statistics.median(taken):>11.1f}{p99:>9.1f}")


if __name__ == "__main__":
    main()

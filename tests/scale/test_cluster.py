"""Evaluation on two local Ray nodes: the same record as on one machine, also when a node is killed in the middle."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from benchmarks.evaluation.running import Upstream, counting_upstream, write_world
from fairlead.assembly.evaluation_asking import ask_here
from fairlead.domain.errors import EvaluationError
from fairlead.evaluation.evaluation_run import Means, evaluate
from fairlead.evaluation.reports.findings import Findings
from fairlead.evaluation.running.answers import Answered, Ask
from fairlead.evaluation.running.journal import Journal
from fairlead.evaluation.running.plan import Plan
from fairlead.evaluation.running.questions import Question
from fairlead.evaluation.scorers.patterns import Matcher
from fairlead.evaluation.scorers.registry import Scorers
from fairlead.evaluation.suites.reading import read_suite
from tests.evaluation.running.worlds import Clock, model

pytestmark = [
    pytest.mark.scale,
    # Ray leaves sockets and child processes to its own shutdown.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes on this machine."""
    pytest.importorskip("ray", reason="ray is not installed (make test-scale)")
    from ray.cluster_utils import Cluster

    os.environ["FAIRLEAD_NO_DISCOVERY"] = "1"
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    both = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        both.add_node(num_cpus=1)
        yield both
    finally:
        both.shutdown()


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


async def ran(folder: Path, upstream: Upstream, ask: Ask, n: int) -> Findings:
    write_world(made(folder), upstream, n, ["skill-90"])
    wanted = Plan(read_suite(folder / "sums.jsonl"), (model("skill-90", "adder"),), 10**12)
    journal = Journal.open(folder / "journal.jsonl")
    clock = Clock()
    means = Means(
        ask=ask, scorers=Scorers(Matcher(), None), clock=clock, sleep=clock.sleep, draw=lambda: 0.5, today="",
        concurrency=16,
    )  # fmt: skip
    try:
        return await evaluate(wanted, journal, means)
    finally:
        journal.close()


def builder(upstream: Upstream) -> Callable[[], Awaitable[Ask]]:
    config = f"upstreams:\n  adder:\n    base_url: {upstream.url}/v1\n    models: [skill-90]\n"
    return partial(ask_here, config, is_demo=False)


def test_a_cluster_gives_the_record_of_one_machine_and_a_killed_node_loses_nothing(
    cluster: Any, tmp_path: Path
) -> None:
    import ray

    from fairlead.evaluation.cluster import ClusterAsk

    # Joined here: Ray's nodes stand on this machine's own address, which a test of ours would not connect to.
    ray.init(address=cluster.address, log_to_driver=False)

    async def everything() -> None:
        with counting_upstream("--delay-ms", "20") as upstream:
            here = await ran(tmp_path / "here", upstream, await builder(upstream)(), 120)
            many = ClusterAsk(builder(upstream), address=None)
            assert len(many._actors) == 2
            there = await ran(tmp_path / "there", upstream, many, 120)
            assert there.record_hash == here.record_hash
            assert upstream.counts()["n_charged"] == 120

            n_asked = 0

            async def killing(question: Question) -> Answered:
                nonlocal n_asked
                n_asked += 1
                if n_asked == 60:
                    worker = next(iter(cluster.worker_nodes))
                    await asyncio.to_thread(cluster.remove_node, worker, False)
                return await many(question)

            killed = await ran(tmp_path / "killed", upstream, killing, 300)
            assert len(many._actors) == 1
            assert (killed.models[0].n_answered, killed.n_unknown) == (300, 0)
            # The first 120 prompts are those of the runs before, in another revision: calls of their own.
            counts = upstream.counts()
            assert (counts["n_charged"], counts["most_per_key"]) == (420, 1)
            many.close()
            whole = await ran(tmp_path / "whole", upstream, await builder(upstream)(), 300)
            assert whole.record_hash == killed.record_hash

    try:
        asyncio.run(everything())
    finally:
        ray.shutdown()


def test_an_address_without_a_cluster_is_refused_by_name() -> None:
    pytest.importorskip("ray", reason="ray is not installed (make test-scale)")
    from fairlead.evaluation.cluster import ClusterAsk

    async def never() -> Ask:
        raise AssertionError("no node, no port")

    with pytest.raises(EvaluationError, match=r"no cluster at '127\.0\.0\.1:1'"):
        ClusterAsk(never, address="127.0.0.1:1")

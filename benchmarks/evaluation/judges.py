"""Number 6: planted biases of judges are recovered, and the corrected interval covers the truth as often as it says.

    python -m benchmarks.evaluation.judges [--runs 400]

Biases: two judges of two families judge three models' answers, one model of each judge's family, both orders; their
words are drawn with a planted lean to the place, to length and to their own kin. Said: mean estimate beside what was
planted, and how often the 95 % interval holds it.

Correction: people's words on n pairs, a judge's on those and on m more. The judge leans: it prefers what people do not
in part of the pairs. Said: how often the 90 % interval of the corrected share holds the people's true share, beside the
judge's own interval and the labels' alone, and their widths.
"""

import argparse
import json
from typing import Any

import numpy as np

from fairlead.evaluation.judging.biases import biases
from fairlead.evaluation.judging.bouts import Bout, Judged
from fairlead.evaluation.judging.correction import corrected_mean
from fairlead.evaluation.statistics.intervals import mean_interval
from fairlead.learning.metrics.bootstrap import Figure

PLANTED = {"place": 0.5, "length": 0.9, "kin": 0.7}
QUALITY = {"a": 0.6, "b": 0.3, "c": 0.0}
FAMILIES = {"a": "east", "b": "west", "c": "north", "judge-e": "east", "judge-w": "west"}
LEVEL = 0.90


def judged_bouts(draw: np.random.Generator, n_items: int, planted: dict[str, float]) -> list[Judged]:
    """Words of both judges on all pairs, in both orders."""
    found = []
    for item in range(n_items):
        texts = {name: "word " * int(draw.integers(20, 200)) for name in QUALITY}
        for judge in ("judge-e", "judge-w"):
            for one, other in (("a", "b"), ("a", "c"), ("b", "c")):
                for first, second in ((one, other), (other, one)):
                    n_first, n_second = len(texts[first].split()), len(texts[second].split())
                    kin = int(FAMILIES[first] == FAMILIES[judge]) - int(FAMILIES[second] == FAMILIES[judge])
                    logit = (
                        QUALITY[first] - QUALITY[second] + planted["place"] + planted["kin"] * kin
                        + planted["length"] * (n_first - n_second) / (n_first + n_second)
                    )  # fmt: skip
                    word = "first" if draw.random() < 1 / (1 + np.exp(-logit)) else "second"
                    bout = Bout(
                        "", judge, f"i{item}", f"i{item}", 0, first, second, (first, second) != (one, other),
                        (texts[first], texts[second]),
                    )  # fmt: skip
                    found.append(Judged(bout, word))  # type: ignore[arg-type]
    return found


def recovery(n_runs: int, n_items: int) -> dict[str, Any]:
    """Mean estimate of each planted bias, and how often its interval holds it; also where nothing was planted."""
    said: dict[str, Any] = {"n_runs": n_runs, "n_items": n_items}
    for title, planted in (("planted", PLANTED), ("none", dict.fromkeys(PLANTED, 0.0))):
        values: dict[str, list[float]] = {name: [] for name in PLANTED}
        held: dict[str, list[bool]] = {name: [] for name in PLANTED}
        for seed in range(n_runs):
            found = biases(judged_bouts(np.random.default_rng(seed), n_items, planted), FAMILIES)
            for name, figure in (("place", found.place), ("length", found.length), ("kin", found.kin)):
                assert figure.value is not None
                values[name].append(figure.value)
                held[name].append(holds(figure, planted[name]))
        said[title] = {
            name: {
                "true": planted[name], "mean": round(float(np.mean(values[name])), 3),
                "coverage_of_95": round(float(np.mean(held[name])), 3),
            }
            for name in PLANTED
        }  # fmt: skip
    return said


def holds(figure: Figure, truth: float) -> bool:
    """Whether the interval holds the truth; an undefined one does not."""
    return figure.low is not None and figure.high is not None and figure.low <= truth <= figure.high


def coverage(n_runs: int, n: int, m: int, *, lean: float, noise: float) -> dict[str, Any]:
    """How often 90 % intervals hold the share that people would give."""
    share, hits, widths = 0.58, {"corrected": 0, "labels": 0, "judge": 0}, {"corrected": [0.0], "labels": [0.0]}
    for seed in range(n_runs):
        draw = np.random.default_rng(10_000 + seed)
        people = np.where(draw.random(n + m) < 0.1, 0.5, (draw.random(n + m) < (share - 0.05) / 0.9).astype(float))
        # The judge repeats people's word, but for noise, and for a lean by which it prefers one side regardless.
        judge = np.where(draw.random(n + m) < noise, draw.integers(0, 2, n + m).astype(float), people)
        judge = np.where(draw.random(n + m) < lean, 1.0, judge)
        figures = {
            "corrected": corrected_mean(people[:n], judge[:n], judge[n:], LEVEL),
            "labels": corrected_mean(people[:n], judge[:n], np.empty(0), LEVEL),
            "judge": mean_interval(judge, list(range(n + m)), LEVEL),
        }
        for name, figure in figures.items():
            hits[name] += holds(figure, share)
            if name in widths and figure.low is not None and figure.high is not None:
                widths[name].append(figure.high - figure.low)
    return {
        "n_labels": n, "n_judged": m, "lean": lean, "noise": noise,
        **{f"coverage_{name}": hits[name] / n_runs for name in hits},
        **{f"width_{name}": round(float(np.mean(widths[name][1:])), 4) for name in widths},
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=400)
    given = parser.parse_args()
    print(json.dumps({"recovery": recovery(min(100, max(1, given.runs // 4)), 150)}, indent=1))
    for n, m in ((50, 500), (100, 1_000), (200, 2_000)):
        for lean, noise in ((0.0, 0.2), (0.2, 0.2), (0.3, 0.5)):
            print(json.dumps(coverage(given.runs, n, m, lean=lean, noise=noise)))


if __name__ == "__main__":
    main()

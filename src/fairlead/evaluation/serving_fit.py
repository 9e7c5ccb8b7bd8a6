"""Fits the constants of serving engines to measured rows: `python -m fairlead.evaluation.serving_fit FOLDER`.

Every constant is fitted as a logarithm, drawn to a stated prior; an engine's own to the one that all share, a model's
factor to 1. So an engine or a model of which a fold has no row still gets a forecast. Loss: squared relative error near
zero, linear beyond, so that a mislabelled sweep cannot pull everything.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from fairlead.analysis.engines import VERSION
from fairlead.analysis.hardware import parse_hardware
from fairlead.analysis.step_time import NAMES, Constants, alone_s, token_s
from fairlead.analysis.workload import Floats, stacked
from fairlead.evaluation.serving_rows import MeasuredRow, MeasuredRows, read_rows
from fairlead.evaluation.statistics.quantiles import t_of

CONSTANTS_PATH: Final = Path(__file__).parents[1] / "analysis" / "data" / "serving_constants.json"
ENGINES: Final = ("trtllm", "vllm", "sglang")
POOLED_GPUS: Final = ("h100_sxm", "h200_sxm", "b200_sxm")
"""The others are reported, never fitted: a rack of 72 is another machine."""

# Priors by judgement, of the order that public notes on these engines give; their spread is a factor of e.
_PRIORS: Final[Mapping[str, float]] = {
    "tile_rows": 8.0,
    "weight_share": 0.8,
    "expert_share": 0.6,
    "cache_share": 0.6,
    "decode_share": 0.4,
    "prefill_share": 0.4,
    "layer_s": 20e-6,
    "step_s": 1e-3,
    "reduce_s": 10e-6,
    "sequence_s": 5e-6,
    "prefill_overhead": 0.3,
    "link_share": 0.5,
}
_OWN: Final = tuple(name for name in NAMES if name not in ("decode_share", "link_share"))
"""Constants that engines may differ in."""
_PRIOR_SPREAD: Final = 1.0
_ENGINE_SPREAD: Final = 0.4
_MODEL_SPREAD: Final = 0.2
_ERROR_SCALE: Final = 0.15
"""Relative error up to which the loss is square."""
_MOST_STEPS: Final = 60
INTERVAL: Final = 0.9
FIRST_TOKEN_TAIL: Final = 0.03
"""Left out on either side of the range: with .05 it would hold less than nine of ten rows of a new sweep."""
FIRST_TOKEN_BINS: Final = (4, 8, 16, 32, 64, 128, 1_000_000)


@dataclass(frozen=True, slots=True)
class Fit:
    """What one fit has found."""

    shared: Floats
    """Logarithms, in the order of NAMES."""
    own: Floats
    """Shape (engines, own constants): an engine's difference."""
    factors: Mapping[str, float]
    """Model -> logarithm of its factor."""

    def constants(self, engines: Sequence[str]) -> Constants:
        """One set a row."""
        at = np.array([ENGINES.index(engine) for engine in engines])
        columns = []
        for place, name in enumerate(NAMES):
            values = np.full(len(engines), self.shared[place])
            if name in _OWN:
                values = values + self.own[at, _OWN.index(name)]
            columns.append(np.exp(values))
        return Constants(*columns)

    def factor(self, models: Sequence[str]) -> Floats:
        """One a row; for a model that was not fitted the mean of those that were and of one of factor 1."""
        usual = sum(self.factors.values()) / (len(self.factors) + 1)
        values = np.array([self.factors.get(model, usual) for model in models], dtype=np.float64)
        return np.asarray(np.exp(values), dtype=np.float64)

    def token_s(self, rows: Sequence[MeasuredRow]) -> Floats:
        """Forecast seconds between tokens, one a row."""
        load = stacked([row.load for row in rows])
        return token_s(load, self.constants([row.engine for row in rows]), self.factor([row.model for row in rows]))

    def alone_s(self, rows: Sequence[MeasuredRow]) -> Floats:
        """Forecast seconds of a lone prompt, one a row."""
        load = stacked([row.load for row in rows])
        return alone_s(load, self.constants([row.engine for row in rows]), self.factor([row.model for row in rows]))


def fit(rows: Sequence[MeasuredRow]) -> Fit:
    """The constants that these rows ask for."""
    models = sorted({row.model for row in rows})
    load = stacked([row.load for row in rows])
    measured = np.array([row.token_s for row in rows])
    engines, names = [row.engine for row in rows], [row.model for row in rows]
    prior = np.log([_PRIORS[name] for name in NAMES])
    n_own = len(ENGINES) * len(_OWN)
    start = np.concatenate([prior, np.zeros(n_own + len(models))])
    spread = np.concatenate(
        [np.full(len(NAMES), _PRIOR_SPREAD), np.full(n_own, _ENGINE_SPREAD), np.full(len(models), _MODEL_SPREAD)]
    )

    def unpacked(values: Floats) -> Fit:
        own = values[len(NAMES) : len(NAMES) + n_own].reshape(len(ENGINES), len(_OWN))
        return Fit(values[: len(NAMES)], own, dict(zip(models, values[len(NAMES) + n_own :].tolist(), strict=True)))

    def residuals(values: Floats) -> Floats:
        trial = unpacked(values)
        forecast = token_s(load, trial.constants(engines), trial.factor(names))
        error = np.log(forecast / measured) / _ERROR_SCALE
        softened = np.sign(error) * np.sqrt(2.0 * (np.sqrt(1.0 + error**2) - 1.0))
        return np.concatenate([softened, (values - start) / spread])

    found = least_squares(residuals, start, method="trf", max_nfev=_MOST_STEPS)
    return unpacked(np.asarray(found.x, dtype=np.float64))


def left_out_errors(rows: Sequence[MeasuredRow], group_of: Callable[[MeasuredRow], str]) -> Floats:
    """Logarithm of forecast over measured, each row forecast by a fit without its group."""
    errors = np.zeros(len(rows))
    groups = [group_of(row) for row in rows]
    for group in sorted(set(groups)):
        held = [at for at, one in enumerate(groups) if one == group]
        rest = [row for row, one in zip(rows, groups, strict=True) if one != group]
        tested = [rows[at] for at in held]
        errors[held] = np.log(fit(rest).token_s(tested) / np.array([row.token_s for row in tested]))
    return errors


def half_width(errors: Floats) -> float:
    """The symmetric interval, in logarithms, that holds nine of ten of these errors."""
    return float(np.quantile(np.abs(errors), INTERVAL))


def new_model_half_width(errors: Mapping[str, Floats]) -> float:
    """The interval of a model that nothing was measured of, in logarithms, from the errors of each model left out.

    Models are few and each errs as a whole: every model counts once, dense ones and mixtures together, and the quantile
    is Student's t with as many degrees of freedom as the part of the spread between models leaves (Satterthwaite 1946).
    """
    squares = np.array([np.mean(each**2) for each in errors.values()])
    between = float(np.mean([np.mean(each) ** 2 for each in errors.values()]))
    n_free = len(errors) * (float(squares.mean()) / between) ** 2
    return t_of(INTERVAL, n_free) * float(np.sqrt(squares.mean()))


def by_group(errors: Floats, groups: Sequence[str]) -> dict[str, Floats]:
    """The errors of each group."""
    at = np.array(groups)
    return {group: errors[at == group] for group in sorted(set(groups))}


def coverage(errors: Floats, groups: Sequence[str]) -> float:
    """How often a row lies within the interval that the other groups' errors set."""
    at = np.array(groups)
    inside = [np.abs(errors[at == group]) <= half_width(errors[at != group]) for group in sorted(set(groups))]
    return float(np.concatenate(inside).mean())


def mean_error(errors: Floats) -> float:
    """Mean absolute error, relative."""
    return float(np.abs(np.exp(errors) - 1.0).mean())


def sweep_of(row: MeasuredRow) -> str:
    """Rows of one sweep differ in load alone."""
    return f"{row.model}/{row.gpu}/{row.engine}/{row.precision}/{row.count}"


def recalibrated_errors(errors: Floats, sweeps: Sequence[str], rng: np.random.Generator) -> Floats:
    """What is left of the errors when one row of each sweep, drawn at random, sets its factor."""
    at = np.array(sweeps)
    left = []
    for sweep in sorted(set(sweeps)):
        own = errors[at == sweep]
        if own.size > 1:
            chosen = int(rng.integers(own.size))
            left.append(np.delete(own, chosen) - own[chosen])
    return np.concatenate(left)


def first_token_ranges(rows: Sequence[MeasuredRow]) -> list[dict[str, float]]:
    """Measured time to the first token, without the wait for memory, over a lone prompt's; by concurrency.

    The lone prompt is forecast without the row's GPU, so that the range holds that error too.
    """
    ratio = left_out_ratios(rows)
    at_once = np.array([row.asked.concurrency for row in rows])
    ranges, least = [], 0
    for most in FIRST_TOKEN_BINS:
        inside = ratio[(at_once > least) & (at_once <= most)]
        if inside.size >= 10:
            low, middle, high = np.quantile(inside, [FIRST_TOKEN_TAIL, 0.5, 1 - FIRST_TOKEN_TAIL])
            ranges.append({"concurrency": most, "low": float(low), "middle": float(middle), "high": float(high)})
        least = most
    return ranges


def left_out_ratios(rows: Sequence[MeasuredRow]) -> Floats:
    """Measured first token over a lone prompt's, forecast without the row's GPU."""
    ratios = np.zeros(len(rows))
    for gpu in sorted({row.gpu for row in rows}):
        held = [at for at, row in enumerate(rows) if row.gpu == gpu]
        found = fit([row for row in rows if row.gpu != gpu])
        ratios[held] = first_token_ratios([rows[at] for at in held], found)
    return ratios


def first_token_ratios(rows: Sequence[MeasuredRow], found: Fit) -> NDArray[np.float64]:
    """Measured over lone; the wait for memory is taken off first."""
    load = stacked([row.load for row in rows])
    wait = load.queued_share * load.reply_tokens * found.token_s(rows)
    measured = np.array([row.first_token_s for row in rows])
    return np.maximum(measured - wait, 0.05 * measured) / found.alone_s(rows)


def class_data(rows: Sequence[MeasuredRow], reported: Sequence[MeasuredRow], new_model: float) -> dict[str, Any]:
    """Everything of one class of models that is shipped. `new_model`: the interval of an unmeasured one."""
    found = fit(rows)
    by_gpu = left_out_errors(rows, lambda row: row.gpu)
    known = half_width(by_gpu)
    outside = max(known, new_model)
    if reported:
        outside = max(
            outside, half_width(np.log(found.token_s(reported) / np.array([row.token_s for row in reported])))
        )
    again = recalibrated_errors(by_gpu, [sweep_of(row) for row in rows], np.random.default_rng(18))
    prints = {row.model: row.fingerprint for row in rows}
    engines = found.constants(ENGINES)
    return {
        "engines": {
            engine: {name: _rounded(getattr(engines, name)[at]) for name in NAMES} for at, engine in enumerate(ENGINES)
        },
        "models": {prints[model]: _rounded(float(np.exp(value))) for model, value in sorted(found.factors.items())},
        "new_model": _rounded(float(found.factor(("",))[0])),
        "spread": {
            "known": _rounded(known),
            "new_model": _rounded(max(known, new_model)),
            "outside": _rounded(outside),
            "recalibrated": _rounded(half_width(again)),
        },
        "first_token": [{name: _rounded(value) for name, value in one.items()} for one in first_token_ranges(rows)],
        "domain": _domain(rows),
    }


def _domain(rows: Sequence[MeasuredRow]) -> dict[str, Any]:
    prompts, replies = [row.asked.prompt_tokens for row in rows], [row.asked.reply_tokens for row in rows]
    return {
        "gpus": sorted({row.gpu for row in rows}),
        "precisions": sorted({row.precision for row in rows}),
        "most_gpus": max(row.count for row in rows),
        "most_concurrency": max(row.asked.concurrency for row in rows),
        "prompt_tokens": [min(prompts), max(prompts)],
        "reply_tokens": [min(replies), max(replies)],
    }


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def parted(rows: Sequence[MeasuredRow], *, is_mixture: bool) -> tuple[list[MeasuredRow], list[MeasuredRow]]:
    """Rows of one class: those that are fitted, and those that are only reported."""
    mine = [row for row in rows if row.is_mixture == is_mixture]
    return [row for row in mine if row.gpu in POOLED_GPUS], [row for row in mine if row.gpu not in POOLED_GPUS]


def constants_file(measured: MeasuredRows, day: date) -> dict[str, Any]:
    """The whole file, with its card."""
    dense, dense_reported = parted(measured.rows, is_mixture=False)
    mixture, mixture_reported = parted(measured.rows, is_mixture=True)
    by_model = [left_out_errors(rows, lambda row: row.model) for rows in (dense, mixture)]
    new_model = new_model_half_width(
        by_group(np.concatenate(by_model), [f"{row.is_mixture}/{row.model}" for row in (*dense, *mixture)])
    )
    return {
        "version": VERSION,
        "card": {
            "source": "ai-dynamo/aiconfigurator at 095f58a, silicon_sample.csv (Apache-2.0), a selection of its rows",
            "sha256": measured.sha256,
            "fitted": day.isoformat(),
            "rows": {"dense": len(dense), "mixture": len(mixture)},
            "left_out": measured.left_out,
            "error": {
                name: {
                    "in_sample": _rounded(mean_error(_in_sample(rows))),
                    "leave_one_gpu_out": _rounded(mean_error(left_out_errors(rows, lambda row: row.gpu))),
                    "leave_one_model_out": _rounded(mean_error(errors)),
                }
                for name, rows, errors in (("dense", dense, by_model[0]), ("mixture", mixture, by_model[1]))
            },
        },
        "dense": class_data(dense, dense_reported, new_model),
        "mixture": class_data(mixture, mixture_reported, new_model),
    }


def _in_sample(rows: Sequence[MeasuredRow]) -> Floats:
    return np.asarray(np.log(fit(rows).token_s(rows) / np.array([row.token_s for row in rows])), dtype=np.float64)


def main(arguments: Sequence[str]) -> None:
    """Fit, write, say what was written. The day is that of the newest measurement's listing, not today's."""
    texts = {
        name: (files("fairlead.analysis") / "data" / name).read_text(encoding="utf-8")
        for name in ("accelerators.toml",)
    }
    measured = read_rows(Path(arguments[0]), parse_hardware(texts))
    found = constants_file(measured, date(2026, 11, 30))
    CONSTANTS_PATH.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{CONSTANTS_PATH.name}: {found['card']['rows']}, errors {found['card']['error']}")


if __name__ == "__main__":
    main(sys.argv[1:])

"""A text model small enough to know by heart, for tests: difficulty grows with length, everything else is flat."""

import numpy as np

from fairlead.routing.features.prompt_reader import HEADS, PromptReader
from fairlead.routing.features.surface import SURFACE_NAMES
from fairlead.routing.features.text_hashing import N_BUCKETS
from fairlead.routing.modelmap.benchmark_scale import Anchor


def small_reader(seed: int | None = None) -> PromptReader:
    """Without a seed, a table of zeros; with one, a table of small random whole numbers."""
    table = np.zeros((N_BUCKETS, len(HEADS)), dtype=np.float32)
    if seed is not None:
        table = np.random.default_rng(seed).integers(-200, 201, table.shape).astype(np.float32)
    surface = np.zeros((len(SURFACE_NAMES), len(HEADS)))
    surface[SURFACE_NAMES.index("log_length"), HEADS.index("difficulty")] = 0.5
    intercepts = np.zeros(len(HEADS))
    intercepts[HEADS.index("difficulty")] = -2.0
    intercepts[HEADS.index("log_output_tokens")] = np.log(200.0)
    return PromptReader(
        table=table,
        steps=np.full(len(HEADS), 0.001),
        surface_weights=surface,
        intercepts=intercepts,
        difficulty_sd=1.5,
        log_tokens_sd=0.6,
        anchors={"mmlu": Anchor(-1.0, 0.5)},
    )

"""A text model small enough to know by heart, for tests: difficulty grows with length, everything else is flat."""

import numpy as np

from fairlead.routing.features.shape import SHAPE_NAMES
from fairlead.routing.features.static_table import StaticTable
from fairlead.routing.modelmap.benchmark_scale import Anchor
from fairlead.routing.predictors.prompt_reader import HEADS, Landmarks, PromptReader

PIECES = ("how", "many", "primes", "write", "the", "poem", "please", "##s", "?", "apple", "a", "b", "look", "up")
N_DIMS = 8
N_LANDMARKS = 3


def small_table() -> StaticTable:
    """A table that knows a dozen words, each along a direction drawn by chance."""
    rows = np.random.default_rng(0).integers(-127, 128, (len(PIECES), N_DIMS)).astype(np.int8)
    return StaticTable(PIECES, rows, np.ones(len(PIECES), dtype=np.float32))


def small_reader(seed: int | None = None) -> PromptReader:
    """Without a seed, weights of zero but for length; with one, small random weights beside."""
    drawer = np.random.default_rng(seed)
    n_shape, n_heads = len(SHAPE_NAMES), len(HEADS)
    meaning = drawer.standard_normal((N_LANDMARKS, N_DIMS)).astype(np.float32)
    meaning /= np.linalg.norm(meaning, axis=1, keepdims=True)
    columns = np.zeros((N_LANDMARKS + N_DIMS + n_shape, n_heads), dtype=np.float32)
    table = np.zeros((len(PIECES), n_heads), dtype=np.int16)
    if seed is not None:
        columns[: N_LANDMARKS + N_DIMS] = drawer.normal(0.0, 0.3, (N_LANDMARKS + N_DIMS, n_heads))
        table = drawer.integers(-200, 201, table.shape).astype(np.int16)
    length = SHAPE_NAMES.index("log_length")
    columns[N_LANDMARKS + N_DIMS + length, HEADS.index("difficulty")] = 5.0
    intercepts = np.zeros(n_heads)
    intercepts[HEADS.index("difficulty")] = -2.0
    intercepts[HEADS.index("log_output_tokens")] = np.log(200.0)
    sds = np.ones(n_shape, dtype=np.float32)
    sds[length] = 10.0  # so that no length reaches the cap of the standardised shape
    return PromptReader(
        table=small_table(),
        landmarks=Landmarks(
            np.full(N_DIMS, 0.01, dtype=np.float32),
            np.zeros(n_shape, dtype=np.float32),
            sds,
            meaning,
            drawer.standard_normal((N_LANDMARKS, n_shape)).astype(np.float32),
        ),
        column_weights=columns,
        piece_table=table,
        piece_steps=np.full(n_heads, 0.001),
        intercepts=intercepts,
        difficulty_sd=1.5,
        log_tokens_sd=0.6,
        anchors={"mmlu": Anchor(-1.0, 0.5)},
    )

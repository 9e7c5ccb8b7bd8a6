"""How long a step takes: an additive roofline with a dozen constants an engine, fitted to measured serving.

    decode  = p-mean(reading, arithmetic) + layers · t_layer + reduces · t_reduce + t_step + sending
              + sequences · t_sequence
    prefill = arithmetic / share + a part of the layers' overhead + sending
    token   = (decode + running / reply tokens · prefill) / accepted tokens

Each request's prefill takes its share of every other's decoding: that is continuous batching. Never below the floor of
the data sheet. Source of the form: docs/decisions/0018.
"""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from fairlead.analysis.workload import Floats, Load

SHARPNESS: Final = 3.0
"""Of the passage from reading-bound to arithmetic-bound; a plain maximum would be infinite. Chosen once, not fitted."""
MOST_OF_BANDWIDTH: Final = 0.95
MOST_OF_PEAK: Final = 0.9
"""No kernel is known to reach more of a data sheet's figure."""


@dataclass(frozen=True, slots=True)
class Constants:
    """Constants of an engine: shares of the data sheet's figures, and seconds. Shapes: each is (n,) or one number."""

    tile_rows: Floats
    """Rows that a step of a small batch wastes on each expert."""
    weight_share: Floats
    expert_share: Floats
    cache_share: Floats
    decode_share: Floats
    prefill_share: Floats
    layer_s: Floats
    step_s: Floats
    reduce_s: Floats
    sequence_s: Floats
    prefill_overhead: Floats
    """Of a step's overhead of layers and reduces, what a prefill adds."""
    link_share: Floats


NAMES: Final = tuple(one.name for one in fields(Constants))


def decode_s(load: Load, constants: Constants) -> Floats:
    """One decoding step of the running batch."""
    c = constants
    reading = (
        load.weights_s / np.minimum(c.weight_share, MOST_OF_BANDWIDTH)
        + load.experts_s / np.minimum(c.expert_share, MOST_OF_BANDWIDTH)
        + load.cache_s / np.minimum(c.cache_share, MOST_OF_BANDWIDTH)
        + load.tiles_s * c.tile_rows
    )
    multiplying = load.arithmetic_s / np.minimum(c.decode_share, MOST_OF_PEAK)
    bound = (reading**SHARPNESS + multiplying**SHARPNESS) ** (1.0 / SHARPNESS)
    sending = load.running * load.reduce_s / np.minimum(c.link_share, 1.0)
    return bound + overhead_s(load, c) + c.step_s + sending + load.running * c.sequence_s


def overhead_s(load: Load, constants: Constants) -> Floats:
    """What a step costs however small it is: the launches of each layer, and the latency of each reduce."""
    return load.layers * constants.layer_s + load.reduces * constants.reduce_s


def prefill_s(load: Load, constants: Constants) -> Floats:
    """What one prompt adds to the steps that it shares."""
    multiplying = load.prefill_s / np.minimum(constants.prefill_share, MOST_OF_PEAK)
    sending = load.prefill_tokens * load.reduce_s / np.minimum(constants.link_share, 1.0)
    return multiplying + constants.prefill_overhead * overhead_s(load, constants) + sending


def token_s(load: Load, constants: Constants, factor: Floats) -> Floats:
    """Seconds between two tokens of one reply; `factor` is what a model is known to differ by."""
    share = load.running / load.reply_tokens * load.accepted_tokens
    step = (decode_s(load, constants) + share * prefill_s(load, constants)) * factor
    return np.maximum(step, load.floor_s()) / load.accepted_tokens


def alone_s(load: Load, constants: Constants, factor: Floats) -> Floats:
    """One prompt with nobody else there, from its arrival to its first token."""
    reading = load.weights_s / np.minimum(constants.weight_share, MOST_OF_BANDWIDTH)
    multiplying = load.prefill_s / np.minimum(constants.prefill_share, MOST_OF_PEAK)
    sending = load.prefill_tokens * load.reduce_s / np.minimum(constants.link_share, 1.0)
    step = np.maximum(reading, multiplying) + overhead_s(load, constants) + constants.step_s + sending
    return np.maximum(step * factor, load.prefill_s)

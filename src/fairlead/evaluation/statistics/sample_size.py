"""Sample size: how many prompts it takes to see a difference."""

from math import ceil

from fairlead.evaluation.statistics.quantiles import z_of


def prompts_for(
    difference: float, between_sd: float, *, within_sd: float = 0.0, n_samples: int = 1, level: float = 0.95,
    power: float = 0.8,
) -> int | None:  # fmt: skip
    """Prompts for a paired difference to be found with this power; None for a difference of 0, which none would show.

    n = (z_(a/2) + z_b)^2 (w^2 + 2 s^2 / K) / d^2, with w the standard deviation of the difference between prompts and s
    that of one model's repeated answers to one prompt, K samples each.
    Source: Miller 2024, arXiv 2411.00640, section 5, for two models of equal s.
    """
    if difference == 0:
        return None
    variance = between_sd**2 + 2 * within_sd**2 / n_samples
    return max(2, ceil(_factor(level, power) ** 2 * variance / difference**2))


def _factor(level: float, power: float) -> float:
    # The one-sided quantile of the power is the two-sided one of 2 * power - 1.
    return z_of(level) + z_of(2 * power - 1)

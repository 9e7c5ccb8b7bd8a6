"""Experiments of a configuration: exploration and shadows. Each worker has its part of their money."""

import random
from dataclasses import replace

from fairlead.gateway.exploring import ExploreLimits
from fairlead.gateway.ports import Services, ShadowLimits
from fairlead.routing.explore import Exploration
from fairlead.routing.pool import Pool
from fairlead.settings.experiments import ExploreSection, ShadowSection
from fairlead.settings.settings import Settings


def with_experiments(services: Services, settings: Settings, warnings: list[str]) -> Services:
    """These services with what the configuration says of exploring and shadowing."""
    explore, shadow, n_workers = settings.explore, settings.shadow, services.n_workers
    return replace(
        services,
        exploring=None if explore is None else _exploring(explore, n_workers),
        shadowing=None if shadow is None else _shadowing(shadow, services.router.pool, n_workers, warnings),
    )


def _exploring(section: ExploreSection, n_workers: int) -> ExploreLimits:
    exploration = Exploration(section.share, section.max_cost_ratio, section.max_extra_usd, section.with_tools)
    return ExploreLimits(exploration, section.max_usd_per_day / n_workers, random.Random().random)


def shadow_arms(section: ShadowSection, pool: Pool) -> tuple[tuple[int, ...], str | None]:
    """The arms that may be asked beside, and why none are."""
    arms = pool.names.get(section.model.lower(), ())
    if not arms:
        return (), f"shadow: no upstream that is reached here serves '{section.model}': nobody is asked beside"
    if not any(pool.is_priced[index] for index in arms):
        return (), f"shadow: the price of '{section.model}' is unknown, so no bound could hold: nobody is asked"
    return arms, None


def _shadowing(section: ShadowSection, pool: Pool, n_workers: int, warnings: list[str]) -> ShadowLimits | None:
    arms, problem = shadow_arms(section, pool)
    if problem is not None:
        warnings.append(problem)
        return None
    return ShadowLimits(
        arms=arms,
        share=section.share,
        max_usd_per_day=section.max_usd_per_day / n_workers,
        max_concurrency=section.max_concurrency,
        max_queue=section.max_queue,
        deadline_s=section.deadline_s,
        draw=random.Random().random,
    )

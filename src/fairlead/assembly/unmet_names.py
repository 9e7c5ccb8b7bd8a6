"""Unmet names: models and providers that the presets of a configuration name, and nobody here answers to."""

from collections.abc import Iterable

from fairlead.catalogue.catalogue import Catalogue
from fairlead.domain.model_names import is_pattern, places_meant
from fairlead.providers.known_providers import known_providers
from fairlead.routing.asking import VIRTUAL
from fairlead.routing.eligibility import name_checks
from fairlead.routing.preferences import BUILT_IN_PRESETS, Preset
from fairlead.routing.router import Router
from fairlead.settings.settings import Settings


def unmet_names(settings: Settings, catalogue: Catalogue, router: Router) -> list[str]:
    """A warning for every name that means nothing, and for every preset that nobody here can serve."""
    own = [preset for name, preset in settings.presets.items() if name not in BUILT_IN_PRESETS]
    warnings = [warning for preset in own for warning in _misspelt(preset, catalogue, router)]
    for preset in own:
        asked = [f"{VIRTUAL}:{preset.name}", *([VIRTUAL] if settings.default_preset.name == preset.name else [])]
        refused = [name for name in asked if not _can_serve(name, router)]
        if refused:
            what = "no upstream that is reached here serves what it names"
            warnings.append(f"presets.{preset.name}: {what}: requests for {' and '.join(refused)} are refused")
    return warnings


def _misspelt(preset: Preset, catalogue: Catalogue, router: Router) -> Iterable[str]:
    pool, wishes = router.pool, preset.wishes
    models = [*(spec.arm.model for spec in pool.specs), *catalogue.cards]
    for key, names in (("candidates", wishes.allowed_models), ("exclude", wishes.excluded_models)):
        for name in names:
            if catalogue.resolve(name) is None and not len(places_meant(name, models, pool.names)):
                like = () if is_pattern(name) else catalogue.nearest(name)
                hint = f"; nearest: {', '.join(like)}" if like else ""
                yield f"presets.{preset.name}.{key}: no model has the name '{name}'{hint}"
    known = {name.lower() for spec in pool.specs for name in (spec.arm.provider, spec.arm.upstream)}
    known |= {str(provider) for provider in known_providers()}
    for key, names in (("only", wishes.provider_only), ("ignore", wishes.provider_ignore)):
        for name in names:
            if name.lower() not in known:
                yield f"presets.{preset.name}.providers.{key}: no provider or upstream has the name '{name}'"


def _can_serve(name: str, router: Router) -> bool:
    """Whether any arm is left after what this name's preset says of models and providers."""
    asked = router.names.resolve(name)
    left = asked.members.copy()
    for check in name_checks(router.pool, asked.preset.wishes):
        left &= ~check.fails
    return bool(left.any())

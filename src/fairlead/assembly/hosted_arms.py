"""Arms on one's own GPUs: marginal cost and delay foretold from them, so that routing treats all models alike."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from fairlead.analysis.compute import work_of
from fairlead.analysis.families import read_architecture
from fairlead.analysis.quantisation import RECIPES, as_served, native_recipe, recipe_named
from fairlead.analysis.serving import Ask, Forecast, forecast
from fairlead.analysis.workload import Placement, Workload
from fairlead.assembly.hosting import hardware_in_force, shipped_engines
from fairlead.catalogue.cards import Prices
from fairlead.domain.decision import Basis
from fairlead.domain.errors import AnalysisError, ConfigError
from fairlead.evaluation.model_files import read_model
from fairlead.routing.delay_prior import Delay, delay_prior
from fairlead.routing.pool import ArmSpec
from fairlead.settings.upstream_schema import HostingSection


def with_hosting(specs: Iterable[ArmSpec], hosting: Mapping[str, HostingSection]) -> list[ArmSpec]:
    """The arms, those of hosted upstreams with the cost and delay of their GPUs; a stated price goes before.

    Raises: ConfigError that names the upstream when its hosting cannot be foretold.
    """
    forecasts = {name: foretold(name, section) for name, section in hosting.items()}
    return [
        _hosted(spec, forecasts[spec.arm.upstream], hosting[spec.arm.upstream])
        if spec.arm.upstream in forecasts and spec.card.purpose == "chat"
        else spec
        for spec in specs
    ]


def foretold(name: str, section: HostingSection) -> Forecast:
    """The forecast of one upstream's GPUs. Raises: ConfigError."""
    try:
        facts = read_model(Path(section.config))
        if facts.config is None:
            raise AnalysisError(f"{section.config}: no config follows from it; name the model's config.json.")
        shape = read_architecture(facts.config)
        stated = recipe_named(section.precision) if section.precision else native_recipe(facts.config)
        recipe = as_served(stated or RECIPES["bf16"])
        machines = hardware_in_force()
        chip = machines.accelerator(section.gpu)
        rent = machines.rent(chip.key)
        price = section.usd_per_hour or (rent.usd_per_hour if rent is not None else None)
        if price is None:
            raise AnalysisError(f"nobody quotes the rent of {chip.title}: set usd_per_hour.")
        ask = Ask(
            place=Placement(chip, section.count),
            engine=section.engine,
            workload=Workload(section.prompt_tokens, section.reply_tokens, section.concurrency),
            utilisation=section.utilisation,
            usd_per_hour=price,
            measured_token_s=None if section.measured_ms is None else section.measured_ms / 1e3,
        )
        return forecast(shape, work_of(shape, recipe), recipe, shipped_engines(), ask)
    except AnalysisError as error:
        raise ConfigError(f"upstreams.{name}.hosting: {error.message}") from None


def _hosted(spec: ArmSpec, found: Forecast, section: HostingSection) -> ArmSpec:
    basis: Basis = "prior" if section.measured_ms is None else "measured"
    prices = spec.prices
    if not prices.input_per_mtok and not prices.output_per_mtok and found.cost is not None:
        # A token from the cache costs no arithmetic worth a price.
        fresh = found.cost.input_share.likely
        prices = Prices(fresh, 0.0, fresh, found.cost.output_share.likely)
    prompts_s = found.prefill_s_per_token * section.prompt_tokens
    delay = Delay(
        ttft_s=max(found.first_token_s.likely - prompts_s, 0.0),
        s_per_token=found.token_s.likely,
        prefill_s_per_token=found.prefill_s_per_token,
        hidden_share=delay_prior(spec.card, prices, is_local=spec.arm.is_local).hidden_share,
    )
    return replace(spec, prices=prices, delay=spec.delay or delay, delay_basis=basis)

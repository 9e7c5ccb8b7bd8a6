"""`fairlead analyse`: what a model is, what it needs, what serving it will be like, and against which prices."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

if TYPE_CHECKING:
    from fairlead.analysis.architecture import Architecture
    from fairlead.analysis.break_even import BreakEven
    from fairlead.analysis.compute import Work
    from fairlead.analysis.hardware import Hardware
    from fairlead.analysis.quantisation import Recipe
    from fairlead.analysis.serving import Ask, Forecast
    from fairlead.analysis.workload import Workload
    from fairlead.catalogue.cards import ModelCard
    from fairlead.evaluation.model_files import ModelFacts

MAX_HARDWARE_BYTES = 1_000_000
SHOWN_CONTEXTS = (1_024, 8_192, 32_768, 131_072)


class _Model(NamedTuple):
    """A model of which a config was found."""

    facts: "ModelFacts"
    shape: "Architecture"
    recipe: "Recipe"
    work: "Work"


class _Question(NamedTuple):
    """What the options ask of serving."""

    gpu: str | None
    engine: str
    workload: "Workload"
    utilisation: float
    usd_per_hour: float | None
    measured_ms: float | None


def analyse(  # noqa: PLR0913 - every option of the command is a parameter
    model: Annotated[str, typer.Argument(help="config.json, folder, safetensors file or index, GGUF file, or hub id.")],
    gpu: Annotated[str | None, typer.Option(help="Forecast serving on these: h100_sxm, or 4xh100_sxm.")] = None,
    engine: Annotated[str, typer.Option(help="trtllm, vllm or sglang.")] = "vllm",
    precision: Annotated[str | None, typer.Option(help="fp8, nvfp4, q4_k_m, …; else the model's own.")] = None,
    context: Annotated[int, typer.Option(min=1, help="Tokens of one sequence, for what fits.")] = 8_192,
    batch: Annotated[int, typer.Option(min=1, help="Sequences at once, for what fits.")] = 1,
    prompt: Annotated[int, typer.Option(min=1, help="Tokens of a prompt.")] = 1_024,
    reply: Annotated[int, typer.Option(min=1, help="Tokens of a reply.")] = 1_024,
    concurrency: Annotated[int, typer.Option(min=1, help="Requests at once.")] = 16,
    prefix_hit: Annotated[float, typer.Option(help="Share of prompt tokens that the cache holds.")] = 0.0,
    draft: Annotated[int, typer.Option(min=0, help="Speculative decoding: tokens proposed a step.")] = 0,
    accepted: Annotated[float, typer.Option(help="Tokens that such a step yields.")] = 1.0,
    utilisation: Annotated[float, typer.Option(help="Share of an hour that the GPUs are busy.")] = 0.5,
    usd_per_hour: Annotated[float | None, typer.Option(help="Of one GPU; else the catalogue's rent.")] = None,
    measured_ms: Annotated[float | None, typer.Option(help="Your own milliseconds per token, to recalibrate.")] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Self-hosting against API prices of these weights.")
    ] = False,
    catalogue_model: Annotated[str | None, typer.Option(help="The catalogue's name of the model.")] = None,
    plot: Annotated[Path | None, typer.Option(help="With --compare: write the picture (SVG) here.")] = None,
    hardware: Annotated[Path | None, typer.Option(help="Your own figures and prices of GPUs (TOML).")] = None,
    ignore_key: Annotated[list[str] | None, typer.Option(help="A config key that counts nothing.")] = None,
    revision: Annotated[str | None, typer.Option(help="Revision of a hub id.")] = None,
    config: Annotated[Path | None, typer.Option(help="The configuration whose own facts count too.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON with stable keys.")] = False,
) -> None:
    """Say what a model is, what it needs, and what serving it will cost; no weights are read."""
    from fairlead.analysis.workload import Workload
    from fairlead.assembly.hosting import hardware_in_force
    from fairlead.cli.analyse_view import print_findings
    from fairlead.cli.output import to_stdout
    from fairlead.cli.output_paths import check_output

    if plot is not None and not compare:
        raise typer.BadParameter("--plot goes with --compare")
    check_output(plot, (Path(model), hardware, config), option="--plot", ending=".svg", what="SVG")
    if compare and gpu is None:
        raise typer.BadParameter("--compare needs --gpu: which machines to compare with")
    facts = _facts(model, revision)
    machines = hardware_in_force(_own_hardware(hardware))
    asked = Workload(prompt, reply, concurrency, prefix_hit, draft, accepted)
    question = _Question(gpu, engine, asked, utilisation, usd_per_hour, measured_ms)
    findings: dict[str, Any] = {"model": facts.name, "source": facts.kind}
    if facts.config is None:
        findings |= _header_only(facts)
    else:
        read = _read(facts, precision, frozenset(ignore_key or ()))
        findings |= _static(read, machines, context, batch)
        serving = _serving(read, machines, question) if gpu is not None else None
        findings["forecast"] = _forecast_json(serving, read)
        card = _card(facts.name, catalogue_model, config) if compare else None
        findings["comparison"] = _compared(card, serving, plot, facts.name)
    out = to_stdout()
    if as_json:
        out.json(findings)
    else:
        print_findings(out, findings)


def _facts(model: str, revision: str | None) -> "ModelFacts":
    from fairlead.domain.errors import AnalysisError
    from fairlead.evaluation.model_files import read_model
    from fairlead.evaluation.model_hub import fetch_model

    path = Path(model)
    if path.exists():
        return read_model(path)
    if (
        model.count("/") == 1
        and not model.startswith((".", "/", "~"))
        and not path.suffix.startswith((".json", ".safe"))
    ):
        return fetch_model(model, revision)
    raise AnalysisError(f"{model[:200]}: there is no such file or folder, and it is no hub id (ORGANISATION/MODEL).")


def _own_hardware(path: Path | None) -> dict[str, str] | None:
    from fairlead.domain.errors import AnalysisError

    if path is None:
        return None
    try:
        if path.stat().st_size > MAX_HARDWARE_BYTES:
            raise AnalysisError(f"{path}: larger than {MAX_HARDWARE_BYTES:,} bytes: this is no table of hardware.")
        return {path.name: path.read_text(encoding="utf-8")}
    except (OSError, UnicodeDecodeError) as error:
        raise AnalysisError(f"{path}: cannot read: {error}.") from None


def _read(facts: "ModelFacts", precision: str | None, ignored: frozenset[str]) -> _Model:
    from fairlead.analysis.compute import work_of
    from fairlead.analysis.families import read_architecture
    from fairlead.analysis.quantisation import RECIPES, as_served, native_recipe, recipe_named

    config = facts.config or {}
    shape = read_architecture(config, ignored)
    stated = recipe_named(precision) if precision is not None else native_recipe(config)
    recipe = as_served(stated or RECIPES["bf16"])
    return _Model(facts, shape, recipe, work_of(shape, recipe))


def _header_only(facts: "ModelFacts") -> dict[str, Any]:
    from fairlead.analysis.findings import tensor_parameters_json, tensors_json
    from fairlead.analysis.tensor_table import count_tensors

    found = count_tensors(facts.tensors or ())
    notes = (*facts.notes, "no config: what a token uses, what it keeps and how it is served are unknown")
    return {
        "architecture": None,
        "parameters": tensor_parameters_json(found),
        "tensors": tensors_json(found),
        **dict.fromkeys(("weights", "kv_cache", "compute", "fits", "does_not_fit", "forecast", "comparison")),
        "notes": list(notes),
    }


def _static(read: _Model, machines: "Hardware", context: int, batch: int) -> dict[str, Any]:
    from fairlead.analysis import findings
    from fairlead.analysis.fits import rooms
    from fairlead.analysis.memory import cache_of
    from fairlead.analysis.quantisation import native_recipe
    from fairlead.analysis.tensor_table import count_tensors

    work, shape = read.work, read.shape
    tensors = None if read.facts.tensors is None else count_tensors(read.facts.tensors, shape.n_layers)
    held = rooms(shape, work, machines.accelerators.values(), context, batch)
    fitting = {room.place.accelerator.key for room in held}
    notes = list(read.facts.notes)
    if tensors is not None and tensors.weights not in (work.parameters.main, work.parameters.total):
        notes.append(f"the header's tensors come to {tensors.weights} weights, the config to {work.parameters.main}")
    if shape.basis != "exact":
        notes.append(f"no published total has confirmed the count of {shape.family} to the unit")
    return {
        "architecture": findings.architecture_json(shape),
        "parameters": findings.parameters_json(shape, work.parameters),
        "tensors": None if tensors is None else findings.tensors_json(tensors),
        "weights": findings.weights_json(work.parameters, native_recipe(read.facts.config or {}), tensors),
        "kv_cache": findings.cache_json(cache_of(shape), sorted({*SHOWN_CONTEXTS, context}), 2),
        "compute": findings.compute_json(work, context, batch),
        "precision": read.recipe.name,
        "fits": [findings.room_json(room) for room in held],
        "does_not_fit": [key for key in machines.accelerators if key not in fitting],
        "forecast": None,
        "comparison": None,
        "notes": notes,
    }


def _serving(read: _Model, machines: "Hardware", question: _Question) -> "tuple[Forecast, Ask]":
    from fairlead.analysis.serving import Ask, forecast
    from fairlead.assembly.hosting import shipped_engines

    place = _placement(read, machines, question)
    rent = machines.rent(place.accelerator.key)
    price = question.usd_per_hour if question.usd_per_hour is not None else (rent.usd_per_hour if rent else None)
    measured = None if question.measured_ms is None else question.measured_ms / 1e3
    ask = Ask(place, question.engine, question.workload, question.utilisation, price, measured)
    return forecast(read.shape, read.work, read.recipe, shipped_engines(), ask), ask


def _placement(read: _Model, machines: "Hardware", question: _Question) -> Any:
    """The GPUs that were asked for; without a count the fewest that hold the whole concurrency, else one sequence."""
    from fairlead.analysis.fits import every_count
    from fairlead.analysis.workload import Placement
    from fairlead.domain.errors import AnalysisError

    count, times, name = (question.gpu or "").partition("x")
    if times and count.isdecimal():
        return Placement(machines.accelerator(name), min(int(count), 1_000_000))
    chip = machines.accelerator(question.gpu or "")
    asked = question.workload
    tokens = asked.prompt_tokens + asked.reply_tokens
    found = [room for room in every_count(read.shape, read.work, chip, tokens, 1) if room.batch >= 1]
    if not found:
        raise AnalysisError(
            f"gpu: {read.work.weight_bytes / 1e9:.1f} GB of weights do not fit on a node of {chip.title}; "
            "take a smaller precision, or give a count, such as 16xNAME."
        )
    enough = [room for room in found if room.batch >= asked.concurrency]
    return (enough or found[-1:])[0].place


def _forecast_json(serving: "tuple[Forecast, Ask] | None", read: _Model) -> dict[str, Any] | None:
    from fairlead.analysis.findings import forecast_json

    return None if serving is None else forecast_json(*serving, read.recipe)


def _card(name: str, given: str | None, config: Path | None) -> "ModelCard":
    from fairlead.assembly.in_force import catalogue_in_force
    from fairlead.cli.config_file import load_settings
    from fairlead.domain.errors import AnalysisError

    settings, _ = load_settings(config, os.environ)
    catalogue = catalogue_in_force(settings, datetime.now(UTC).date())
    for candidate in [given] if given is not None else _candidates(name):
        card = catalogue.match(candidate)
        if card is not None:
            return card
    asked = given or name
    near = catalogue.nearest(asked)
    raise AnalysisError(
        f"compare: the catalogue has no model called {asked[:80]!r}; name it with --catalogue-model. "
        f"Nearest: {', '.join(near)}."
    )


def _candidates(name: str) -> Sequence[str]:
    """A folder's or file's name in the spellings that lead to a model: LAB--MODEL is what hub copies are called."""
    plain = name.removesuffix("_config").removesuffix("-config")
    return (plain, plain.replace("--", "/", 1), plain.rpartition("--")[2], plain.rpartition("/")[2])


def _compared(
    card: "ModelCard | None", serving: "tuple[Forecast, Ask] | None", plot: Path | None, name: str
) -> dict[str, Any] | None:
    from fairlead.analysis.break_even import break_even
    from fairlead.analysis.findings import break_even_json
    from fairlead.assembly.hosting import tariffs_of
    from fairlead.domain.errors import AnalysisError

    if card is None or serving is None:
        return None
    found, ask = serving
    if ask.usd_per_hour is None:
        raise AnalysisError(
            f"compare: nobody quotes the rent of {ask.place.accelerator.title}; give it with --usd-per-hour."
        )
    result = break_even(
        found,
        ask.workload,
        tariffs_of(card),
        usd_per_hour=ask.usd_per_hour,
        count=ask.place.count,
        utilisation=ask.utilisation,
    )
    if plot is not None:
        _draw(result, f"{name} on {ask.place.count} x {ask.place.accelerator.title}", plot)
    return {"catalogue_model": str(card.model), **break_even_json(result)}


def _draw(result: "BreakEven", title: str, plot: Path) -> None:
    from fairlead.evaluation.break_even_plot import break_even_svg
    from fairlead.evaluation.whole_files import write_whole

    write_whole(plot, break_even_svg(result, title))

"""`fairlead route`: which model a prompt would go to, and why; nothing is called."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fairlead.assembly.services import Assembly
    from fairlead.domain.decision import Decision, Estimate

MAX_PROMPT_CHARS = 10_000_000


def route(  # noqa: PLR0913 - every option of the command is a parameter
    prompt: Annotated[str, typer.Argument(help="The prompt; '-' reads it from standard input.")],
    model: Annotated[str, typer.Option("--model", "-m", help="auto, auto:cost, a preset, or a model's name.")] = "auto",
    system: Annotated[str | None, typer.Option(help="A system message before the prompt.")] = None,
    weights: Annotated[str | None, typer.Option(help="QUALITY,COST,SPEED, such as 0.6,0.3,0.1.")] = None,
    max_cost_usd: Annotated[float | None, typer.Option(help="Most that the request may cost.")] = None,
    max_latency_s: Annotated[float | None, typer.Option(help="Longest expected time to the last token.")] = None,
    min_quality: Annotated[float | None, typer.Option(help="Least expected quality, 0 to 1.")] = None,
    allow: Annotated[list[str] | None, typer.Option(help="Only these models (names or patterns).")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Not these models (names or patterns).")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Most output tokens.")] = None,
    tools: Annotated[int, typer.Option(min=0, max=1000, help="Pretend that so many tools are offered.")] = 0,
    image: Annotated[bool, typer.Option("--image", help="Pretend that an image comes with it.")] = False,
    session: Annotated[
        str | None, typer.Option(help="Ask the running server what it would do in this conversation (its id).")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Configuration file; ./fairlead.yaml if it is there.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Choose among the simulated models.")] = False,
    everything: Annotated[
        bool, typer.Option("--any-provider", help="Choose among all known providers, keys or not.")
    ] = False,
    top: Annotated[int, typer.Option(min=1, help="Candidates to show.")] = 10,
    show_all: Annotated[bool, typer.Option("--all", help="Show every candidate and every exclusion.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The whole decision as JSON with stable keys.")] = False,
) -> None:
    """Show which model a prompt would go to, and why; calls nothing."""
    import asyncio
    import sys

    from fairlead.cli.output import to_stdout
    from fairlead.wire.decision_json import decision_value

    if prompt == "-":
        prompt = sys.stdin.read(MAX_PROMPT_CHARS)
    wishes = {
        "weights": _weights(weights),
        "max_cost_usd": max_cost_usd,
        "max_latency_s": max_latency_s,
        "min_quality": min_quality,
        "allowed_models": allow or [],
        "excluded_models": exclude or [],
    }
    body = _body(prompt, system=system, model=model, max_tokens=max_tokens, tools=tools, image=image)
    body["fairlead"] = wishes
    if session is not None:
        _show_running(body | {"session_id": session}, config, as_json=as_json)
        return
    assembly, is_hypothetical = asyncio.run(_assemble(config, demo=demo, everything=everything))
    decision = _decided(assembly, body)
    printer = to_stdout()
    if as_json:
        printer.json(decision_value(decision))
    else:
        if is_hypothetical:
            printer.line(
                "No key and no server was needed: deciding as if every known provider could be reached.", "dim"
            )
        show(printer, decision, top=None if show_all else top)
    raise typer.Exit(0 if decision.chosen else 1)


_TENANT: Any = "default"


def _decided(assembly: "Assembly", body: dict[str, Any]) -> "Decision":
    """The decision, through the same door as POST /v1/route: what is shown is what the server would do."""
    import msgspec

    from fairlead.gateway.engine import Engine
    from fairlead.gateway.work import DOORS, work_of
    from fairlead.routing.explanation import explain

    work = work_of(DOORS["/v1/chat/completions"], msgspec.json.encode(body), [], _TENANT, 0.0)
    return explain(assembly.pool, Engine(assembly.services).decide(work), work.request.asked)


def _show_running(body: dict[str, Any], config: Path | None, *, as_json: bool) -> None:
    from fairlead.cli.config_file import load_settings
    from fairlead.cli.output import to_stdout
    from fairlead.cli.route_running import KEY_VARIABLE, ask_server, show_session

    server = load_settings(config, os.environ)[0].server
    host = f"[{server.host}]" if ":" in server.host else server.host
    decision = ask_server(f"http://{host}:{server.port}", body, os.environ.get(KEY_VARIABLE))
    printer = to_stdout()
    if as_json:
        printer.json(decision)
    else:
        show_session(printer, decision)
    raise typer.Exit(0 if decision["chosen"] else 1)


def _weights(text: str | None) -> dict[str, float] | None:
    if text is None:
        return None
    try:
        quality, cost, speed = (float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter("write three numbers: QUALITY,COST,SPEED, such as 0.6,0.3,0.1") from None
    return {"quality": quality, "cost": cost, "speed": speed}


def _body(
    prompt: str, *, system: str | None, model: str, max_tokens: int | None, tools: int, image: bool
) -> dict[str, Any]:
    content: Any = prompt
    if image:
        content = [{"type": "text", "text": prompt}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    messages = [{"role": "system", "content": system}] if system else []
    body: dict[str, Any] = {"model": model, "messages": [*messages, {"role": "user", "content": content}]}
    if max_tokens is not None:
        body["max_tokens"] = max_tokens
    if tools:
        body["tools"] = [{"type": "function", "function": {"name": f"tool_{n}"}} for n in range(tools)]
    return body


async def _assemble(config: Path | None, *, demo: bool, everything: bool) -> "tuple[Assembly, bool]":
    from fairlead.assembly.services import assemble
    from fairlead.cli.config_file import load_settings

    settings, _ = load_settings(config, os.environ)
    if not everything:
        assembly = await assemble(settings, os.environ, is_demo=demo)
        if assembly.services.upstreams:
            return assembly, False
    return await assemble(settings, os.environ, is_hypothetical=True), True


def show(printer: Any, decision: "Decision", *, top: int | None) -> None:
    """A decision for people."""
    traits = decision.traits
    kinds = ", ".join(f"{kind} {share:.0%}" for kind, share in traits.kinds[:3] if share >= 0.05)
    printer.pair(
        "prompt", f"{kinds}; difficulty {traits.difficulty:+.1f}; about {traits.output_tokens} tokens to answer"
    )
    chosen = decision.chosen
    printer.pair("chosen", f"{chosen.arm.model} at {chosen.arm.upstream}" if chosen else "nobody")
    printer.pair("why", decision.reason.text)
    drawn = [f"{each.arm.model} {each.chance:.1%}" for each in decision.candidates[1:] if each.chance]
    if drawn:
        printer.pair("explores", f"in its place, now and then: {', '.join(drawn)}")
    for flip in decision.flips:
        printer.pair("would be", f"{flip.to} {flip.change}")
    printer.line()
    rows = [
        (
            place,
            candidate.arm.model,
            candidate.arm.upstream,
            _interval(candidate.estimate),
            candidate.estimate.quality_basis,
            f"{candidate.estimate.input_tokens}+{candidate.estimate.output_tokens}",
            "unknown" if candidate.estimate.cost_usd is None else f"{candidate.estimate.cost_usd:.6f}",
            f"{candidate.estimate.ttft_s:.1f}",
            f"{candidate.estimate.total_s:.1f}",
            f"{candidate.utility:.3f}",
        )
        for place, candidate in enumerate(decision.candidates[:top], 1)
    ]
    heads = ("#", "model", "upstream", "quality (90 %)", "basis", "tokens", "USD", "first s", "total s", "utility")
    printer.table(heads, rows, right=("#", "tokens", "USD", "first s", "total s", "utility"))
    hidden = len(decision.candidates) - len(rows)
    if hidden > 0:
        printer.line(f"… and {hidden} more candidates (--all)", "dim")
    _show_ineligible(printer, decision, shows_all=top is None)


def _interval(estimate: "Estimate") -> str:
    return f"{estimate.quality:.2f} ({estimate.quality_low:.2f}-{estimate.quality_high:.2f})"


def _show_ineligible(printer: Any, decision: "Decision", *, shows_all: bool) -> None:
    if not decision.ineligible:
        return
    printer.line()
    if shows_all:
        rows = [(each.arm.model, each.arm.upstream, each.code, each.why) for each in decision.ineligible]
        printer.table(("not eligible", "upstream", "code", "why"), rows)
        return
    counts: dict[str, int] = {}
    for each in decision.ineligible:
        counts[each.code] = counts.get(each.code, 0) + 1
    grounds = ", ".join(f"{code} ({n})" for code, n in sorted(counts.items(), key=lambda item: -item[1]))
    printer.pair("not eligible", f"{grounds}; --all lists them")

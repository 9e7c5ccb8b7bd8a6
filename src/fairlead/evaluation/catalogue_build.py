"""Building the shipped catalogue: `make catalogue` reads the raw lists and writes one TOML file a lab.

Everything here is a rule or a line of `catalogue_names.toml`: run on the same lists, it writes the same bytes. Reads
FAIRLEAD_DATA/catalogue, writes into the package; never runs while serving.
"""

import re
import sys
import tomllib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from fairlead.catalogue.matching import normalised
from fairlead.evaluation import catalogue_figures as boards
from fairlead.evaluation.catalogue_grouping import Names, grouped, unhosted
from fairlead.evaluation.catalogue_merging import Merged, PriceLists, merged, release_before
from fairlead.evaluation.catalogue_sources import (
    READ_ON,
    Listing,
    genai_prices,
    litellm,
    models_dev,
    models_dev_records,
)
from fairlead.evaluation.catalogue_writing import lab_text

NEWEST_MAP: Final = "litellm_model_prices_2026-08.json"
OLDER_MAPS: Final = {
    "litellm_2025_09": "litellm_history/litellm_prices_2025-09-01.json",
    "litellm_2025_03": "litellm_history/litellm_prices_2025-03-31.json",
    "litellm_2024_12": "litellm_history/litellm_prices_2024-12-31.json",
    "litellm_2024_08": "litellm_history/litellm_prices_2024-08-13.json",
    "litellm_2024_05": "litellm_history/litellm_prices_2024-05-15.json",
}
"""Source -> map, newest first."""

_DATED: Final = re.compile(r"^(.+)-20\d\d-\d\d-\d\d$")


HAND_WRITTEN: Final = frozenset({"benchmarks.toml", "embeddings.toml"})


def build(
    folder: Path, tables: Mapping[str, Any], quoted: Mapping[str, Any], benchmarks: Collection[str]
) -> dict[str, str]:
    """File name -> text of every lab's file. `quoted` is `quoted_figures.toml`; `benchmarks` are the known keys."""
    names = Names(tables)
    newest = litellm(folder / NEWEST_MAP, "litellm")
    older = {source: litellm(folder / path, source) for source, path in OLDER_MAPS.items()}
    groups = grouped(models_dev(folder), names)
    listed = {form for (_, form), rows in groups.items() if not all(row.is_deprecated for row in rows)}
    _add_extra(groups, names, tables["extra"], {"litellm": newest, **older})
    records = grouped(models_dev_records(folder), names)
    lists = PriceLists(newest, older["litellm_2025_09"], genai_prices(folder, READ_ON), tables["trust"])
    models = [
        merged(lab, form, rows, records.get((lab, form), []), lists, tables["ids"])
        for (lab, form), rows in groups.items()
    ]
    current = listed | set(tables["extra"]["new"])
    for model in models:
        model.is_current = _is_current(model, current, tables["retired"])
    _name_apart(models)
    _add_aliases(models, names, groups, newest, tables["aliases"])
    forms = {model.form for model in models}
    by_hand = boards.quoted(quoted, forms, benchmarks)
    figures = boards.chosen([*_figures(folder, tables["figures"], names, forms), *by_hand])
    return {
        f"{lab}.toml": lab_text(
            lab, table["title"], [model for model in models if model.lab == lab], figures, quoted["sources"]
        )
        for lab, table in tables["labs"].items()
        if any(model.lab == lab for model in models)
    }


def _add_extra(
    groups: dict[tuple[str, str], list[Listing]],
    names: Names,
    extra: Mapping[str, list[str]],
    maps: Mapping[str, list[Listing]],
) -> None:
    """Forms that models.dev does not know: from the newest map that prices them."""
    wanted = {*extra["new"], *extra["older"]}
    for rows in maps.values():
        found = grouped((row for row in rows if row.prices.input_per_mtok is not None), names)
        for (lab, form), listings in found.items():
            known = groups.get((lab, form), [])
            if form in wanted and not any(row.prices.input_per_mtok for row in known):
                taken = {row.provider for row in known}
                groups[(lab, form)] = known + [row for row in listings if row.provider not in taken and _plain(row)]


def _plain(row: Listing) -> bool:
    # litellm repeats Azure's and Bedrock's names per region: `us/gpt-...`, `ap-south-1/...`.
    return not (row.provider in ("azure", "amazon-bedrock") and "/" in row.sent)


def _is_current(model: Merged, listed: set[str], retired: Mapping[str, Any]) -> bool:
    return (
        model.form in listed
        and any(offer.priced.prices.input_per_mtok is not None for offer in model.offers)
        and re.match(retired["forms"], model.form) is None
        and not release_before(model, retired["before"])
    )


def _name_apart(models: Iterable[Merged]) -> None:
    """Two models of one lab never share a name: the later one falls back to its normal form."""
    taken: set[tuple[str, str]] = set()
    for model in models:
        if (model.lab, model.name) in taken:
            model.name = model.form
        taken.add((model.lab, model.name))


def _add_aliases(
    models: list[Merged],
    names: Names,
    groups: Mapping[tuple[str, str], list[Listing]],
    newest: Iterable[Listing],
    written: Mapping[str, list[str]],
) -> None:
    """The lab's dated snapshot names, the names that hosts use, and what `catalogue_names.toml` adds."""
    by_form = {model.form: model for model in models}
    snapshots: dict[str, list[str]] = {}
    for row in newest:
        dated = _DATED.match(row.sent)
        if dated and row.provider == "openai":
            form = names.form_of(row.provider, dated.group(1))
            if form in by_form and normalised(unhosted("openai", row.sent)) not in by_form:
                snapshots.setdefault(form, []).append(row.sent.lower())
    owners: dict[str, set[str]] = {}
    for model in models:
        spelled = {row.sent.lower() for row in groups[(model.lab, model.form)] if "/" not in row.sent[:9]}
        tails = {row.sent.lower().rpartition("/")[2] for row in groups[(model.lab, model.form)]}
        for name in spelled | {tail for tail in tails if ":" not in tail and "@" not in tail}:
            owners.setdefault(name, set()).add(model.form)
        unique = snapshots.get(model.form, [])
        model.aliases = unique if len(set(unique)) == 1 else []
    for name, forms in sorted(owners.items()):
        if len(forms) == 1:
            by_form[next(iter(forms))].aliases.append(name)
    stated = {f"{model.lab}/{model.name}": model for model in models}
    for model_id, aliases in written.items():
        stated[model_id].aliases.extend(aliases)
    for model in models:
        sent = {offer.sent.lower() for offer in model.offers}
        model.aliases = sorted(set(model.aliases) - {model.name, *sent})


def _figures(
    folder: Path, tables: Mapping[str, Mapping[str, Any]], names: Names, forms: set[str]
) -> list[boards.RawFigure]:
    special = tables["models"]

    def form_of(name: str) -> str | None:
        if name in special:
            return special[name] if special[name] in forms else None
        lab, slash, rest = name.partition("/")
        form = names.form_of(lab if slash else "", rest if slash else name)
        return form if form in forms else None

    return [
        *boards.livebench(folder, form_of),
        *boards.aider(folder, form_of),
        *boards.models_dev_boards(folder, tables["models_dev"], form_of),
        *boards.llm_stats(folder, tables["llmstats"], tables["llmstats_misfiled"], form_of),
    ]


def main(arguments: list[str]) -> int:
    """Write the files into the package: `python -m fairlead.evaluation.catalogue_build FAIRLEAD_DATA`."""
    if len(arguments) != 1 or not (Path(arguments[0]) / "catalogue").is_dir():
        print("usage: python -m fairlead.evaluation.catalogue_build DATA  (the folder that holds catalogue/)")
        return 2
    here = Path(__file__).parent
    tables = tomllib.loads((here / "catalogue_names.toml").read_text(encoding="utf-8"))
    quoted = tomllib.loads((here / "quoted_figures.toml").read_text(encoding="utf-8"))
    target = here.parent / "catalogue" / "data"
    benchmarks = tomllib.loads((target / "benchmarks.toml").read_text(encoding="utf-8"))["benchmarks"]
    texts = build(Path(arguments[0]) / "catalogue", tables, quoted, benchmarks)
    for old in target.glob("*.toml"):
        if old.name not in HAND_WRITTEN and old.name not in texts:
            old.unlink()
    for name, text in texts.items():
        (target / name).write_text(text, encoding="utf-8")
    print(f"{len(texts)} files in {target}, {sum(map(len, texts.values()))} characters")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Fits the shipped artefact: `python -m fairlead.evaluation.prompt_training` (= `make artefact`).

Distils the table of word pieces from the installed encoder, reads the measured outcomes in the folder that
FAIRLEAD_DATA names (fold `dev` of the shippable sources only) and our own seed prompts; writes to `routing/data` the
files `token_table.bin`, `prompt_model.bin` and the card of the latter as JSON. The same data give the same bytes on one
machine.
"""

import argparse
import json
import os
import platform
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
import scipy

from fairlead.domain.kinds import KINDS
from fairlead.evaluation.encoder_distillation import distil, installed_weights_folder
from fairlead.evaluation.item_response import ItemScale, fit_item_scale
from fairlead.evaluation.measured_abilities import measure_abilities
from fairlead.evaluation.outcome_data import SOURCES, OutcomeTable, read_outcomes, sha256_of_files
from fairlead.evaluation.prompt_corpus import LENGTH_SHIFTS, build_corpus
from fairlead.evaluation.prompt_design import BLOCKS, CLUSTER_SEED, build_design, quantised_reader
from fairlead.evaluation.prompt_fits import compare_features, comparison_row, fit_heads
from fairlead.evaluation.seed_prompts import read_seed_prompts, seed_bytes
from fairlead.evaluation.table_training import SOURCE as TABLE_SOURCE
from fairlead.evaluation.table_training import TABLE_PATH, table_bytes
from fairlead.routing.artifact import PromptModel, checksum_of, dump
from fairlead.routing.container import unpack
from fairlead.routing.features.static_table import MEND_TABLE, TABLE_KIND, TABLE_VERSION, StaticTable
from fairlead.routing.modelmap.benchmark_scale import Anchor
from fairlead.routing.predictors.prompt_reader import HEADS

TRAINED_SOURCES: Final = ("zeroeval", "llmrouter9", "kor_bench", "mmlu_pro", "routellm")
"""bullshit_bench teaches nothing yet: its scores mean something else (pushing back), its tokens hide reasoning."""
DATA_DATE: Final = "2026-11-23"
"""When the outcome tables were compiled."""
ANCHOR_SD: Final = 0.5
"""Logits: what prompt format and few-shot examples move a published figure by."""
ANCHORS: Final[Mapping[str, tuple[str, str]]] = {
    "mmlu_pro": ("mmlu_pro", "mmlu_pro/"),
    "mmlu": ("routellm", "routellm_mmlu_"),
    "gsm8k": ("zeroeval", "gsm"),
}
"""Benchmark of the catalogue -> source and beginning of the task whose questions are its own."""
ARTIFACT_FILE: Final = "prompt_model.bin"
CARD_FILE: Final = "prompt_model.json"


def training_tables(folder: Path) -> list[OutcomeTable]:
    """Fold `dev` of the trained sources, without the tasks whose questions carry another licence."""
    tables = []
    for name in TRAINED_SOURCES:
        table = read_outcomes(folder, name).of_fold("dev")
        left_out = SOURCES[name].left_out
        tables.append(table.select(np.array([task not in left_out for task in table.tasks], dtype=np.bool_)))
    return tables


def anchors_of(tables: Sequence[OutcomeTable], scale: ItemScale) -> dict[str, Anchor]:
    """Benchmarks whose own questions are in the fit, by the mean difficulty of their tasks weighted by questions."""
    found = {}
    for benchmark, (source, beginning) in ANCHORS.items():
        tasks = [
            task for table in tables if table.source == source for task in table.tasks if task.startswith(beginning)
        ]
        if tasks:
            mean = float(np.mean([scale.task_means[f"{source}:{task}"] for task in tasks]))
            found[benchmark] = Anchor(round(mean, 3), ANCHOR_SD)
    return found


def fit_prompt_model(
    tables: Sequence[OutcomeTable], table: StaticTable, *, compares: bool = False
) -> tuple[PromptModel, dict[str, Any]]:
    """The text model, the measured abilities, and the figures of their fits, from outcome tables and seed prompts."""
    scale = fit_item_scale(tables)
    seeds = read_seed_prompts()
    corpus = build_corpus(tables, scale, seeds)
    design = build_design(corpus, table)
    heads = fit_heads(design, corpus)
    weights = corpus.difficulty_weights * ~corpus.is_seed
    wrong = (corpus.difficulty - heads.difficulty.held_out) ** 2 - corpus.difficulty_noise
    difficulty_sd = float(np.sqrt(max(0.1, np.average(wrong, weights=weights))))
    wrong_length = (corpus.log_tokens - heads.length.held_out) ** 2
    log_tokens_sd = float(np.sqrt(np.average(wrong_length, weights=corpus.length_weights)))
    sds = (difficulty_sd, log_tokens_sd)
    reader = quantised_reader(design, table, heads.coefficients, heads.intercepts, sds, anchors_of(tables, scale))
    measured = measure_abilities(tables, scale, reader, DATA_DATE)
    shipped = comparison_row(", ".join(BLOCKS), corpus, heads.difficulty, heads.length, heads.kind_figures)
    figures = {
        "n_questions": int((~corpus.is_seed).sum()),
        "n_outcomes": int(sum(np.isfinite(table.scores).sum() for table in tables)),
        "n_seed_prompts": len(seeds),
        "n_landmarks": len(design.landmarks),
        "kinds": heads.kind_figures,
        "difficulty": {**heads.difficulty.figures, "residual_sd": reader.difficulty_sd},
        "log_output_tokens": {**heads.length.figures, "residual_sd": reader.log_tokens_sd},
        "held_out_by_features": [shipped, *(compare_features(design, corpus) if compares else ())],
        "reference_models": list(scale.reference_models),
        "anchors": {name: list(anchor) for name, anchor in reader.anchors.items()},
        "measured_models": {name: one.n_outcomes for name, one in measured.items()},
    }
    return PromptModel(reader, measured), figures


def card_for(folder: Path, table_file: bytes, figures: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a fit: data, licences, labels by hand, figures."""
    hashes = sha256_of_files(folder, TRAINED_SOURCES)
    seeds = sha256(seed_bytes()).hexdigest()
    whole = sha256("".join(f"{name}:{value}\n" for name, value in sorted({**hashes, "seeds": seeds}.items())).encode())
    return {
        "title": "Fairlead text model: kind, difficulty and answer length of a prompt; measured abilities of models",
        "training_data_sha256": whole.hexdigest(),
        "files_sha256": hashes,
        "seed_prompts_sha256": seeds,
        "data_date": DATA_DATE,
        "fold": "dev",
        "seed": CLUSTER_SEED,
        "chance": "the questions that the clusters start from, drawn with the seed",
        "token_table": {"source": TABLE_SOURCE, "checksum": checksum_of(table_file)},
        "sources": {
            name: {
                "repository": SOURCES[name].repository,
                "licence": SOURCES[name].licence,
                "left_out_tasks": sorted(SOURCES[name].left_out),
            }
            for name in TRAINED_SOURCES
        },
        "set_by_hand": [
            "kinds of benchmark tasks (evaluation/task_kinds.py)",
            "kind, difficulty and length of the seed prompts (evaluation/seed_prompts.toml), which we wrote ourselves",
            "which outcomes speak of which card (evaluation/outcome_names.toml)",
            f"shifts of log answer length by source: {dict(LENGTH_SHIFTS)}",
            "weights of request flags (routing/predictors/prompt_reader.py)",
        ],
        "holds": "centroids of clusters of at least eight questions, coefficients of them, of meaning, shape and "
        "word pieces, and abilities of models; no text, no vector per question",
        "heads": list(HEADS),
        "kinds": list(KINDS),
        "fit": dict(figures),
    }


def table_file_of(given: Path | None) -> bytes:
    """The table of word pieces as its file: distilled from the installed encoder, or the one given."""
    return table_bytes(distil(installed_weights_folder())) if given is None else given.read_bytes()


def main() -> None:
    """Fits on FAIRLEAD_DATA and writes the artefact."""
    parser = argparse.ArgumentParser(description="Distil the table of word pieces and fit the shipped text model.")
    parser.add_argument("--data", type=Path, default=None, help="folder of the outcomes (default: FAIRLEAD_DATA)")
    parser.add_argument("--out", type=Path, default=TABLE_PATH.parent)
    parser.add_argument("--table", type=Path, default=None, help="use this table of word pieces: distil none")
    arguments = parser.parse_args()
    folder = arguments.data or Path(os.environ.get("FAIRLEAD_DATA", ""))  # noqa: TID251 — a command, run by hand
    if not (folder / "outcomes").is_dir():
        parser.error(f"no folder `outcomes` in {folder}: set FAIRLEAD_DATA to the folder of the measured outcomes")
    table_file = table_file_of(arguments.table)
    _, arrays = unpack(table_file, TABLE_KIND, TABLE_VERSION, MEND_TABLE)
    table = StaticTable.from_arrays(arrays, MEND_TABLE)
    model, figures = fit_prompt_model(training_tables(folder), table, compares=True)
    card = card_for(folder, table_file, figures)
    data = dump(model, checksum_of(table_file), card)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / TABLE_PATH.name).write_bytes(table_file)
    (arguments.out / ARTIFACT_FILE).write_bytes(data)
    shown = {**card, "artefact_sha256": sha256(data).hexdigest(), "artefact_bytes": len(data)}
    (arguments.out / CARD_FILE).write_text(json.dumps(shown, indent=2, ensure_ascii=False) + "\n", "utf-8")
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}"
    print(f"{arguments.out / TABLE_PATH.name}: {len(table_file):,} bytes")
    print(f"{arguments.out / ARTIFACT_FILE}: {len(data):,} bytes ({versions})")
    print(json.dumps(shown["fit"], indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()

"""How well the shipped text model ranks difficulty, and reads kinds, on questions that it never saw.

    python benchmarks/quality/difficulty.py [--data FOLDER] [--json]

Spearman's rank correlation between predicted difficulty and the mean score of the source's models, fold `val`, with
95 % intervals from a bootstrap over queries. `trained tasks` leaves out the tasks of llmrouter9 that no fit may use.
"""

import argparse
import json
import os
from pathlib import Path

from fairlead.assembly.shipped import artifact_bytes, prompt_reader
from fairlead.evaluation.prompt_report import difficulty_figures, everyday_accuracy
from fairlead.routing.artifact import card_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("FAIRLEAD_DATA", "")))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if not (arguments.data / "outcomes").is_dir():
        parser.error("set FAIRLEAD_DATA (or --data) to the folder of the measured outcomes")
    reader = prompt_reader()
    figures = difficulty_figures(reader, arguments.data)
    kinds = everyday_accuracy(reader)
    if arguments.json:
        print(
            json.dumps(
                {"difficulty": figures, "kinds": kinds, "data": card_of(artifact_bytes())["training_data_sha256"]}
            )
        )
        return
    print(f"{'source':26s} {'n':>6s} {'models':>6s} {'Spearman':>9s} {'95 %':>16s}   length: median relative error")
    for row in figures:
        low, high = row["interval"]
        error = row["length_relative_error"]
        print(
            f"{row['source']:26s} {row['n']:6d} {row['n_models']:6d} {row['spearman']:+8.3f} [{low:+.3f}, {high:+.3f}] "
            + ("-" if error is None else f"{error:.0%}")
        )
    right, n = kinds["untouched"]
    print(
        f"everyday prompts: {kinds['n_right']} of {kinds['n']} read as the right kind; never tuned on: {right} of {n}"
    )
    for kind, (right, n) in kinds["by_kind"].items():
        print(f"   {kind:10s} {right:3d} of {n}")


if __name__ == "__main__":
    main()

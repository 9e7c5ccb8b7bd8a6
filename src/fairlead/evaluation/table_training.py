"""Makes the table of word pieces that comes with the package: `python -m fairlead.evaluation.table_training`."""

from pathlib import Path
from typing import Final

from fairlead.evaluation.encoder_distillation import N_DIMS, PACKAGE, SHA256_SUMS, distil, installed_weights_folder
from fairlead.routing.container import pack
from fairlead.routing.features.static_table import TABLE_KIND, TABLE_VERSION, StaticTable

TABLE_PATH: Final = Path(__file__).parents[1] / "routing" / "data" / "token_table.bin"
SOURCE: Final = "sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0)"


def table_bytes(table: StaticTable) -> bytes:
    """The file of a table, with where it comes from."""
    card = {"source": SOURCE, "package": PACKAGE, "sha256": dict(SHA256_SUMS), "n_dims": N_DIMS}
    return pack(TABLE_KIND, TABLE_VERSION, {"card": card}, table.arrays())


def main() -> None:
    """Distil, write, say what was written."""
    data = table_bytes(distil(installed_weights_folder()))
    TABLE_PATH.write_bytes(data)
    print(f"{TABLE_PATH.name}: {len(data) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()

"""The file of the word-piece table: what is written is what the package ships and reads."""

from fairlead.evaluation.table_training import SOURCE, TABLE_PATH, table_bytes
from fairlead.routing.container import unpack
from fairlead.routing.features.static_table import MEND_TABLE, TABLE_KIND, TABLE_VERSION, StaticTable


def test_the_shipped_file_written_again_is_the_same_and_says_where_it_comes_from() -> None:
    shipped = TABLE_PATH.read_bytes()
    header, arrays = unpack(shipped, TABLE_KIND, TABLE_VERSION, MEND_TABLE)
    assert table_bytes(StaticTable.from_arrays(arrays, MEND_TABLE)) == shipped
    assert header["card"]["source"] == SOURCE and set(header["card"]["sha256"]) == {
        "model.safetensors", "tokenizer.json",
    }  # fmt: skip

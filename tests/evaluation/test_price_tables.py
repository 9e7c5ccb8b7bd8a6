from pathlib import Path

import pytest

from fairlead.domain.errors import OutcomesError
from fairlead.evaluation.price_tables import MAX_FILE_BYTES, read_price_table

PRICES = {"gpt-4.1": (2.0, 8.0), "local@low": (0.0, 0.5)}
TEXTS = {
    ".csv": "model,input_usd_per_mtok,output_usd_per_mtok\ngpt-4.1,2,8\nlocal@low,0,.5\n",
    ".CSV": "\ufeffnote, output_usd_per_mtok, model, input_usd_per_mtok\r\nx, 8, gpt-4.1, 2\r\n,0.5,local@low,0\r\n",
    ".json": '{"gpt-4.1": {"input_usd_per_mtok": 2, "output_usd_per_mtok": "8"},'
    ' "local@low": {"input_usd_per_mtok": 0.0, "output_usd_per_mtok": 0.5, "source": "mine"}}',
    ".toml": '["gpt-4.1"]\ninput_usd_per_mtok = 2\noutput_usd_per_mtok = 8\n'
    '["local@low"]\ninput_usd_per_mtok = 0\noutput_usd_per_mtok = 0.5\n',
}


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("suffix", TEXTS)
def test_a_table_is_read_from_each_format(tmp_path: Path, suffix: str) -> None:
    assert read_price_table(written(tmp_path, f"prices{suffix}", TEXTS[suffix])) == PRICES


HEAD = "model,input_usd_per_mtok,output_usd_per_mtok\n"
HOSTILE: dict[str, tuple[str, str | bytes, str]] = {
    "another suffix": (".yaml", "a: 1", "is .csv, .toml or .json"),
    "empty CSV": (".csv", "", "no column 'model'"),
    "only a head": (".csv", HEAD, "holds no prices"),
    "no model column": (".csv", "name,input_usd_per_mtok,output_usd_per_mtok\na,1,2\n", "no column 'model'"),
    "no price column": (".csv", "model,input_usd_per_mtok\na,1\n", "'a' lacks"),
    "a model without name": (".csv", f"{HEAD},1,2\n", "has no name"),
    "a short row": (".csv", f"{HEAD}a,1\n", "'a': output_usd_per_mtok is a number, not None"),
    "a model twice": (".csv", f"{HEAD}a,1,2\na,1,3\n", "'a' is stated twice"),
    "a word for a price": (".csv", f"{HEAD}a,cheap,2\n", "input_usd_per_mtok is a number, not 'cheap'"),
    "a negative price": (".csv", f"{HEAD}a,1,-2\n", "output_usd_per_mtok is 0 or more, not '-2'"),
    "a price that is no number": (".csv", f"{HEAD}a,nan,2\n", "input_usd_per_mtok is 0 or more, not 'nan'"),
    "an endless field": (".csv", f'{HEAD}"{"x" * 200_000}",1,2\n', "field larger than field limit"),
    "no UTF-8": (".csv", b"\xff\xfe\x00m", "cannot be understood"),
    "no JSON": (".json", "{", "cannot be understood"),
    "a JSON list": (".json", "[1]", "holds no prices"),
    "an empty object": (".json", "{}", "holds no prices"),
    "a model twice in JSON": (".json", '{"a": 1, "a": 2}', "'a' is stated twice"),
    "a bare number": (".json", '{"a": 3}', "'a' lacks"),
    "true for a price": (
        ".json", '{"a": {"input_usd_per_mtok": true, "output_usd_per_mtok": 1}}', "is a number, not True"
    ),
    "null for a price": (
        ".json", '{"a": {"input_usd_per_mtok": null, "output_usd_per_mtok": 1}}', "is a number, not None"
    ),
    "infinity": (
        ".json", '{"a": {"input_usd_per_mtok": Infinity, "output_usd_per_mtok": 1}}', "is 0 or more, not inf"
    ),
    "a number too large for a float": (
        ".json", f'{{"a": {{"input_usd_per_mtok": 1{"0" * 400}, "output_usd_per_mtok": 1}}}}', "is a number"
    ),
    "a deep JSON": (".json", "[" * 100_000, "cannot be understood"),
    "no TOML": (".toml", "a = ", "cannot be understood"),
    "a name with a dot": (
        ".toml", "[gpt-4.1]\ninput_usd_per_mtok = 1\noutput_usd_per_mtok = 1\n", "name with a dot is quoted"
    ),
    "a date for a price": (
        ".toml", "[a]\ninput_usd_per_mtok = 2026-01-01\noutput_usd_per_mtok = 1\n", "is a number, not 2026-01-01"
    ),
    "too large": (".csv", b" " * (MAX_FILE_BYTES + 1), "no price table is"),
}  # fmt: skip


@pytest.mark.parametrize(("suffix", "content", "named"), HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_price_table_is_refused_with_file_reason_and_mend(
    tmp_path: Path, suffix: str, content: str | bytes, named: str
) -> None:
    path = written(tmp_path, f"prices{suffix}", content)

    with pytest.raises(OutcomesError) as caught:
        read_price_table(path)

    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert named in message
    assert "give each model" in message
    assert len(message) < 1_000


def test_a_file_that_is_not_there_or_is_a_folder_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "folder.csv"
    folder.mkdir()

    for path in (tmp_path / "none.csv", folder):
        with pytest.raises(OutcomesError, match="cannot be read") as caught:
            read_price_table(path)
        assert str(path) in str(caught.value)

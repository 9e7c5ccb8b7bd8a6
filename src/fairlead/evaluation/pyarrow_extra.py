"""pyarrow, of the extra `eval`: what reads or writes tables takes it from here, where its absence is told."""

from fairlead.domain.errors import SetupError

try:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv  # noqa: F401 - what pa.csv is from here on
    import pyarrow.parquet as pq
except ModuleNotFoundError as error:
    raise SetupError(
        f"the module {error.name!r} is not installed, which tables are read and written with: "
        "pip install 'fairlead[eval]'"
    ) from error

__all__ = ("pa", "pc", "pq")

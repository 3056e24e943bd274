"""Parquet tick files, row by row as the JSON lines that they would be."""

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from polyterm.errors import ConfigError
from polyterm.store.tickfile_text import nobody

MAGIC: Final = b"PAR1"
_BATCH_ROWS: Final = 10_000


def parquet_lines(
    path: Path, columns: tuple[str, ...], on_read: Callable[[int], None] = nobody
) -> Iterator[tuple[int, str]]:
    """(row number from 1, JSON object) of every row, with those of ``columns`` that the file has.

    ``on_read`` is told the bytes that a row stands for, taken to be all of one size.

    Raises:
        ConfigError: pyarrow is not installed, or the file cannot be read.
    """
    try:
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise ConfigError(
            f"{path} is a Parquet file, which needs pyarrow: pip install 'polyterm-console[parquet]'."
        ) from None
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            size, rows = path.stat().st_size, max(1, file.metadata.num_rows)
            found = [name for name in file.schema_arrow.names if name in columns]
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=found):
                on_read(size * batch.num_rows // rows)
                for row in batch.to_pylist():
                    number += 1
                    yield number, msgspec.json.encode(row).decode()
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        raise ConfigError(f"{path} cannot be read after row {number}: {error}.") from None

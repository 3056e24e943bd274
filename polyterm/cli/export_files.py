"""Rows as CSV, JSON lines or Parquet, written as they come."""

import gzip
import importlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, Protocol

import zstandard

from polyterm.errors import ConfigError
from polyterm.store.reports.export import ExportedRow, What, columns
from polyterm.store.reports.lines import csv_header, csv_lines, json_objects

Format = Literal["csv", "json", "parquet"]
FORMATS: Final[Mapping[str, Format]] = {".csv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet"}
COMPRESSIONS: Final = (".gz", ".zst")

_GROUP_ROWS: Final = 32_768


class Writer(Protocol):
    def write(self, rows: Sequence[ExportedRow]) -> None: ...
    def close(self) -> None: ...


def format_of(path: Path) -> Format | None:
    """What the name asks for."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    return FORMATS.get(suffixes[-1]) if suffixes else None


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """A file that takes its name only when it is whole; compressed when the name ends in .gz or .zst.

    Raises:
        ConfigError: it cannot be written.
    """
    partial = path.with_name(f"{path.name}.part")
    try:
        with partial.open("wb") as file, _compressed(path, file) as out:
            yield out
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}.") from None
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def _compressed(path: Path, file: BinaryIO) -> Iterator[BinaryIO]:
    match path.suffix.lower():
        case ".gz":
            with gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as out:
                yield out  # type: ignore[misc]
        case ".zst":
            with zstandard.ZstdCompressor().stream_writer(file, closefd=False) as out:
                yield out
        case _:
            yield file


def writer(format_: Format, out: BinaryIO, what: What) -> Writer:
    match format_:
        case "csv":
            return _Csv(out, what)
        case "json":
            return _JsonLines(out, what)
        case "parquet":
            return _Parquet(out, what)


class _JsonLines:
    def __init__(self, out: BinaryIO, what: What) -> None:
        self._out = out
        self._what = what

    def write(self, rows: Sequence[ExportedRow]) -> None:
        self._out.write(b"".join(line + b"\n" for line in json_objects(self._what, rows)))

    def close(self) -> None:
        """Every line is out."""


class _Csv:
    def __init__(self, out: BinaryIO, what: What) -> None:
        self._out = out
        self._what = what
        out.write(csv_header(what))

    def write(self, rows: Sequence[ExportedRow]) -> None:
        self._out.write(csv_lines(self._what, rows))

    def close(self) -> None:
        """Every line is out."""


class _Parquet:
    """Row groups of ``_GROUP_ROWS``, compressed with zstd."""

    def __init__(self, out: BinaryIO, what: What) -> None:
        try:
            self._arrow: Any = importlib.import_module("pyarrow")
            parquet: Any = importlib.import_module("pyarrow.parquet")
        except ImportError:
            raise ConfigError("Parquet files need pyarrow: pip install 'polyterm-console[parquet]'.") from None
        arrow = self._arrow
        types = {
            "whole": arrow.int64(),
            "real": arrow.float64(),
            "text": arrow.string(),
            "json": arrow.string(),
            "time": arrow.timestamp("us", tz="UTC"),
        }
        self._schema = arrow.schema([(name, types[kind]) for name, kind in columns(what).items()])
        self._parquet = parquet.ParquetWriter(out, self._schema, compression="zstd")
        self._waiting: list[Any] = []
        self._rows = 0

    def write(self, rows: Sequence[ExportedRow]) -> None:
        self._waiting.append(self._arrow.Table.from_pylist(rows, schema=self._schema))
        self._rows += len(rows)
        if self._rows >= _GROUP_ROWS:
            self._write_group()

    def _write_group(self) -> None:
        if self._waiting:
            self._parquet.write_table(self._arrow.concat_tables(self._waiting).combine_chunks())
        self._waiting, self._rows = [], 0

    def close(self) -> None:
        self._write_group()
        self._parquet.close()

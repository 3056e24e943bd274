"""Recordings as the engine's inputs: windows that open and end, one tick per market second, outcomes."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path

from polyterm.core.market import MarketKey
from polyterm.errors import ConfigError
from polyterm.store.tickfile_exported import COLUMNS as EXPORTED_COLUMNS
from polyterm.store.tickfile_exported import is_exported, read_exported
from polyterm.store.tickfile_outcomes import KnownWindow, read_outcomes
from polyterm.store.tickfile_parquet import MAGIC, parquet_lines
from polyterm.store.tickfile_rows import JSON_COLUMNS, LeftOut, Lines, Row, WindowEnd, read_csv, read_jsonl, slot_of
from polyterm.store.tickfile_text import begins_with, nobody, read_lines
from polyterm.store.tickfile_windows import Recording, Stamped


def read_ticks(path: Path, outcomes: Path | None = None) -> Iterator[Stamped]:
    """``(at_ms, payload)`` pairs in order of market time. Lines that cannot be used are left out, the rest goes on.

    Several rows of one second become one tick, made of the last of them: slot n holds what was seen in (n-1, n]. A
    second without a row gets no tick. JSON lines are read as a stream and must be in order of time; CSV rows are read
    as a whole and put in order first.

    Raises:
        ConfigError: at what cannot be read, or at the end because lines were left out, with the file, the line and what
            to do; after everything that could be used.
    """
    yield from read_recording(path, {} if outcomes is None else read_outcomes(outcomes))


def read_recording(
    path: Path, known: Mapping[MarketKey, KnownWindow], on_read: Callable[[int], None] = nobody
) -> Iterator[Stamped]:
    """``read_ticks`` with what is known of the windows already read; ``on_read`` as of ``read_lines``."""
    if begins_with(path, MAGIC):
        lines = parquet_lines(path, (*JSON_COLUMNS, *EXPORTED_COLUMNS), on_read)
    else:
        lines = read_lines(path, on_read=on_read)
    first = next(lines, None)
    if first is None:
        raise ConfigError(f"{path} is empty.")
    whole = chain((first,), lines)
    left_out = LeftOut()
    if is_exported(first[1]):
        yield from read_exported(path, whole, known, left_out)
    else:
        yield from _from_rows(path, whole, known, left_out, is_json=first[1].lstrip().startswith("{"))
    if left_out.count:
        others = f" {left_out.count - 1:,} more lines were left out." if left_out.count > 1 else ""
        raise ConfigError(f"{path}, {left_out.first}; repair or remove the line.{others}")


def _from_rows(
    path: Path, whole: Lines, known: Mapping[MarketKey, KnownWindow], left_out: LeftOut, *, is_json: bool
) -> Iterator[Stamped]:  # fmt: skip
    rows = read_jsonl(whole, left_out) if is_json else _in_order(read_csv(path, whole, left_out))
    recording = Recording(known, settles_itself=not is_json)
    seconds = _Seconds(recording)
    failure: ConfigError | None = None
    try:
        for row in rows:
            yield from seconds.take(row)
    except ConfigError as error:
        failure = error
    yield from seconds.flush()
    yield from recording.finish()
    if failure is not None:
        raise failure


def _in_order(rows: Iterator[Row]) -> Iterator[Row]:
    kept: list[Row] = []
    failure: ConfigError | None = None
    try:
        kept.extend(rows)
    except ConfigError as error:
        failure = error
    kept.sort(key=lambda row: row.at_ms)
    yield from kept
    if failure is not None:
        raise failure


class _Seconds:
    """Gathers the rows of one slot and keeps the newest of each market."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._slot = 0
        self._rows: dict[MarketKey, Row] = {}

    def take(self, row: Row | WindowEnd) -> Iterator[Stamped]:
        if isinstance(row, WindowEnd):
            yield from self.flush()
            yield from self._recording.end_window(row)
            return
        slot = slot_of(row.at_ms)
        if slot != self._slot:
            yield from self.flush()
            self._slot = slot
        self._rows[row.key] = row

    def flush(self) -> Iterator[Stamped]:
        rows, self._rows = tuple(self._rows.values()), {}
        if rows:
            yield from self._recording.observe(self._slot, rows)

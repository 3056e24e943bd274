"""What ``polyterm replay`` may be given: tick files, databases, and recordings of raw frames."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from polyterm.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from polyterm.core.market import MarketKey
    from polyterm.store.location import Location
    from polyterm.store.span import Span, Stamped
    from polyterm.store.tickfile_outcomes import KnownWindow

_SQLITE: Final = b"SQLite format 3\x00"


def parse_span(start: str | None, end: str | None, coins: str | None) -> "Span":
    """Raises ConfigError for what is no time or no coin."""
    from polyterm.cli.launch import parse_coins
    from polyterm.store.span import Span, parse_moment

    from_ms, to_ms = (None if text is None else parse_moment(text) for text in (start, end))
    if from_ms is not None and to_ms is not None and from_ms >= to_ms:
        raise ConfigError(f"--from {start} is not before --to {end}.")
    return Span(from_ms, to_ms, None if coins is None else parse_coins(coins))


def weight(source: str) -> int:
    """Bytes of a source, for its share of the progress; 0 where that is not known."""
    path = Path(source)
    try:
        return sum(each.stat().st_size for each in path.iterdir()) if path.is_dir() else path.stat().st_size
    except OSError:
        return 0  # whoever reads it says what is wrong


def merged(
    sources: Sequence[str],
    known: Mapping["MarketKey", "KnownWindow"],
    span: "Span",
    failures: list[str],
    on_read: Callable[[int], None] | None = None,
) -> Iterator["Stamped"]:
    """All sources in order of time. One that breaks off ends there, and says why in ``failures``; the others go on."""
    import heapq

    from polyterm.store.span import within

    def read(source: str) -> Iterator["Stamped"]:
        try:
            yield from within(span, payloads(source, known, span, on_read or _nobody))
        except (ConfigError, StoreError) as error:
            failures.append(str(error))

    return heapq.merge(*(read(source) for source in sources), key=lambda stamped: stamped[0])


def _nobody(_: int) -> None:
    """Nobody follows the progress."""


def payloads(
    source: str,
    known: Mapping["MarketKey", "KnownWindow"],
    span: "Span",
    on_read: Callable[[int], None] = _nobody,
) -> Iterator["Stamped"]:
    """``(at_ms, payload)`` pairs of one source, told from what is in it and not by its name.

    ``on_read`` is told how many more bytes of it have been read.

    Raises:
        ConfigError: it cannot be read, or is nothing that could be replayed; after everything before that point.
        StoreError: the database cannot be read.
    """
    from polyterm.store.tickfile_text import begins_with
    from polyterm.store.tickfiles import read_recording

    if "://" in source:
        from polyterm.store.location import locate

        return _from_store(locate(source, Path()), span, on_read)
    from polyterm.store.location import SqliteFile

    path = Path(source)
    if _is_raw(path):
        return _from_frames(path, on_read)
    if begins_with(path, _SQLITE):
        return _from_store(SqliteFile(path), span, on_read)
    return read_recording(path, known, on_read)


def _is_raw(path: Path) -> bool:
    """Whether it is a recording of raw frames: a folder, or a file that begins with the header of one."""
    from polyterm.feeds.recording import is_header
    from polyterm.store.tickfile_text import read_lines

    if path.is_dir():
        return True
    try:
        return any(is_header(line) for _, line in islice(read_lines(path, may_be_cut=True), 1))
    except ConfigError:
        return False  # whoever reads it as something else says what is wrong


def _from_frames(path: Path, on_read: Callable[[int], None]) -> Iterator["Stamped"]:
    import logging

    from polyterm.service.recordings import read_raw

    logging.getLogger("polyterm.feeds").addHandler(logging.NullHandler())  # it was logged when it happened
    return read_raw(path, on_read)


def _from_store(location: "Location", span: "Span", on_read: Callable[[int], None]) -> Iterator["Stamped"]:
    from polyterm.store.history import read_store

    return read_store(location, span, on_read)

"""Files of ``polyterm export ticks``: rows of the table, each the whole tick as it was traded on."""

import csv
import heapq
import math
from collections.abc import Iterator, Mapping
from itertools import chain, count
from pathlib import Path
from typing import Final

import msgspec

from polyterm.core.input import Outcome, Payload, WindowEnded, WindowOpened
from polyterm.core.market import Coin, Grade, Horizon, MarketKey, Reference
from polyterm.core.tick import Invalid, Levels, Tick
from polyterm.store.tick_rows import MIRRORED, mirrored
from polyterm.store.tickfile_outcomes import KnownWindow
from polyterm.store.tickfile_rows import LeftOut, Lines, csv_cells

Stamped = tuple[int, Payload]

_MARK: Final = "made_ms"
# What comes first of what is stamped with the same moment.
_ENDED, _OUTCOME = range(2)


class _Depth(msgspec.Struct):
    bids: Levels
    asks: Levels


class _Row(msgspec.Struct, kw_only=True):
    """What a tick is made of; what can be derived from it is not read."""

    crypto: Coin
    horizon: Horizon
    timestamp_ms: int
    window_epoch: int
    made_ms: int | None = None
    up_bid: float | None = None
    up_bid_size: float | None = None
    up_ask: float | None = None
    up_ask_size: float | None = None
    down_bid: float | None = None
    down_bid_size: float | None = None
    down_ask: float | None = None
    down_ask_size: float | None = None
    up_book_depth: _Depth | str | None = None
    down_book_depth: _Depth | str | None = None
    up_last_trade: float | None = None
    down_last_trade: float | None = None
    book_age_ms: int | None = None
    spot_price: float | None = None
    spot_source: str | None = None
    spot_age_ms: int | None = None
    spot_basis: float | None = None
    price_to_beat: float | None = None
    strike_source: str | None = None
    strike_grade: Grade | None = None
    strike_at_ms: int | None = None
    chainlink_price: float | None = None
    chainlink_source: str | None = None
    chainlink_at_ms: int | None = None
    chainlink_age_ms: int | None = None
    twap_price: float | None = None
    twap_at_ms: int | None = None
    twap_age_ms: int | None = None
    invalid: Invalid | None = None


COLUMNS: Final = _Row.__struct_fields__

_NEEDS: Final = frozenset(("crypto", "horizon", "timestamp_ms", "window_epoch", _MARK))
_NO_DEPTH: Final = _Depth((), ())
# What a tick calls by the same name.
_SAME: Final = tuple(name for name in COLUMNS if name in Tick.__struct_fields__ and name != _MARK)

_json_row: Final = msgspec.json.Decoder(_Row)
_json_depth: Final = msgspec.json.Decoder(_Depth)


def is_exported(first_line: str) -> bool:
    """Whether a file that begins so was exported: no other tick says when it was made."""
    if first_line.lstrip().startswith("{"):
        return f'"{_MARK}"' in first_line
    return _MARK in next(csv.reader([first_line]), [])


def read_exported(
    path: Path, lines: Lines, known: Mapping[MarketKey, KnownWindow], left_out: LeftOut
) -> Iterator[Stamped]:  # fmt: skip
    """Ticks as they are, and their windows, ended and settled as ``known`` tells.

    A window begins with its first tick; where nobody knows of it, with the first that could be traded on. A line that
    is no tick, or goes back in time, is left out.

    Raises:
        ConfigError: a CSV is none from some line on.
    """
    windows = _Windows(known)
    newest_ms = 0
    for number, values in _values(path, lines):
        try:
            tick = _tick(values)
        except (msgspec.DecodeError, ValueError) as error:
            left_out.note(f"line {number}: {str(error).rstrip('.')}")
            continue
        if tick.at_ms < newest_ms:
            left_out.note(f"line {number}: {(newest_ms - tick.at_ms) // 1000} s before the line above it")
            continue
        newest_ms = tick.at_ms
        yield from windows.before(tick)
        yield tick.at_ms, tick
    yield from windows.rest()


def _values(path: Path, lines: Lines) -> Iterator[tuple[int, str | dict[str, str]]]:
    """A JSON object as it is, or the cells of a CSV line that hold something."""
    numbered = iter(lines)
    first = next(numbered)
    whole = chain((first,), numbered)
    if first[1].lstrip().startswith("{"):
        yield from ((number, line) for number, line in whole if line.strip())
    else:
        for number, cells in csv_cells(path, whole, _NEEDS):
            yield number, {name: text for name, text in cells.items() if text}


def _tick(values: str | dict[str, str]) -> Tick:
    """Raises msgspec.DecodeError or ValueError for what is no tick."""
    row = _json_row.decode(values) if isinstance(values, str) else msgspec.convert(values, _Row, strict=False)
    key = MarketKey(row.crypto, row.horizon, row.window_epoch)
    if row.window_epoch % key.seconds:
        raise ValueError(f"{row.window_epoch} is not the start of a {row.horizon} window")
    if row.timestamp_ms % 1000:
        raise ValueError(f"{row.timestamp_ms} ms is not a whole second")
    up = _depth(row.up_book_depth)
    if row.down_book_depth in (MIRRORED, f'"{MIRRORED}"'):
        down = _Depth(*mirrored(up.bids, up.asks))
    else:
        down = _depth(row.down_book_depth)
    strike = None
    if row.price_to_beat is not None:
        at_ms = row.window_epoch * 1000 if row.strike_at_ms is None else row.strike_at_ms
        strike = Reference(row.price_to_beat, row.strike_source or "file", row.strike_grade or "spot", at_ms)
    tick = Tick(
        key=key,
        slot=row.timestamp_ms // 1000,
        made_ms=row.timestamp_ms if row.made_ms is None else row.made_ms,
        up_bids=up.bids,
        up_asks=up.asks,
        down_bids=down.bids,
        down_asks=down.asks,
        spot=row.spot_price,
        strike=strike,
        oracle=row.chainlink_price,
        oracle_source=row.chainlink_source,
        oracle_at_ms=row.chainlink_at_ms,
        oracle_age_ms=row.chainlink_age_ms,
        twap=row.twap_price,
        **{name: getattr(row, name) for name in _SAME},
    )
    if not all(math.isfinite(value) for name in _SAME if isinstance(value := getattr(tick, name), float)):
        raise ValueError("a number is not finite")
    return tick


def _depth(value: _Depth | str | None) -> _Depth:
    if value is None:
        return _NO_DEPTH
    return _json_depth.decode(value) if isinstance(value, str) else value


class _Windows:
    """Starts, ends and outcomes in their place among the ticks."""

    def __init__(self, known: Mapping[MarketKey, KnownWindow]) -> None:
        self._known = known
        self._seen: set[MarketKey] = set()
        self._order = count()
        self._ahead: list[tuple[int, int, int, Payload]] = []

    def before(self, tick: Tick) -> Iterator[Stamped]:
        while self._ahead and self._ahead[0][0] <= tick.at_ms:
            at_ms, _, _, payload = heapq.heappop(self._ahead)
            yield at_ms, payload
        known = self._known.get(tick.key)
        is_open = tick.invalid != "window_not_open" or (known is not None and known.opened)
        if is_open and tick.key not in self._seen:
            self._seen.add(tick.key)
            yield tick.at_ms, WindowOpened(tick.key, None, known.fee if known else None)
            self._plan(tick.key, known)

    def _plan(self, key: MarketKey, known: KnownWindow | None) -> None:
        end_ms = key.end * 1000
        self._put(end_ms, _ENDED, WindowEnded(key, known.final_reference if known else None))
        if known is not None and known.outcome is not None:
            outcome = Outcome(key, known.outcome, known.grade, known.source, known.final, known.strike_reference)
            self._put(max(end_ms, known.resolved_ms or 0), _OUTCOME, outcome)

    def _put(self, at_ms: int, rank: int, payload: Payload) -> None:
        heapq.heappush(self._ahead, (at_ms, rank, next(self._order), payload))

    def rest(self) -> Iterator[Stamped]:
        for at_ms, _, _, payload in sorted(self._ahead):
            yield at_ms, payload
        self._ahead = []

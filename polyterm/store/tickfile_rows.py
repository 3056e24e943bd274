"""Lines of a tick file as typed rows: JSON lines with the keys of an engine's tick, or CSV of recorded books."""

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import msgspec

from polyterm.core.market import COINS, HORIZON_SECONDS, Coin, Grade, Horizon, MarketKey, Side, window_epoch
from polyterm.errors import ConfigError

Lines = Iterable[tuple[int, str]]
Decoded = TypeVar("Decoded")

_HORIZON_OF: Final[dict[int, Horizon]] = {seconds: horizon for horizon, seconds in HORIZON_SECONDS.items()}
_COIN_OF: Final[dict[str, Coin]] = {coin: coin for coin in COINS}


def slot_of(at_ms: int) -> int:
    """The market second (unix s) at whose end something seen at ``at_ms`` is known: slot n covers (n-1, n]."""
    return -(-at_ms // 1000)


class LeftOut:
    """Lines that could not be used while the rest was: how many, and what was wrong with the first."""

    def __init__(self) -> None:
        self.count = 0
        self.first = ""

    def note(self, what: str) -> None:
        self.first = self.first or what
        self.count += 1


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One observation of one market; None is what was not recorded, or a side without a quote.

    ``strike_grade`` is how far ``strike`` can be trusted when the file does not say where it comes from.
    """

    at_ms: int
    key: MarketKey
    up_bid: float | None
    up_bid_size: float | None
    up_ask: float | None
    up_ask_size: float | None
    down_bid: float | None
    down_bid_size: float | None
    down_ask: float | None
    down_ask_size: float | None
    up_last_trade: float | None = None
    down_last_trade: float | None = None
    spot: float | None = None
    spot_source: str | None = None
    oracle: float | None = None
    oracle_at_ms: int | None = None
    oracle_age_ms: int | None = None
    strike: float | None = None
    strike_grade: Grade = "spot"


class WindowEnd(msgspec.Struct, frozen=True, kw_only=True):
    """A line that says how a window ended."""

    at_ms: int
    key: MarketKey
    strike: float | None
    final: float | None
    outcome: Side | None


class _Kind(msgspec.Struct):
    type: Literal["tick", "window_end"] = "tick"


class _TickLine(msgspec.Struct):
    """Keys as the reference writes them, which knew 15m only; whatever can be derived from others is not read."""

    crypto: Coin
    timestamp_ms: int | None = None
    timestamp: int | None = None
    window_epoch: int | None = None
    epoch: int | None = None
    horizon: Horizon = "15m"
    up_bid: float | None = None
    up_bid_size: float | None = None
    up_ask: float | None = None
    up_ask_size: float | None = None
    down_bid: float | None = None
    down_bid_size: float | None = None
    down_ask: float | None = None
    down_ask_size: float | None = None
    up_last_trade: float | None = None
    down_last_trade: float | None = None
    spot_price: float | None = None
    price_to_beat: float | None = None
    chainlink_price: float | None = None
    chainlink_staleness: float | None = None
    chainlink_updated_at: int | None = None


class _EndLine(msgspec.Struct):
    ts: int
    crypto: Coin
    epoch: int
    horizon: Horizon = "15m"
    price_to_beat: float | None = None
    final_price: float | None = None
    outcome: Side | None = None


JSON_COLUMNS: Final = ("type", *dict.fromkeys(_TickLine.__struct_fields__ + _EndLine.__struct_fields__))

_kind: Final = msgspec.json.Decoder(_Kind)
_tick_line: Final = msgspec.json.Decoder(_TickLine)
_end_line: Final = msgspec.json.Decoder(_EndLine)


def read_jsonl(lines: Lines, left_out: LeftOut) -> Iterator[Row | WindowEnd]:
    """A line that is no tick and no end of a window, or goes back in time, is left out."""
    newest = 0
    for number, line in lines:
        if not line.strip():
            continue
        try:
            row = _json_line(line)
        except (msgspec.DecodeError, ValueError) as error:
            left_out.note(f"line {number}: {_sentence(error)}")
            continue
        if isinstance(row, Row):
            slot = slot_of(row.at_ms)
            if slot < newest:
                left_out.note(f"line {number}: {newest - slot} s before the line above it")
                continue
            newest = slot
        yield row


def _json_line(line: str) -> Row | WindowEnd:
    if _kind.decode(line).type == "window_end":
        return _end(_end_line.decode(line))
    return _json_row(_tick_line.decode(line))


def row_of_columns(columns: Mapping[str, Any]) -> Row:
    """Of what the reference calls its values. Raises ValueError or msgspec.ValidationError for what is no tick."""
    return _json_row(msgspec.convert(dict(columns), _TickLine, strict=False))


def _sentence(error: Exception) -> str:
    text = str(error).rstrip(".")
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _end(line: _EndLine) -> WindowEnd:
    return WindowEnd(
        at_ms=line.ts,
        key=_key(line.crypto, line.horizon, line.epoch),
        strike=_dollars("price_to_beat", line.price_to_beat),
        final=_dollars("final_price", line.final_price),
        outcome=line.outcome,
    )


def _json_row(line: _TickLine) -> Row:
    at_ms = line.timestamp_ms if line.timestamp_ms is not None else line.timestamp
    epoch = line.window_epoch if line.window_epoch is not None else line.epoch
    if at_ms is None or epoch is None:
        raise ValueError("a tick needs timestamp_ms and window_epoch")
    age_s = line.chainlink_staleness
    return Row(
        at_ms=at_ms,
        key=_key(line.crypto, line.horizon, epoch),
        up_bid=_bid("up_bid", line.up_bid),
        up_bid_size=line.up_bid_size or None,
        up_ask=_ask("up_ask", line.up_ask),
        up_ask_size=line.up_ask_size or None,
        down_bid=_bid("down_bid", line.down_bid),
        down_bid_size=line.down_bid_size or None,
        down_ask=_ask("down_ask", line.down_ask),
        down_ask_size=line.down_ask_size or None,
        up_last_trade=line.up_last_trade,
        down_last_trade=line.down_last_trade,
        spot=_dollars("spot_price", line.spot_price),
        oracle=_dollars("chainlink_price", line.chainlink_price),
        oracle_at_ms=None if line.chainlink_updated_at is None else line.chainlink_updated_at * 1000,
        oracle_age_ms=None if age_s is None else int(age_s * 1000),
        strike=_dollars("price_to_beat", line.price_to_beat),
    )


CSV_NEEDS: Final = frozenset(("ts_ms", "coin", "tf", "window", "up_bid", "up_ask"))


def read_csv(path: Path, lines: Lines, left_out: LeftOut) -> Iterator[Row]:
    """A line whose cells cannot be what the header says is left out.

    Raises:
        ConfigError: a column is missing, or the file is no CSV from some line on.
    """
    for number, cells in csv_cells(path, lines, CSV_NEEDS):
        try:
            row = _csv_row(cells)
        except ValueError as error:
            left_out.note(f"line {number}: {error}")
            continue
        yield row


def csv_cells(path: Path, lines: Lines, needed: frozenset[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, cells by column); columns that are not known are the reader's to ignore."""
    reader = csv.reader((line for _, line in lines), strict=True)
    try:
        header = next(reader, [])
        missing = sorted(needed.difference(header))
        if missing:
            raise ConfigError(f"{path}, line 1: neither ticks nor recorded books: no column {', '.join(missing)}.")
        for cells in reader:
            if cells and len(cells) != len(header):
                what = f"{len(cells)} cells instead of {len(header)}"
                raise ConfigError(f"{path}, line {reader.line_num}: {what}; repair or remove the line.")
            if cells:
                yield reader.line_num, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise ConfigError(f"{path}, line {reader.line_num}: {error}; repair or remove the line.") from None


def at_line(
    path: Path, number: int, parse: Callable[[dict[str, str]], Decoded], cells: dict[str, str]
) -> Decoded:  # fmt: skip
    """``parse(cells)``, with what it says against them made a sentence about that line."""
    try:
        return parse(cells)
    except ValueError as error:
        raise ConfigError(f"{path}, line {number}: {error}; repair or remove the line.") from None


def _csv_row(cells: dict[str, str]) -> Row:
    return Row(
        at_ms=_whole(cells, "ts_ms"),
        key=csv_key(cells),
        up_bid=_bid("up_bid", cell(cells, "up_bid")),
        up_bid_size=cell(cells, "up_bid_sz") or None,
        up_ask=_ask("up_ask", cell(cells, "up_ask")),
        up_ask_size=cell(cells, "up_ask_sz") or None,
        down_bid=_bid("down_bid", cell(cells, "down_bid")),
        down_bid_size=cell(cells, "down_bid_sz") or None,
        down_ask=_ask("down_ask", cell(cells, "down_ask")),
        down_ask_size=cell(cells, "down_ask_sz") or None,
        spot=_dollars("spot", cell(cells, "spot")),
        spot_source=cells.get("spot_src") or None,
        oracle=_dollars("oracle", cell(cells, "oracle")),
        strike=_dollars("price_to_beat", cell(cells, "price_to_beat")),
        strike_grade="stream",
    )


def csv_key(cells: dict[str, str]) -> MarketKey:
    """Raises ValueError for a coin or a window length that is not ours."""
    coin, seconds = cells["coin"].lower(), _whole(cells, "tf")
    if coin not in _COIN_OF:
        raise ValueError(f"coin {cells['coin']!r} is not one of {', '.join(COINS)}")
    if seconds not in _HORIZON_OF:
        raise ValueError(f"tf {seconds} is not one of {', '.join(map(str, _HORIZON_OF))} seconds")
    return _key(_COIN_OF[coin], _HORIZON_OF[seconds], _whole(cells, "window"))


def _key(coin: Coin, horizon: Horizon, epoch: int) -> MarketKey:
    if epoch < 0 or epoch != window_epoch(epoch, horizon):
        raise ValueError(f"{epoch} is not the start of a {horizon} window")
    return MarketKey(coin, horizon, epoch)


def _whole(cells: dict[str, str], column: str) -> int:
    try:
        return int(cells[column])
    except ValueError:
        raise ValueError(f"{column} {cells[column]!r} is not a whole number") from None


def cell(cells: dict[str, str], column: str) -> float | None:
    """The number in a cell, None where it is empty or the column is not there."""
    text = cells.get(column, "")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{column} {text!r} is not a number") from None
    if not math.isfinite(value):
        raise ValueError(f"{column} {text!r} is not a finite number")
    return value


def _quote(name: str, value: float | None) -> float | None:
    if value is not None and not 0 <= value <= 1:
        raise ValueError(f"{name} {value:g} is no price between 0 and 1")
    return value


def _bid(name: str, value: float | None) -> float | None:
    """A bid of 0 is how the venue and some recorders write that nobody bids."""
    return _quote(name, value) or None


def _ask(name: str, value: float | None) -> float | None:
    """An ask of 1 (or of 0, before any book came) is how an empty side is written."""
    return None if value == 1 else _quote(name, value) or None


def _dollars(name: str, value: float | None) -> float | None:
    if value is not None and value <= 0:
        raise ValueError(f"{name} {value:g} is no price")
    return value

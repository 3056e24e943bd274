"""What is known of windows from elsewhere: a CSV with strikes, finals and outcomes, or exported windows."""

from itertools import chain
from pathlib import Path
from typing import Final

import msgspec

from polyterm.core.market import COINS, HORIZON_SECONDS, Coin, FeeSchedule, Grade, Horizon, MarketKey, Reference, Side
from polyterm.errors import ConfigError
from polyterm.store.tickfile_rows import at_line, cell, csv_cells, csv_key
from polyterm.store.tickfile_text import read_lines

_NEEDS: Final = frozenset(("coin", "tf", "window", "outcome"))
_EXPORTED: Final = frozenset(("crypto", "horizon", "epoch", "outcome", "outcome_grade"))
_SIDES: Final[dict[str, Side]] = {"up": "up", "down": "down"}
_SECONDS: Final = {str(seconds) for seconds in HORIZON_SECONDS.values()}


class KnownWindow(msgspec.Struct, frozen=True):
    """``grade`` and ``source`` are of the outcome; None for what the file leaves open.

    The rest is known of windows that were exported from a database: ``opened`` says that their start was seen there.
    """

    key: MarketKey
    strike: float | None
    final: float | None
    outcome: Side | None
    grade: Grade
    source: str
    strike_reference: Reference | None = None
    final_reference: Reference | None = None
    resolved_ms: int | None = None
    fee: FeeSchedule | None = None
    opened: bool = False


class _ExportedWindow(msgspec.Struct):
    crypto: Coin
    horizon: Horizon
    epoch: int
    start_price: float | None = None
    strike_source: str | None = None
    strike_grade: Grade | None = None
    strike_at_ms: int | None = None
    end_price: float | None = None
    final_source: str | None = None
    final_grade: Grade | None = None
    final_at_ms: int | None = None
    outcome: Side | None = None
    outcome_source: str | None = None
    outcome_grade: Grade | None = None
    resolved_ms: int | None = None
    opened_ms: int | None = None
    fee_rate: float | None = None
    fee_exponent: float | None = None


def read_outcomes(path: Path) -> dict[MarketKey, KnownWindow]:
    """Windows by key; coins and lengths that are not ours are left out.

    Raises:
        ConfigError: the file cannot be read, or a line makes no sense.
    """
    known: dict[MarketKey, KnownWindow] = {}
    lines = read_lines(path)
    first = next(lines, (1, ""))
    exported = set(first[1].split(",")) >= _EXPORTED
    for number, cells in csv_cells(path, chain((first,), lines), frozenset() if exported else _NEEDS):
        if exported:
            window = at_line(path, number, _exported_window, cells)
            known[window.key] = window
        elif cells["coin"].lower() in COINS and cells["tf"] in _SECONDS:
            window = at_line(path, number, _window, cells)
            known[window.key] = window
    if not known:
        raise ConfigError(f"{path} holds no window of {', '.join(COINS)}.")
    return known


def _window(cells: dict[str, str]) -> KnownWindow:
    source = cells.get("outcome_source") or "file"
    outcome = cells["outcome"].lower()
    if outcome and outcome not in _SIDES:
        raise ValueError(f"outcome {cells['outcome']!r} is neither Up nor Down")
    return KnownWindow(
        key=csv_key(cells),
        strike=cell(cells, "price_to_beat"),
        final=cell(cells, "final_price"),
        outcome=_SIDES.get(outcome),
        grade=_grade(source),
        source=source,
    )


def _exported_window(cells: dict[str, str]) -> KnownWindow:
    """A row of ``polyterm export windows``."""
    row = msgspec.convert({name: text for name, text in cells.items() if text}, _ExportedWindow, strict=False)
    fee = None
    if row.fee_rate is not None and row.fee_exponent is not None:
        fee = FeeSchedule(row.fee_rate, row.fee_exponent)
    return KnownWindow(
        key=MarketKey(row.crypto, row.horizon, row.epoch),
        strike=row.start_price,
        final=row.end_price,
        outcome=row.outcome,
        grade=row.outcome_grade or "spot",
        source=row.outcome_source or "file",
        strike_reference=_reference(row.start_price, row.strike_source, row.strike_grade, row.strike_at_ms),
        final_reference=_reference(row.end_price, row.final_source, row.final_grade, row.final_at_ms),
        resolved_ms=row.resolved_ms,
        fee=fee,
        opened=row.opened_ms is not None,
    )


def _reference(price: float | None, source: str | None, grade: Grade | None, at_ms: int | None) -> Reference | None:
    if price is None or source is None or grade is None or at_ms is None:
        return None
    return Reference(price, source, grade, at_ms)


def _grade(source: str) -> Grade:
    """What the venue published is official; what was computed from the oracle's stream is as good as the stream."""
    if source.startswith("gamma_"):
        return "official"
    return "stream" if "chainlink" in source else "spot"

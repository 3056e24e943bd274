"""What is known of windows from elsewhere: a CSV with strikes, finals and outcomes."""

from pathlib import Path
from typing import Final

import msgspec

from polyterm.core.market import COINS, HORIZON_SECONDS, Grade, MarketKey, Side
from polyterm.errors import ConfigError
from polyterm.store.tickfile_rows import at_line, cell, csv_cells, csv_key
from polyterm.store.tickfile_text import read_lines

_NEEDS: Final = frozenset(("coin", "tf", "window", "outcome"))
_SIDES: Final[dict[str, Side]] = {"up": "up", "down": "down"}
_SECONDS: Final = {str(seconds) for seconds in HORIZON_SECONDS.values()}


class KnownWindow(msgspec.Struct, frozen=True):
    """``grade`` and ``source`` are of the outcome; None for what the file leaves open."""

    key: MarketKey
    strike: float | None
    final: float | None
    outcome: Side | None
    grade: Grade
    source: str


def read_outcomes(path: Path) -> dict[MarketKey, KnownWindow]:
    """Windows by key; coins and lengths that are not ours are left out.

    Raises:
        ConfigError: the file cannot be read, or a line makes no sense.
    """
    known: dict[MarketKey, KnownWindow] = {}
    for number, cells in csv_cells(path, read_lines(path), _NEEDS):
        if cells["coin"].lower() in COINS and cells["tf"] in _SECONDS:
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


def _grade(source: str) -> Grade:
    """What the venue published is official; what was computed from the oracle's stream is as good as the stream."""
    if source.startswith("gamma_"):
        return "official"
    return "stream" if "chainlink" in source else "spot"

"""Reports on paper: tables that fit the terminal, figures as the documented SQL rounds them."""

import errno
import os
import shutil
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Literal

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from polyterm.store.reports.health import spell_age

PIPE_WIDTH: Final = 160
"""Columns where nobody says how wide the reader's paper is."""

FEW_TRADES: Final = 100
"""Below so many a win rate says next to nothing of an edge."""

_ROOMY: Final = 100


class Column(msgspec.Struct, frozen=True):
    """``from_width`` is the width of the terminal below which the column is left out."""

    title: str
    is_text: bool = False
    from_width: int = 0


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """The command ends as every other does, not by rich's own way out."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


class Paper:
    """Where a report is written: the terminal, or whatever reads its output."""

    def __init__(self) -> None:
        self.width = shutil.get_terminal_size((PIPE_WIDTH, 24)).columns
        self._console = _Console(width=self.width, highlight=False, soft_wrap=False)
        self._left_out: dict[str, None] = {}

    def line(self, text: str = "", style: str = "") -> None:
        self._console.print(Text(text, style=style))

    def table(self, title: str, columns: Sequence[Column], rows: Iterable[Sequence[str]], empty: str) -> None:
        """``empty`` is a sentence about what would be listed."""
        self.line()
        self.line(title, "bold")
        shown = [place for place, column in enumerate(columns) if column.from_width <= self.width]
        table = Table(box=None, pad_edge=False, padding=(0, 2 if self.width >= _ROOMY else 1, 0, 0), header_style="dim")
        for place in shown:
            column = columns[place]
            # where room is short after all, names are folded and figures are not cut
            justify: Literal["left", "right"] = "left" if column.is_text else "right"
            table.add_column(column.title, justify=justify, no_wrap=not column.is_text, overflow="fold")
        for row in rows:
            table.add_row(*(_cell(row[place]) for place in shown))
        if not table.row_count:
            self.line(f"  {empty}", "dim")
            return
        self._console.print(table)
        self._left_out.update((column.title, None) for column in columns if column.from_width > self.width)

    def close(self) -> None:
        """Say which columns had no room."""
        if self._left_out:
            self.line()
            self.line(f"No room for: {', '.join(self._left_out)}. A wider terminal or --json shows them.", "dim")


def _cell(text: str) -> Text:
    style = {"+": "green", "-": "red"}.get(text[:1], "") if text[1:2].isdigit() else ""
    return Text(text, style=style)


def rounded(value: float, places: int) -> Decimal:
    """Half away from zero, of 15 significant digits: what PostgreSQL's ROUND(value::numeric, places) gives."""
    return Decimal(f"{value:.15g}").quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def money(value: float | None) -> str:
    """Dollars with their sign, or - where there is nothing to tell."""
    return "-" if value is None else f"{rounded(value, 2):+,}"


def amount(value: float | None) -> str:
    """Dollars that have no direction."""
    return "-" if value is None else f"{rounded(value, 2):,}"


def quote(value: float | None) -> str:
    """A price between 0 and 1."""
    return "-" if value is None else f"{value:.4g}"


def spot(value: float | None) -> str:
    """A coin's price in dollars."""
    if value is None:
        return "-"
    return f"{value:,.2f}" if value >= 100 else f"{value:,.5f}"


def percent(fraction: float | None, places: int = 1) -> str:
    return "-" if fraction is None else str(rounded(fraction * 100, places))


def interval(bounds: tuple[float, float] | None) -> str:
    return "-" if bounds is None else f"{bounds[0] * 100:.1f}–{bounds[1] * 100:.1f}"


def moment(ms: int | None) -> str:
    return "-" if ms is None else f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def short_moment(ms: int | None) -> str:
    return "-" if ms is None else f"{datetime.fromtimestamp(ms / 1000, UTC):%m-%d %H:%M:%S}"


def age(seconds: float | None) -> str:
    return "-" if seconds is None else spell_age(seconds)


def size(size_bytes: float | None) -> str:
    if size_bytes is None:
        return "-"
    for unit in ("B", "kB", "MB"):
        if size_bytes < 1_000:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1_000
    return f"{size_bytes:.2f} GB"

"""What the words on the screen mean, for the help."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from polyterm.console.layout import Column
from polyterm.console.view.cells import Cell, Row, laid_out

WORDS: Final = (
    ("window", "one market: does the coin end at or above where it began? Up and Down shares pay $1 or nothing"),
    ("strike", "the price to beat; graded by its source, the best first: official, stream, oracle, spot"),
    ("tick, slot", "what all sources said in one second of the market; strategies see nothing else"),
    ("Up bid/ask", "what an Up share can be sold and bought for; Down costs about $1 minus that"),
    ("fair, edge", "what Up is worth by spot and its volatility; how far the market is from it, coloured from 3¢ on"),
    ("regime", "what kind of market this is, by how straight and how far its price went"),
    ("oracle/TWAP", "the price that settles the window: a 60-second average where it is known"),
    ("spot off", "spot against the price that settles, in hundredths of a percent"),
    ("tradable?", "may strategies act on this second's tick, and if not, why"),
    ("paper", "no order is sent: every strategy has a book of its own and fills at the real prices"),
    ("touch", "P&L at the quoted prices and without fees, as if a trade cost nothing"),
    ("costed", "P&L after the venue's fee; the leaderboard is sorted by it"),
    ("flattery", "how much better touch looks than what could really be had"),
    ("luck?", "few: under 30 trades; luck: the best of so many get as far by chance; else how many σ beyond it"),
    ("95%", "win rates that chance could turn into the one you see"),
    ("max dd", "deepest fall of costed P&L below its peak, dollars"),
    ("mark, exit", "a position's worth in the middle of bid and ask; what it could be sold for now"),
    ("exposure", "dollars paid for what is open"),
    ("conflict", "% of common windows in which two took opposite sides: both pay fees, only one can win"),
    ("camp", "strategies that almost always take the same side"),
    ("net", "Up minus Down shares open in a window: only the difference is at risk"),
    ("» marks", "what belongs to the strategy under the leaderboard's cursor"),
    ("stale", "* and dimmed: older than its limit, or the engine is not there"),
    ("PAUSED", "no entries; exits and settlement go on"),
    ("KILLED", "no entries, no exits; what is open stays and settles; it lasts across restarts until it is resumed"),
    ("observer", "an engine that only watches, because another one writes to the same database"),
    ("spool", "rows that are safe on this machine's disk until the database is back"),
)


def explaining(first: Cell, meaning: str, columns: Sequence[Column]) -> Iterator[Row]:
    """A row for every line that the meaning takes; only the first says what is explained."""
    for place, line in enumerate(textwrap.wrap(meaning, columns[-1].width) or [""]):
        head = Cell("", first.role) if place else first
        yield _row(f"{first.text}{meaning}{place}", (head, Cell(line)), columns)


def _row(key: str, cells: tuple[Cell, ...], columns: Sequence[Column]) -> Row:
    return Row(key, lambda: laid_out(cells, columns))

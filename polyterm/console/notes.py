"""What the console itself notices from one snapshot to the next: feeds that come and go, windows taken both ways."""

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from polyterm.core.market import MarketKey
from polyterm.core.snapshot import Conflicts, FeedRow, Feeds

NoteKind = Literal["feeds", "conflicts"]
NoteLevel = Literal["info", "warn", "danger"]

_LEVELS: Final[dict[str, NoteLevel]] = {"down": "danger", "stale": "warn"}


class Note(msgspec.Struct, frozen=True):
    """``number`` tells apart what was noticed at the same time (market ms)."""

    at_ms: int
    number: int
    kind: NoteKind
    level: NoteLevel
    text: str


def feed_changes(before: Feeds | None, after: Feeds) -> Iterator[tuple[NoteLevel, str]]:
    """Feeds that went down or stale, and those that came back. At first sight only what is wrong is worth a note."""
    known = {row.name: row.state for row in before.rows} if before is not None else {}
    for row in after.rows:
        previous = known.get(row.name)
        if previous == row.state:
            continue
        if row.state in _LEVELS:
            yield _LEVELS[row.state], f"{row.name} is {row.state}{_why(row)}"
        elif row.state == "live" and previous is not None:
            yield "info", f"{row.name} is live" + (" again" if previous in _LEVELS else "")


def _why(row: FeedRow) -> str:
    return f": {row.reason}" if row.reason else ""


def conflict_changes(before: Conflicts | None, after: Conflicts) -> Iterator[tuple[NoteLevel, str]]:
    """Running windows in which the second side has been taken since; none at first sight, which may be late."""
    if before is None:
        return
    known = _conflicted(before)
    for lineup in after.lineup:
        if lineup.key not in known and lineup.up and lineup.down:
            name = f"{lineup.key.coin.upper()} {lineup.key.horizon}"
            yield "warn", f"{name} conflict: {len(lineup.up)} up against {len(lineup.down)} down"


def _conflicted(conflicts: Conflicts) -> set[MarketKey]:
    return {lineup.key for lineup in conflicts.lineup if lineup.up and lineup.down}

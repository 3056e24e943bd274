"""What of a snapshot has to travel: sections that changed, and of the long ones only the rows that did."""

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

import msgspec

from polyterm.core.snapshot import ConflictPair, Conflicts, Leaderboard, LeaderboardRow, Snapshot, SnapshotDelta
from polyterm.errors import LinkError

Row = TypeVar("Row", bound=msgspec.Struct)


def thinned(sent: Snapshot | None, newest: Snapshot) -> SnapshotDelta | None:
    """What a client that holds ``sent`` lacks of the newest; None when it lacks nothing."""
    if sent is None:
        return SnapshotDelta(**{name: getattr(newest, name) for name in Snapshot.__struct_fields__})
    changed = {
        name: getattr(newest, name)
        for name in Snapshot.__struct_fields__
        if getattr(newest, name).version != getattr(sent, name).version
    }
    if not changed:
        return None
    delta = SnapshotDelta(**changed)
    if delta.leaderboard is not None:
        rows = _changed(sent.leaderboard.rows, newest.leaderboard.rows, _strategy)
        if rows is not None:
            board = Leaderboard(newest.leaderboard.version, rows)
            delta = msgspec.structs.replace(delta, leaderboard=board, leaderboard_since=sent.leaderboard.version)
    if delta.conflicts is not None:
        pairs = _changed(sent.conflicts.pairs, newest.conflicts.pairs, _names)
        if pairs is not None:
            conflicts = msgspec.structs.replace(newest.conflicts, pairs=pairs)
            delta = msgspec.structs.replace(delta, conflicts=conflicts, conflicts_since=sent.conflicts.version)
    return delta


class Whole:
    """Puts together again what ``thinned`` took apart, from what came before over the same connection."""

    def __init__(self) -> None:
        self._leaderboard: Leaderboard | None = None
        self._conflicts: Conflicts | None = None

    def of(self, delta: SnapshotDelta) -> SnapshotDelta:
        """The same sections with all their rows.

        Raises:
            LinkError: it builds on what never came.
        """
        board, conflicts = delta.leaderboard, delta.conflicts
        if board is not None and delta.leaderboard_since is not None:
            held = self._leaderboard
            if held is None or held.version != delta.leaderboard_since:
                raise LinkError("the engine told of changes to a leaderboard that it never sent")
            board = Leaderboard(board.version, _with(held.rows, board.rows, _strategy))
        if conflicts is not None and delta.conflicts_since is not None:
            known = self._conflicts
            if known is None or known.version != delta.conflicts_since:
                raise LinkError("the engine told of changes to conflicts that it never sent")
            conflicts = msgspec.structs.replace(conflicts, pairs=_with(known.pairs, conflicts.pairs, _names))
        self._leaderboard, self._conflicts = board or self._leaderboard, conflicts or self._conflicts
        return msgspec.structs.replace(
            delta, leaderboard=board, leaderboard_since=None, conflicts=conflicts, conflicts_since=None
        )


def _changed(before: Iterable[Row], now: Iterable[Row], key: Callable[[Row], Hashable]) -> tuple[Row, ...] | None:
    """The rows that are new or different; None when one has gone, which only the whole can tell."""
    known = {key(row): row for row in before}
    changed = tuple(row for row in now if known.pop(key(row), None) != row)
    return None if known else changed


def _with(held: Iterable[Row], changed: Iterable[Row], key: Callable[[Row], Hashable]) -> tuple[Row, ...]:
    return tuple(({key(row): row for row in held} | {key(row): row for row in changed}).values())


def _strategy(row: LeaderboardRow) -> str:
    return row.strategy


def _names(pair: ConflictPair) -> tuple[str, str]:
    return pair.first, pair.second

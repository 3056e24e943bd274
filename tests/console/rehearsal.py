"""The console on a made-up engine, to look at it and to measure it: ``python -m tests.console.rehearsal [strategies]``.

Four snapshots a second; every second new ticks, every other second a trade. No feed, engine or socket takes part.
"""

import asyncio
import itertools
import random
import sys

import msgspec

from polyterm.console.app import ConsoleApp
from polyterm.console.theming import choose, find_themes
from polyterm.core.command import Ack, Command
from polyterm.core.snapshot import ConflictPair, Conflicts, Feeds, Leaderboard, Positions, SnapshotDelta, TickRow, Ticks
from tests.console import scenes
from tests.console.links import CONNECTED, MemoryLink, obedient

RATE = 4


class Rehearsal(MemoryLink):
    def __init__(self, strategies: int) -> None:
        super().__init__(CONNECTED)
        self._random = random.Random(7)
        self._state = "RUNNING"
        self._names = [f"{family}_{number}" for number in range(20) for family in ("SpotLag", "Endgame", "Contrarian")]
        self._names = self._names[:strategies]
        self._standings = {name: scenes.standing(name, (0, 0), (0.0, 0.0)) for name in self._names}
        self._spots = {coin: [spot] for coin, spot in (("btc", 97e3), ("eth", 3400.0), ("sol", 142.0), ("xrp", 2.12))}

    async def run(self) -> None:
        self.on_connection(self._connection)
        for frame in itertools.count():
            self.on_snapshot(self._delta(frame))
            if frame % (2 * RATE) == 0:
                self.on_events((msgspec.structs.replace(scenes.EVENTS[5], id=scenes.event_id(frame + 10)),))
            await asyncio.sleep(1 / RATE)

    async def send(self, command: Command) -> Ack:
        ack = obedient(command)
        self._state = ack.state
        return ack

    def _delta(self, frame: int) -> SnapshotDelta:
        market_ms = scenes.EPOCH * 1000 + frame * 1000 // RATE
        status = msgspec.structs.replace(
            scenes.STATUS, version=frame, market_ms=market_ms, trading_state=self._state, inputs=4 * frame
        )
        feeds = Feeds(frame, tuple(msgspec.structs.replace(row, age_s=frame % 7 / 10) for row in scenes.FEEDS.rows))
        if frame % RATE:
            return SnapshotDelta(status=status, feeds=feeds)
        changed: dict[str, object] = {"ticks": self._ticks(frame, market_ms)}
        if frame % (2 * RATE) == 0:
            changed |= self._trades(frame, market_ms)
        return SnapshotDelta(status=status, feeds=feeds, **changed)

    def _ticks(self, frame: int, market_ms: int) -> Ticks:
        rows = []
        for coin, path in self._spots.items():
            path.append(path[-1] * (1 + self._random.gauss(0, 2e-4)))
            bid = round(self._random.uniform(0.3, 0.6), 2)
            tick = scenes.tick(
                coin, spot=path[-1], made_ms=market_ms, slot=market_ms // 1000, up_bid=bid, up_ask=bid + 0.01
            )
            rows.append(TickRow(coin, "15m", tick, tuple(path[-60:]), ()))
        return Ticks(frame, tuple(rows))

    def _trades(self, frame: int, market_ms: int) -> dict[str, object]:
        name = self._random.choice(self._names)
        row = self._standings[name]
        won = self._random.random() < 0.5
        pnl = row.pnl_costed + (8.0 if won else -9.0)
        self._standings[name] = msgspec.structs.replace(
            row,
            trades=row.trades + 1,
            wins=row.wins + won,
            pnl_costed=pnl,
            pnl_touch=pnl + 1,
            last_side="up",
            last_ms=market_ms,
        )
        pairs = tuple(
            ConflictPair(first, second, 9, self._random.randint(0, 9))
            for first, second in itertools.combinations(self._names, 2)
        )
        return {
            "leaderboard": Leaderboard(frame, tuple(self._standings.values())),
            "conflicts": Conflicts(frame, tuple(self._names), pairs, scenes.CONFLICTS.coins, scenes.CONFLICTS.lineup),
            "positions": Positions(frame, scenes.POSITIONS.rows),
        }


def main() -> None:
    found = find_themes()
    strategies = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    ConsoleApp(Rehearsal(strategies), theme=choose(found, "dark"), themes=found.themes, quit_note="a rehearsal").run()


if __name__ == "__main__":
    main()

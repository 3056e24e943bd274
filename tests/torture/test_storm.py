"""Everything fails at random for minutes: nothing may be lost, nothing may be there twice, nobody may be forgotten.

``POLYTERM_TORTURE_MINUTES`` (6) and ``POLYTERM_TORTURE_SEED`` (drawn) set how long and which weather.
"""

import asyncio
import os
import secrets
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from polyterm.service.verification import verify_session
from polyterm.store.location import locate
from tests.service.engines import short_folder
from tests.torture.storm import Death, Storm, Truth, forecast, positions_announced, storm, trades_announced

SPEED = 6.0
MINUTES = float(os.environ.get("POLYTERM_TORTURE_MINUTES", "6"))
SEED = int(os.environ.get("POLYTERM_TORTURE_SEED", secrets.randbelow(10**6)))
OLDEST_S = (
    8  # a book may be traded on for 5 market seconds, or for one of the wall; and it takes a moment to make a tick
)
COINS = ("btc", "eth", "sol", "xrp")


@pytest.mark.torture
async def test_nothing_is_lost_in_a_storm(capsys: pytest.CaptureFixture[str]) -> None:

    def say(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    say(f"\nseed {SEED}, {MINUTES:g} minutes at {SPEED:g}x")
    with short_folder() as folder:
        async with storm(folder, SEED, SPEED, say) as (found, truth):
            first_ms = found.market_ms()
            await found.endure(forecast(SEED, MINUTES * 60))
            found.note("calm")
            await found.calm(60)
            await windows_resolved(truth, found)
            await found.calm(60)
            assert await found.end(signal.SIGTERM) == 0
            report = await Report.of(found, truth, first_ms)
        for line in report.lines():
            say(line)
        assert report.wrong() == []


async def windows_resolved(truth: Truth, found: Storm) -> None:
    """One more window begins, and every one that ended before is resolved at the venue and has time to be told."""
    async with asyncio.timeout(180):
        start_ms = found.market_ms()
        running_end_ms = (start_ms // 900_000 + 1) * 900_000
        while True:
            ended = {key for key in truth.outcomes if key.end * 1000 == running_end_ms}
            if len(ended) == len(COINS) and found.market_ms() > max(truth.resolved_ms[key] for key in ended) + 60_000:
                return
            await asyncio.sleep(0.2)


class Report:
    """The counts. Slots of a coin are sorted into sessions; what is missing between them was the engine's death."""

    def __init__(self) -> None:
        self.troubles: Counter[str] = Counter()
        self.starts = 0
        self.ticks = 0
        self.dead_slots = 0
        self.lost_before_kill = 0
        self.lost = 0
        self.lost_at: list[str] = []
        self.before_s: list[float] = []
        self.quotes_checked = 0
        self.quotes_wrong = 0
        self.windows = 0
        self.windows_missing: list[str] = []
        self.trades = 0
        self.announced = 0
        self.announced_missing = 0
        self.announced_twice = 0
        self.twice = 0
        self.orphans: list[str] = []
        self.verdicts: list[tuple[str, str, str]] = []

    @classmethod
    async def of(cls, found: Storm, truth: Truth, first_ms: int) -> "Report":
        report = cls()
        report.troubles, report.starts = found.done, found.starts
        report._count_ticks(found, truth)
        report._count_windows(found, truth, first_ms)
        report._count_trades(found)
        location = locate(found.cluster.url(found.database), Path())
        for (session,) in _values(found, "SELECT session FROM sessions ORDER BY started_ms"):
            result = await verify_session(location, session)
            report.verdicts.append((session, result.verdict, result.reason))
        return report

    def _count_ticks(self, found: Storm, truth: Truth) -> None:
        sessions = [session for (session,) in _values(found, "SELECT session FROM sessions ORDER BY started_ms")]
        order = {session: place for place, session in enumerate(sessions)}
        columns = "crypto, session, timestamp_ms / 1000 slot, window_epoch, up_bid, up_ask, invalid"
        by_coin: dict[str, list[dict]] = {coin: [] for coin in COINS}
        for row in found.cluster.rows(f"SELECT {columns} FROM ticks ORDER BY timestamp_ms", found.database):
            by_coin[row["crypto"]].append(row)
            self.ticks += 1
            self._compare(row, truth)
        for rows in by_coin.values():
            for one, following in pairwise(rows):
                missing = following["slot"] - one["slot"] - 1
                if missing <= 0:
                    continue
                if one["session"] == following["session"]:
                    self.lost += missing
                    self.lost_at.append(f"{one['crypto']} {one['slot'] + 1} +{missing}")
                    continue
                died = _death_between(found.deaths, one["slot"], following["slot"])
                before = 0 if died is None else max(0, died.at_ms // 1000 - one["slot"] - 1)
                allowed = SPEED + 1  # a second of wall time
                self.before_s.append(before / SPEED)
                self.lost_before_kill += int(min(before, allowed))
                self.lost += int(max(0, before - allowed))
                self.dead_slots += missing - before
            assert [order[row["session"]] for row in rows] == sorted(order[row["session"]] for row in rows)

    def _compare(self, row: dict, truth: Truth) -> None:
        if row["invalid"] is not None:
            return
        key = next(
            (key for key in truth.outcomes if (key.coin, key.epoch) == (row["crypto"], row["window_epoch"])), None
        )
        seen = (
            set().union(*(truth.quotes.get((key, row["slot"] - back), set()) for back in range(-1, OLDEST_S)))
            if key
            else set()
        )
        if not seen:
            return
        self.quotes_checked += 1
        self.quotes_wrong += (round(row["up_bid"], 4), round(row["up_ask"], 4)) not in {
            (round(bid, 4), round(ask, 4)) for bid, ask in seen
        }

    def _count_windows(self, found: Storm, truth: Truth, first_ms: int) -> None:
        stored = {
            (row["crypto"], row["epoch"]): row
            for row in found.cluster.rows("SELECT crypto, epoch, outcome, outcome_grade FROM windows", found.database)
        }
        for key, outcome in truth.outcomes.items():
            if key.end * 1000 <= first_ms:
                continue
            self.windows += 1
            row = stored.get((key.coin, key.epoch))
            if row is None or row["outcome"] != outcome or row["outcome_grade"] != "official":
                self.windows_missing.append(f"{key}: {outcome} at the venue, stored {row}")

    def _count_trades(self, found: Storm) -> None:
        rows = found.cluster.rows(
            "SELECT strategy_name, crypto, window_epoch, entry_ms FROM paper_trades", found.database
        )
        stored = Counter((row["strategy_name"], row["crypto"], row["window_epoch"], row["entry_ms"]) for row in rows)
        self.trades = len(rows)
        self.twice = sum(number - 1 for number in stored.values())
        told = trades_announced(found.announced)
        self.announced = len(told)
        self.announced_missing = sum(name not in stored for name in told)
        self.announced_twice = sum(number - 1 for number in told.values())
        running = max(row["window_epoch"] for row in rows) if rows else 0
        last = max((epoch for _, _, epoch, _ in positions_announced(found.announced)), default=running)
        self.orphans = [
            str(name) for name in positions_announced(found.announced) if name not in stored and name[2] < last
        ]

    def wrong(self) -> list[str]:
        """What must not be, in words; empty when all is well."""
        zeros = {
            "ticks lost while the engine lived": self.lost,
            "quotes that the book never had": self.quotes_wrong,
            "announced trades that are not stored": self.announced_missing,
            "trades stored twice": self.twice,
            "trades announced twice": self.announced_twice,
            "positions orphaned": len(self.orphans),
            "windows without their outcome": len(self.windows_missing),
        }
        found = [f"{number} {name}" for name, number in zeros.items() if number]
        found += [f"session {name}: {verdict} ({reason})" for name, verdict, reason in self.verdicts
                  if verdict != "verified" and not (verdict == "unverifiable" and "cut off" in reason)]  # fmt: skip
        return found

    def lines(self) -> Iterator[str]:
        troubles = ", ".join(f"{number} {kind}" for kind, number in sorted(self.troubles.items()))
        yield f"troubles: {troubles}; the engine was started {self.starts} times"
        yield f"ticks: {self.ticks:,} stored, {self.lost} lost, {self.lost_before_kill} in the second before a kill"
        yield f"slots while the engine was dead: {self.dead_slots}"
        yield f"wall seconds between the last stored tick and the end: {', '.join(f'{s:.1f}' for s in self.before_s)}"
        yield from self.lost_at
        yield f"quotes against the simulator's books: {self.quotes_checked:,} compared, {self.quotes_wrong} wrong"
        yield f"windows: {self.windows} resolved at the venue, {len(self.windows_missing)} without that outcome"
        yield from self.windows_missing
        yield f"trades: {self.trades:,} stored, {self.twice} of them twice"
        yield (
            f"trades announced: {self.announced:,}, {self.announced_missing} of them not stored, "
            f"{self.announced_twice} announced twice"
        )
        yield f"positions orphaned: {len(self.orphans)}"
        yield from self.orphans[:10]
        yield from (f"session {name}: {verdict}. {reason}" for name, verdict, reason in self.verdicts)


def _death_between(deaths: list[Death], first: int, last: int) -> Death | None:
    inside = [death for death in deaths if first - 2 <= death.at_ms / 1000 <= last + 2]
    return inside[0] if inside else None


def _values(found: Storm, question: str) -> list[tuple[str, ...]]:
    return [tuple(line.split("|")) for line in found.cluster.sql(question, found.database).splitlines()]

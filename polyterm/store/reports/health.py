"""Whether ticks are being collected: the last sign of life, ticks by the hour, and gaps."""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from sqlalchemy import func, select

from polyterm.core.market import Coin, Horizon
from polyterm.store.reports.archive import Archive, Series, since
from polyterm.store.schema import sessions, system_state, ticks

PING_KEY: Final = "collector_health"
PING_MAX_AGE_S: Final = 120.0
TICK_MAX_AGE_S: Final = 60.0
GAP_S: Final = 300
HOURS: Final = 6
GAPS_HOURS: Final = 24

_HOUR_MS: Final = 3_600_000

Verdict = Literal["fresh", "stale"]


class Ping(msgspec.Struct, frozen=True):
    """What the engine says of itself once a minute: ``uptime`` is seconds, ``memory`` MB, the others counts."""

    timestamp: int
    inputs: int | None = None
    errors: int | None = None
    reconnects: int | None = None
    uptime: float | None = None
    memory: float | None = None


class Freshness(msgspec.Struct, frozen=True):
    coin: Coin
    horizon: Horizon
    newest_ms: int
    age_s: float


class Gap(msgspec.Struct, frozen=True):
    """Time without a tick of that series, from the one before it to the one after, or until now."""

    coin: Coin
    horizon: Horizon
    from_ms: int
    to_ms: int


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """``stale`` has ``reasons``. ``ticks_by_hour`` counts back from ``now_ms``, the oldest hour first.

    ``gaps`` are those longer than ``GAP_S`` of the last ``GAPS_HOURS``, ``lost_s`` all of them together.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    version: int
    is_demo: bool
    now_ms: int
    session: str | None
    ended_ms: int | None
    ping: Ping | None
    ping_age_s: float | None
    series: tuple[Freshness, ...]
    ticks_by_hour: tuple[int, ...]
    gaps: tuple[Gap, ...]
    lost_s: float


async def health(archive: Archive, wall_ms: int) -> Health:
    """Ages count back from ``wall_ms``; a demo's, whose clock runs at its own speed, from its newest tick."""
    now_ms = await archive.market_ms(wall_ms)
    is_demo = await archive.is_demo()
    newest = select(sessions.c.session, sessions.c.ended_ms).order_by(sessions.c.started_ms.desc()).limit(1)
    session = next(iter(await archive.rows(newest)), None)
    ended_ms = None if session is None else session["ended_ms"]
    ping = await _ping(archive)
    ping_age_s = None if ping is None else _age_s(now_ms, ping.timestamp)
    ends = await archive.ends()
    series = tuple(
        Freshness(coin, horizon, newest_ms, _age_s(now_ms, newest_ms))
        for (coin, horizon), (_, newest_ms) in ends.items()
    )
    gaps = await _gaps(archive, now_ms, ends)
    reasons = _reasons(ping_age_s, series, is_demo=is_demo)
    if is_demo and ended_ms is not None:
        reasons = (*reasons, "the demo is over")
    return Health(
        verdict="stale" if reasons else "fresh",
        reasons=reasons,
        version=archive.version,
        is_demo=is_demo,
        now_ms=now_ms,
        session=None if session is None else session["session"],
        ended_ms=ended_ms,
        ping=ping,
        ping_age_s=ping_age_s,
        series=series,
        ticks_by_hour=await _ticks_by_hour(archive, now_ms),
        gaps=gaps,
        lost_s=sum(gap.to_ms - gap.from_ms for gap in gaps) / 1000,
    )


def _age_s(now_ms: int, at_ms: int) -> float:
    """Clocks of two machines differ by a little."""
    return max(0, now_ms - at_ms) / 1000


def spell_age(seconds: float) -> str:
    """``12 s``, ``4 min``, ``3.5 h``, ``2 d``."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7_200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} d"


def _reasons(ping_age_s: float | None, series: tuple[Freshness, ...], *, is_demo: bool) -> tuple[str, ...]:
    """A minute between two signs of life is one of this clock, in a demo a quarter of an hour and more of its own."""
    found = []
    if ping_age_s is None:
        found.append("no engine has given a sign of life yet")
    elif ping_age_s > PING_MAX_AGE_S and not is_demo:
        found.append(f"the last sign of life is {spell_age(ping_age_s)} old, over {PING_MAX_AGE_S:g} s")
    age_s = min((line.age_s for line in series), default=None)
    if age_s is None:
        found.append("no tick is stored yet")
    elif age_s > TICK_MAX_AGE_S:
        found.append(f"the newest tick is {spell_age(age_s)} old, over {TICK_MAX_AGE_S:g} s")
    return tuple(found)


async def _ping(archive: Archive) -> Ping | None:
    text = await archive.scalar(select(system_state.c.value).where(system_state.c.key == PING_KEY))
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=Ping)
    except msgspec.DecodeError:
        return None  # another program's, which says nothing of this engine


async def _ticks_by_hour(archive: Archive, now_ms: int) -> tuple[int, ...]:
    from_ms = now_ms - HOURS * _HOUR_MS
    hours = select(((ticks.c.timestamp_ms - from_ms) // _HOUR_MS).label("hour")).where(*since(from_ms, now_ms))
    hour = hours.subquery().c.hour
    counts = select(hour, func.count().label("ticks")).group_by(hour)
    counted = {row["hour"]: row["ticks"] for row in await archive.rows(counts)}
    return tuple(counted.get(each, 0) for each in range(HOURS))


async def _gaps(archive: Archive, now_ms: int, ends: Mapping[Series, tuple[int, int]]) -> tuple[Gap, ...]:
    """Within the time looked at, also those that began before it or last until now; none of series long given up."""
    from_ms = now_ms - GAPS_HOURS * _HOUR_MS
    column = ticks.c
    before = func.lag(column.timestamp_ms).over(
        partition_by=(column.crypto, column.horizon), order_by=column.timestamp_ms
    )
    pairs = select(column.crypto, column.horizon, before.label("before"), column.timestamp_ms.label("after"))
    pair = pairs.where(*since(from_ms)).subquery().c
    # a series' first tick has none before it here
    between = select(pair.crypto, pair.horizon, pair.before, pair.after).where(
        pair.after - func.coalesce(pair.before, 0) > GAP_S * 1000
    )
    found = []
    for row in await archive.rows(between):
        series, began_ms = (row["crypto"], row["horizon"]), row["before"]
        if began_ms is None:
            began_ms = max(from_ms, ends[series][0])
        found.append(Gap(*series, began_ms, row["after"]))
    last_ms = max((newest for _, newest in ends.values()), default=now_ms)
    for series, (_, newest) in ends.items():
        if newest >= last_ms - GAPS_HOURS * _HOUR_MS:
            found.append(Gap(*series, max(newest, from_ms), now_ms))
    long = (gap for gap in found if gap.to_ms - gap.from_ms > GAP_S * 1000)
    return tuple(sorted(long, key=lambda gap: (gap.from_ms, gap.coin, gap.horizon)))

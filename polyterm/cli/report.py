"""A snapshot as plain text: in a few lines, or every figure of the console."""

from collections.abc import Iterator
from datetime import UTC, datetime

from polyterm.core.event import Event
from polyterm.core.snapshot import FeedRow, Snapshot, TickRow


def status_lines(snapshot: Snapshot, address: str) -> Iterator[str]:
    status = snapshot.status
    at = datetime.fromtimestamp(status.market_ms / 1000, UTC)
    yield f"engine   {status.mode} {status.trading_state}  session {status.session}  {address}"
    if status.trading_reason:
        yield f"         {status.trading_reason}"
    if status.role == "observer":
        yield f"observer this engine {status.role_reason}"
    speed = "" if status.speed == 1 else f"  at {status.speed:g}x"
    yield f"market   {at:%Y-%m-%d %H:%M:%S} UTC{speed}  {status.inputs} inputs  {status.engine_us:.0f} us each"
    yield f"today    {status.pnl_costed:+.2f} dollars after fees ({status.pnl_touch:+.2f} at touch)"
    yield f"open     {status.open_positions} positions, {status.exposure:.2f} dollars at cost"
    yield f"store    {status.store_state}  {status.store_pending} rows waiting  {status.store_reason}".rstrip()
    if status.spool_rows:
        yield f"spool    {status.spool_rows:,} rows wait for the database, the oldest for {status.spool_age_s} s"
    yield from (_feed_line(row) for row in snapshot.feeds.rows)
    yield from (_tick_line(row) for row in snapshot.ticks.rows)


def _feed_line(row: FeedRow) -> str:
    age = "no data yet" if row.age_s is None else f"{row.age_s:.1f} s old, {row.messages_per_s:.0f}/s"
    host = f"  {row.host}" if row.host and row.host not in row.reason else ""
    reason = f"  {row.reason}" if row.reason else ""
    retry = "" if row.retry_in_s is None else f", retry in {row.retry_in_s:.0f} s"
    return f"feed     {row.name:<11} {row.state:<10} {age}{host}{reason}{retry}"


def _tick_line(row: TickRow) -> str:
    tick = row.tick
    if tick is None:
        return f"tick     {row.coin} {row.horizon}  none yet  {row.note}".rstrip()
    spot = "-" if tick.spot is None else f"{tick.spot:.8g}"
    bid = "-" if tick.up_bid is None else f"{tick.up_bid:.3g}"
    ask = "-" if tick.up_ask is None else f"{tick.up_ask:.3g}"
    state = "tradable" if tick.invalid is None else f"not tradable: {tick.invalid.replace('_', ' ')}"
    left = f"{tick.time_remaining_s} s left"
    return f"tick     {row.coin} {row.horizon}  spot {spot}  up {bid}/{ask}  {left}  {state}"


def text_lines(snapshot: Snapshot, events: tuple[Event, ...], address: str) -> Iterator[str]:
    """What the console's panes show, as sentences."""
    from polyterm.console.latest import View
    from polyterm.console.view.spoken import spoken
    from polyterm.service.link.port import Connection

    return spoken(
        View(
            now=0.0,
            connection=Connection("connected", address),
            status=snapshot.status,
            ticks=snapshot.ticks,
            leaderboard=snapshot.leaderboard,
            conflicts=snapshot.conflicts,
            positions=snapshot.positions,
            feeds=snapshot.feeds,
            events=events,
            market_ms=snapshot.status.market_ms,
            data_age_s=0.0,
        )
    )

"""Closed paper trades: totals by strategy and by coin, and single ones."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select

from polyterm.core.market import HORIZONS, Coin, Grade, Horizon, Side, window_epoch
from polyterm.core.query import Period
from polyterm.quant.performance import wilson_interval
from polyterm.store.reports.archive import Archive, Row
from polyterm.store.schema import paper_trades, sessions

MAX_TRADES: Final = 1_000
"""Single trades in one answer, whatever was asked for."""

PERIOD_MS: Final[dict[Period, int]] = {"hour": 3_600_000, "day": 86_400_000, "week": 604_800_000}
PERIODS: Final[tuple[Period, ...]] = ("current", "hour", "day", "week", "all")


class TradesWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Trades closed after ``after_ms`` and before ``before_ms``; ``epochs`` are the (horizon, epoch) of windows."""

    strategy: str | None = None
    coins: tuple[Coin, ...] | None = None
    after_ms: int | None = None
    before_ms: int | None = None
    epochs: tuple[tuple[Horizon, int], ...] | None = None


def wanted_in(
    period: Period, now_ms: int, *, strategy: str | None = None, coins: tuple[Coin, ...] | None = None
) -> TradesWanted:
    """``current`` means the windows that run at ``now_ms``; the other periods reach back from it."""
    epochs = None
    if period == "current":
        epochs = tuple((horizon, window_epoch(now_ms // 1000, horizon)) for horizon in HORIZONS)
    length_ms = PERIOD_MS.get(period)
    after_ms = None if length_ms is None else now_ms - length_ms
    return TradesWanted(strategy=strategy, coins=coins, after_ms=after_ms, epochs=epochs)


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Of trades of one strategy, or of one strategy and coin; ``coin`` is None where coins are taken together.

    ``pnl`` is under the touch model, ``average``, ``best`` and ``worst`` too; a win has P&L above 0 there.
    ``costed_pnl`` and ``fees`` are of the ``costed`` trades whose fees are known, None when there are none. ``volume``
    is what was paid at entry. ``win_rate`` is a fraction and ``win_interval`` its Wilson 95 % interval. Dollars.
    """

    strategy: str
    coin: Coin | None
    trades: int
    wins: int
    losses: int
    win_rate: float | None
    win_interval: tuple[float, float] | None
    pnl: float
    average: float | None
    best: float | None
    worst: float | None
    costed: int
    costed_pnl: float | None
    fees: float | None
    volume: float | None


class TradeLine(msgspec.Struct, frozen=True, kw_only=True):
    """``price`` is paid at entry, ``exit_price`` received, a share each; P&L is dollars under two fill models."""

    exit_ms: int
    entry_ms: int
    strategy: str
    coin: Coin
    horizon: Horizon
    window_epoch: int
    side: Side
    shares: float | None
    price: float
    exit_price: float
    pnl: float
    costed_pnl: float | None
    outcome: Side | None
    outcome_grade: Grade | None
    reason: str


class TradesPage(msgspec.Struct, frozen=True, kw_only=True):
    """``trades`` are the newest after the first ``offset``; ``totals`` and ``windows`` cover all that was asked for."""

    trades: tuple[TradeLine, ...]
    offset: int
    total: int
    windows: int
    totals: tuple[Totals, ...]
    sizing: tuple[str, ...]


async def trades_page(archive: Archive, wanted: TradesWanted, limit: int, offset: int = 0) -> TradesPage:
    """Newest first, at most ``MAX_TRADES``."""
    totals = await totals_of(archive, wanted, by_coin=True)
    return TradesPage(
        trades=await newest_trades(archive, wanted, min(max(limit, 0), MAX_TRADES), max(offset, 0)),
        offset=max(offset, 0),
        total=sum(line.trades for line in totals),
        windows=await archive.scalar(_windows(wanted)),
        totals=totals,
        sizing=await sizing_of(archive, wanted),
    )


async def totals_of(archive: Archive, wanted: TradesWanted, *, by_coin: bool = False) -> tuple[Totals, ...]:
    """The most earned at touch first; with ``by_coin`` a line for each coin."""
    column = paper_trades.c
    keys = [column.strategy_name, column.crypto] if by_coin else [column.strategy_name]
    query = (
        select(
            *keys,
            func.count().label("trades"),
            func.sum(case((column.pnl > 0, 1), else_=0)).label("wins"),
            func.sum(column.pnl).label("pnl"),
            func.max(column.pnl).label("best"),
            func.min(column.pnl).label("worst"),
            func.count(column.costed_pnl).label("costed"),
            func.sum(column.costed_pnl).label("costed_pnl"),
            func.sum(column.costed_fee).label("fees"),
            func.sum(column.stake_usd).label("volume"),
        )
        .where(*conditions(wanted))
        .group_by(*keys)
    )
    lines = [_totals(row) for row in await archive.rows(query)]
    return tuple(sorted(lines, key=lambda line: (-line.pnl, line.strategy, line.coin or "")))


async def newest_trades(
    archive: Archive, wanted: TradesWanted, limit: int, offset: int = 0
) -> tuple[TradeLine, ...]:  # fmt: skip
    column = paper_trades.c
    query = (
        select(*(column[name] for name in _LINE_COLUMNS))
        .where(*conditions(wanted))
        .order_by(column.exit_ms.desc(), column.id.desc())
        .limit(limit)
        .offset(offset)
    )
    return tuple(_line(row) for row in await archive.rows(query))


async def sizing_of(archive: Archive, wanted: TradesWanted) -> tuple[str, ...]:
    """How positions were sized in the sessions that these trades are of: ``shares``, ``usd``."""
    of = select(paper_trades.c.session).where(*conditions(wanted)).distinct()
    query = select(sessions.c.sizing).where(sessions.c.session.in_(of)).distinct().order_by(sessions.c.sizing)
    return tuple(row["sizing"] for row in await archive.rows(query))


async def strategy_names(archive: Archive) -> tuple[str, ...]:
    """Of all who ever closed a trade."""
    column = paper_trades.c.strategy_name
    return tuple(row["strategy_name"] for row in await archive.rows(select(column).distinct().order_by(column)))


def conditions(wanted: TradesWanted) -> list[ColumnElement[bool]]:
    column = paper_trades.c
    found: list[ColumnElement[bool]] = []
    if wanted.strategy is not None:
        found.append(column.strategy_name == wanted.strategy)
    if wanted.coins is not None:
        found.append(column.crypto.in_(wanted.coins))
    if wanted.after_ms is not None:
        found.append(column.exit_ms > wanted.after_ms)
    if wanted.before_ms is not None:
        found.append(column.exit_ms < wanted.before_ms)
    if wanted.epochs is not None:
        running = (and_(column.horizon == horizon, column.window_epoch == epoch) for horizon, epoch in wanted.epochs)
        found.append(or_(*running))
    return found


def _windows(wanted: TradesWanted) -> Select[tuple[int]]:
    column = paper_trades.c
    windows = select(column.crypto, column.horizon, column.window_epoch).where(*conditions(wanted)).distinct()
    return select(func.count()).select_from(windows.subquery())


def _totals(row: Row) -> Totals:
    trades, wins = int(row["trades"]), int(row["wins"])
    return Totals(
        strategy=row["strategy_name"],
        coin=row.get("crypto"),
        trades=trades,
        wins=wins,
        losses=trades - wins,
        win_rate=wins / trades if trades else None,
        win_interval=wilson_interval(wins, trades),
        pnl=row["pnl"],
        average=row["pnl"] / trades if trades else None,
        best=row["best"],
        worst=row["worst"],
        costed=row["costed"],
        costed_pnl=row["costed_pnl"],
        fees=row["fees"],
        volume=row["volume"],
    )


_LINE_COLUMNS: Final[Sequence[str]] = (
    "exit_ms", "entry_ms", "strategy_name", "crypto", "horizon", "window_epoch", "side", "shares", "entry_price",
    "exit_price", "pnl", "costed_pnl", "outcome", "outcome_grade", "reason",
)  # fmt: skip


def _line(row: Row) -> TradeLine:
    renamed: dict[str, Any] = dict(row)
    renamed["strategy"] = renamed.pop("strategy_name")
    renamed["coin"] = renamed.pop("crypto")
    renamed["price"] = renamed.pop("entry_price")
    return TradeLine(**renamed)

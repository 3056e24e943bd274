"""How much the stored trades can prove: win rates with their intervals, by coin and side, and how windows ended."""

from typing import Final

import msgspec
from sqlalchemy import case, func, select

from polyterm.core.market import Coin, Grade, Horizon, Side
from polyterm.quant.performance import wilson_interval
from polyterm.store.reports.archive import Archive
from polyterm.store.reports.trades import Totals, TradesWanted, conditions, totals_of
from polyterm.store.schema import paper_trades, windows

ENOUGH_FOR_EDGE: Final = 100
ENOUGH_FOR_ANOMALY: Final = 200
"""Trades below which a difference in win rate is taken for luck."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """Trades of every strategy on one coin and side. ``win_interval`` is the Wilson 95 % interval, P&L dollars.

    Strategies that trade alike count as often as they do: ``windows`` says how many markets stand behind the trades.
    """

    coin: Coin
    side: Side
    trades: int
    windows: int
    wins: int
    win_rate: float
    win_interval: tuple[float, float] | None
    pnl: float
    costed_pnl: float | None
    sufficient_for_edge: bool
    sufficient_for_anomaly: bool


class Outcomes(msgspec.Struct, frozen=True):
    coin: Coin
    horizon: Horizon
    outcome: Side
    grade: Grade | None
    windows: int


class Research(msgspec.Struct, frozen=True, kw_only=True):
    strategies: tuple[Totals, ...]
    samples: tuple[Sample, ...]
    outcomes: tuple[Outcomes, ...]


async def research(archive: Archive, wanted: TradesWanted) -> Research:
    """Of the trades wanted, and of every resolved window."""
    return Research(
        strategies=await totals_of(archive, wanted, by_coin=True),
        samples=await _samples(archive, wanted),
        outcomes=await _outcomes(archive, wanted.coins),
    )


async def _samples(archive: Archive, wanted: TradesWanted) -> tuple[Sample, ...]:
    column = paper_trades.c
    of_windows = (
        select(
            column.crypto,
            column.side,
            func.count().label("trades"),
            func.sum(case((column.pnl > 0, 1), else_=0)).label("wins"),
            func.sum(column.pnl).label("pnl"),
            func.sum(column.costed_pnl).label("costed_pnl"),
        )
        .where(*conditions(wanted))
        .group_by(column.crypto, column.side, column.horizon, column.window_epoch)
        .subquery()
        .c
    )
    query = (
        select(
            of_windows.crypto,
            of_windows.side,
            func.sum(of_windows.trades).label("trades"),
            func.count().label("windows"),
            func.sum(of_windows.wins).label("wins"),
            func.sum(of_windows.pnl).label("pnl"),
            func.sum(of_windows.costed_pnl).label("costed_pnl"),
        )
        .group_by(of_windows.crypto, of_windows.side)
        .order_by(of_windows.crypto, of_windows.side.desc())
    )
    found = []
    for row in await archive.rows(query):
        trades, wins = int(row["trades"]), int(row["wins"])
        found.append(
            Sample(
                coin=row["crypto"],
                side=row["side"],
                trades=trades,
                windows=row["windows"],
                wins=wins,
                win_rate=wins / trades,
                win_interval=wilson_interval(wins, trades),
                pnl=row["pnl"],
                costed_pnl=row["costed_pnl"],
                sufficient_for_edge=trades >= ENOUGH_FOR_EDGE,
                sufficient_for_anomaly=trades >= ENOUGH_FOR_ANOMALY,
            )
        )
    return tuple(found)


async def _outcomes(archive: Archive, coins: tuple[Coin, ...] | None) -> tuple[Outcomes, ...]:
    column = windows.c
    keys = (column.crypto, column.horizon, column.outcome, column.outcome_grade)
    query = select(*keys, func.count().label("windows")).where(column.outcome.is_not(None)).group_by(*keys)
    if coins is not None:
        query = query.where(column.crypto.in_(coins))
    rows = await archive.rows(query.order_by(*keys))
    return tuple(
        Outcomes(row["crypto"], row["horizon"], row["outcome"], row["outcome_grade"], row["windows"]) for row in rows
    )

"""What has happened up to where a recording has been played, and what can be told of it without a database."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import msgspec

from polyterm.core.details import (
    CoinTotals,
    EquityPoint,
    MinuteTotals,
    Record,
    TradeTotals,
    WindowLine,
    WindowTrade,
)
from polyterm.core.event import (
    Event,
    StrikeSet,
    TradeClosed,
    TradeCorrected,
    WindowClosed,
    WindowSettled,
    WindowStarted,
)
from polyterm.core.market import COINS, Coin, MarketKey, window_epoch
from polyterm.core.position import Trade
from polyterm.core.query import StrategyTotals, TradesAnswer, TradesQuery
from polyterm.store.reports.strategy import POINTS
from polyterm.store.reports.trades import PERIOD_MS

Part = TypeVar("Part", bound=Hashable)


class Past:
    """Events in their order. Those that follow a place that was gone back to are kept until they happen again, or until
    ``forget_ahead`` says that others will."""

    def __init__(self) -> None:
        self.length = 0
        self._events: list[Event] = []

    def add(self, events: Sequence[Event]) -> None:
        self._events[self.length : self.length + len(events)] = events
        self.length += len(events)

    def forget_ahead(self) -> None:
        del self._events[self.length :]

    def newest(self, count: int) -> tuple[Event, ...]:
        return tuple(self._events[max(0, self.length - count) : self.length])

    def trades(self, query: TradesQuery, now_ms: int) -> list[Trade]:
        """Those that closed in the period before ``now_ms``, oldest first, as they are judged by now."""
        length_ms = PERIOD_MS.get(query.period)
        return [
            trade
            for trade in self._trades()
            if (query.strategy is None or trade.strategy == query.strategy)
            and (query.coin is None or trade.key.coin == query.coin)
            and (length_ms is None or trade.exit_ms > now_ms - length_ms)
            and (query.period != "current" or trade.key.epoch == window_epoch(now_ms // 1000, trade.key.horizon))
        ]

    def _trades(self) -> Iterable[Trade]:
        found: dict[tuple[str, MarketKey, int], Trade] = {}
        for event in self:
            if isinstance(event, TradeClosed):
                found[_identity(event.trade)] = event.trade
            elif isinstance(event, TradeCorrected):
                found[_identity(event.after)] = event.after
        return found.values()

    def lines(self, wanted: Callable[[MarketKey], bool]) -> tuple[WindowLine, ...]:
        """Windows that have begun, newest first."""
        found: dict[MarketKey, WindowLine] = {}
        for event in self:
            if isinstance(event, WindowStarted | StrikeSet | WindowClosed | WindowSettled) and wanted(event.key):
                found[event.key] = _line(found.get(event.key, WindowLine(key=event.key)), event)
        return tuple(sorted(found.values(), key=lambda line: line.key.epoch, reverse=True))

    def __iter__(self) -> Iterator[Event]:
        return islice(self._events, self.length)


def _identity(trade: Trade) -> tuple[str, MarketKey, int]:
    return trade.strategy, trade.key, trade.entry_ms


def _line(line: WindowLine, event: WindowStarted | StrikeSet | WindowClosed | WindowSettled) -> WindowLine:
    match event:
        case WindowStarted(strike=strike) | StrikeSet(strike=strike):
            return msgspec.structs.replace(line, strike=strike)
        case WindowClosed():
            final = None if event.final is None else event.final.price
            strike = event.strike or line.strike
            return msgspec.structs.replace(line, strike=strike, final_price=final, ticks=event.stats.ticks)
        case WindowSettled():
            return msgspec.structs.replace(
                line,
                final_price=event.final_price if event.final_price is not None else line.final_price,
                outcome=event.outcome,
                source=event.source,
                grade=event.grade,
                delay_s=max(0, event.at_ms - event.key.end * 1000) / 1000,
            )


def page(trades: Sequence[Trade], query: TradesQuery) -> TradesAnswer:
    """Newest first; totals and windows are of all."""
    newest = list(reversed(trades))[query.offset : query.offset + query.limit]
    parts = _by(trades, lambda trade: (trade.strategy, trade.key.coin))
    totals = (_totals(*part, own) for part, own in parts.items())
    return TradesAnswer(tuple(newest), tuple(totals), len({trade.key for trade in trades}))


def record(trades: Sequence[Trade]) -> Record:
    """Of one strategy's trades, oldest first."""
    coins = _by(trades, lambda trade: trade.key.coin)
    minutes = _by(trades, lambda trade: (trade.entry_ms - trade.key.epoch * 1000) // 60_000)
    return Record(
        equity=_equity(trades),
        coins=tuple(CoinTotals(coin=coin, **_named(coins[coin])) for coin in COINS if coin in coins),
        minutes=tuple(MinuteTotals(minute=minute, **_named(minutes[minute])) for minute in sorted(minutes)),
    )


def window_trades(trades: Iterable[Trade]) -> tuple[WindowTrade, ...]:
    return tuple(
        WindowTrade(
            strategy=trade.strategy,
            side=trade.side,
            shares=trade.leg("touch").shares,
            entry_ms=trade.entry_ms,
            entry_price=trade.leg("touch").entry_price,
            reason=trade.exit_reason,
            exit_ms=trade.exit_ms,
            exit_price=trade.leg("touch").exit_price,
            touch=trade.pnl,
            costed=trade.costed_pnl,
        )
        for trade in trades
    )


def _equity(trades: Sequence[Trade]) -> tuple[EquityPoint, ...]:
    touch = costed = 0.0
    points = []
    for number, trade in enumerate(trades, start=1):
        touch, costed = touch + trade.pnl, costed + trade.costed_pnl
        share = len(trades) / POINTS
        if share <= 1 or int(number / share) != int((number - 1) / share):
            points.append(EquityPoint(trade.exit_ms, touch, costed))
    return tuple(points)


def _by(trades: Iterable[Trade], part: Callable[[Trade], Part]) -> dict[Part, list[Trade]]:
    found: defaultdict[Part, list[Trade]] = defaultdict(list)
    for trade in trades:
        found[part(trade)].append(trade)
    return found


def _sums(trades: Sequence[Trade]) -> TradeTotals:
    touch = [trade.pnl for trade in trades]
    return TradeTotals(
        trades=len(trades),
        wins=sum(pnl > 0 for pnl in touch),
        touch=sum(touch),
        costed=sum(trade.costed_pnl for trade in trades),
    )


def _named(trades: Sequence[Trade]) -> dict[str, Any]:
    return msgspec.structs.asdict(_sums(trades))


def _totals(strategy: str, coin: Coin, trades: Sequence[Trade]) -> StrategyTotals:
    sums = _sums(trades)
    return StrategyTotals(strategy, coin, sums.trades, sums.wins, sums.touch, sums.costed or 0.0)

"""The figures of a run in Prometheus's text form. Seconds, dollars and bytes; what is not known is left out."""

from collections.abc import Iterator, Sequence
from typing import Final, get_args

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from polyterm import __version__
from polyterm.core.command import TradingState
from polyterm.core.snapshot import FeedRow, FeedState, Leaderboard, Status, StoreState
from polyterm.service.status.operations import HealthStatus, Viewed

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4


class Metrics:
    """One registry per engine, read anew for every answer."""

    def __init__(self, view: Viewed) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Run(view))
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        return generate_latest(self._registry)


class _Run(Collector):
    def __init__(self, view: Viewed) -> None:
        self._view = view

    def describe(self) -> Iterator[Metric]:
        """Nothing: else the registry would ask for figures before there are any."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        snapshot, totals = self._view.snapshot(), self._view.totals()
        status = snapshot.status
        run = {"version": __version__, "session": status.session, "mode": status.mode, "role": status.role}
        yield _labelled("polyterm_run", "This run; always 1.", tuple(run), [(tuple(run.values()), 1)])
        yield _one_of("polyterm_health", "1 for how the engine is.", get_args(HealthStatus), self._view.health().status)
        yield _counter("polyterm_inputs", "Inputs applied by the engine.", status.inputs)
        yield _counter("polyterm_ticks", "Ticks among the inputs.", totals.ticks)
        yield _counter("polyterm_events", "Events made by the engine.", totals.events)
        yield _gauge("polyterm_engine_input_seconds", "Mean time of one of the last inputs.", status.engine_us / 1e6)
        yield _gauge("polyterm_lease_held", "1 for the writer of the database.", int(totals.lease_held))
        yield _gauge("polyterm_lease_fence", "Fencing number of the lease, 0 where it has none.", totals.fence)
        if status.clock_skew_ms is not None:
            yield _gauge("polyterm_clock_skew_seconds", "Ahead of an exchange's clock.", status.clock_skew_ms / 1e3)
        yield from _trading(status, snapshot.leaderboard)
        yield from _store(status)
        yield from _feeds(snapshot.feeds.rows)


def _trading(status: Status, leaderboard: Leaderboard) -> Iterator[Metric]:
    rows, models = leaderboard.rows, ("model",)
    totals = ((("touch",), sum(row.pnl_touch for row in rows)), (("costed",), sum(row.pnl_costed for row in rows)))
    today = ((("touch",), status.pnl_touch), (("costed",), status.pnl_costed))
    yield _one_of("polyterm_trading_state", "1 for the state.", get_args(TradingState), status.trading_state, "state")
    yield _counter("polyterm_trades", "Paper trades closed in this session.", sum(row.trades for row in rows))
    yield _labelled("polyterm_pnl_session_dollars", "Closed trades of this session.", models, totals)
    yield _labelled("polyterm_pnl_today_dollars", "Trades closed since midnight UTC.", models, today)
    yield _gauge("polyterm_open_positions", "Open paper positions.", status.open_positions)
    yield _gauge("polyterm_exposure_dollars", "What the open positions cost.", status.exposure)
    disabled = sum(row.disabled is not None for row in rows)
    yield _gauge("polyterm_disabled_strategies", "Strategies that failed and are off.", disabled)


def _store(status: Status) -> Iterator[Metric]:
    yield _one_of("polyterm_store_state", "1 for the state.", get_args(StoreState), status.store_state, "state")
    yield _gauge("polyterm_store_pending_rows", "Rows that wait to be written.", status.store_pending)
    yield _gauge("polyterm_store_spool_rows", "Rows that wait on this machine for the database.", status.spool_rows)
    yield _gauge("polyterm_store_spool_age_seconds", "Since the oldest of them came.", status.spool_age_s)


def _feeds(rows: Sequence[FeedRow]) -> Iterator[Metric]:
    states = [((row.name, state), int(row.state == state)) for row in rows for state in get_args(FeedState)]
    yield _labelled("polyterm_feed_state", "1 for the state of the feed.", ("feed", "state"), states)
    feed = ("feed",)
    ages = [((row.name,), row.age_s) for row in rows if row.age_s is not None]
    yield _labelled("polyterm_feed_age_seconds", "Since the newest data.", feed, ages)
    rates = [((row.name,), row.messages_per_s) for row in rows]
    yield _labelled("polyterm_feed_messages_per_second", "Over the last seconds.", feed, rates)
    counters = (
        ("reconnects", "Times that it was opened again.", [row.reconnects for row in rows]),
        ("gaps", "Messages that never arrived.", [row.gaps for row in rows]),
        ("unknown", "Messages of kinds that are not known.", [row.unknown for row in rows]),
        ("malformed", "Messages that could not be read.", [row.malformed for row in rows]),
    )
    for name, text, values in counters:
        family = CounterMetricFamily(f"polyterm_feed_{name}", text, labels=feed)
        for row, value in zip(rows, values, strict=True):
            family.add_metric((row.name,), value)
        yield family


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    """Its name ends in ``_total`` when it is written."""
    return CounterMetricFamily(name, text, value=value)


def _labelled(name: str, text: str, labels: Sequence[str], values: Sequence[tuple[Sequence[str], float]]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for of, value in values:
        family.add_metric(of, value)
    return family


def _one_of(name: str, text: str, known: Sequence[str], value: str, label: str = "status") -> Metric:
    return _labelled(name, text, (label,), [((one,), int(one == value)) for one in known])

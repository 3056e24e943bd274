"""Replay on columns gives the events of the tick-by-tick engine, byte for byte."""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polyterm.core.event import Event, TradeClosed
from polyterm.core.input import Payload
from polyterm.core.market import MarketKey
from polyterm.core.signal import HOLD, Signal
from polyterm.core.tick import Tick
from polyterm.engine.books import Book, Sizing
from polyterm.engine.columnar import ColumnarReplay
from polyterm.engine.engine import Engine
from polyterm.engine.replay import replay
from polyterm.quant.features import Features, Flag
from polyterm.strategies.base import EVERY_HORIZON, Branch, Context, Held, HeldValues, Limits, Rule, Strategy
from polyterm.strategies.entry import Entry
from polyterm.strategies.registry import REGISTRY
from tests.engine.streams import stream

encode = msgspec.json.encode


class Impatient(Strategy):
    """Has a memory of its own: enters on every third tick that it sees, and leaves on the next."""

    def __init__(self, _: object) -> None:
        self.seen = 0

    def on_tick(self, tick: Tick, position: Held | None, context: Context) -> Signal:
        self.seen += 1
        if position is not None:
            return Signal("sell", position.side, "bored")
        move = context.features.spot_return(3)
        if self.seen % 3 == 0:
            return Signal("buy", "up" if move >= 0 else "down", "third", confidence=context.features.favourite_mid)
        return HOLD

    def accepted(self, signal: Signal, key: MarketKey) -> None:
        self.seen += 1


class Trailing(Rule):
    """Asks for all that an exit can ask for."""

    def __init__(self, _: object) -> None:
        pass

    def entry(self, f: Features) -> Iterator[Branch]:
        size = f.where(f.spread > 0.03, 0, 50)
        yield Branch(up=f.mid_return(2) > 0, down=f.mid_return(2) < 0, reason="moved", size=size, edge=f.divergence)

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        yield (position.peak_r >= 0.02) & (position.r <= position.peak_r - 0.02), "trailed"
        yield (position.held_s >= 30) & (f.spread_zscore > 1), "tired"
        yield position.entry_price * 1.5 <= f.favourite_mid, "sure"


class Broken(Rule):
    """Is no expression: it asks for the truth of a value."""

    def __init__(self, _: object) -> None:
        pass

    def entry(self, f: Features) -> Iterator[Branch]:
        if f.mid_change(1):
            yield Branch(up=True, reason="changed")

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        yield position.r < -0.01, "stop"
        raise ValueError("not prepared for luck")


def own(strategy: type[Strategy], **limits: object) -> Entry:
    return Entry(strategy.__name__, "Test", strategy, limits=Limits(horizons=EVERY_HORIZON, **limits))


def everywhere(entry: Entry) -> Entry:
    return msgspec.structs.replace(entry, limits=msgspec.structs.replace(entry.limits, horizons=EVERY_HORIZON))


REGISTERED = [everywhere(entry) for entry in REGISTRY]
OWN = [own(Trailing, cooldown_s=7), own(Trailing, max_entries_per_window=2), own(Broken), own(Impatient)]
OWN = [msgspec.structs.replace(entry, name=f"{entry.name}{place}") for place, entry in enumerate(OWN)]

compared: Counter[str] = Counter()


def both(
    payloads: Sequence[tuple[int, Payload]], entries: Sequence[Entry], inputs: int, sizing: Sizing = "shares"
) -> list[Event]:
    """The events of both ways, after holding them to each other."""
    one, other = (Engine("s", [Book(entry) for entry in entries], sizing) for _ in range(2))
    live = list(replay(one, payloads))
    columns = list(ColumnarReplay(other, inputs).run(payloads))
    for ours, theirs in zip(columns, live, strict=False):
        assert encode(ours) == encode(theirs)
    assert len(columns) == len(live)
    assert encode(other.leaderboard_rows()) == encode(one.leaderboard_rows())
    assert encode(other.conflicts()) == encode(one.conflicts())
    assert other.trading_state == one.trading_state
    compared["cases"] += 1
    compared["ticks"] += sum(isinstance(payload, Tick) for _, payload in payloads)
    compared["trades"] += sum(isinstance(event, TradeClosed) for event in live)
    return live


@pytest.fixture(scope="module", autouse=True)
def told() -> Iterator[None]:
    yield
    print(", ".join(f"{count:,} {what}" for what, count in compared.items()), "compared")  # noqa: T201


SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=70)


@SLOW
@given(st.integers(0, 2**32), st.sampled_from((300, 100_000, 100_000)))
def test_every_registered_strategy(seed: int, inputs: int) -> None:
    both(list(stream(seed)), REGISTERED, inputs)


@SLOW
@given(st.integers(0, 2**32), st.sampled_from((60, 100_000, 100_000)), st.sampled_from(("shares", "usd")))
def test_rules_beside_strategies_with_a_memory_and_broken_ones(seed: int, inputs: int, sizing: Sizing) -> None:
    both(list(stream(seed)), [*OWN[:2], *REGISTERED[::9], *OWN[2:]], inputs, sizing)


@SLOW
@given(st.integers(0, 2**32), st.sampled_from((60, 100_000, 100_000)))
def test_many_short_windows(seed: int, inputs: int) -> None:
    both(list(stream(seed, windows=12, ticks=9)), [*OWN[:2], *REGISTERED[::5]], inputs)

"""The file that ``polyterm strategies new`` writes: a strategy that trades as it is and says how to go on."""

from string import Template
from typing import Final

_TEMPLATE: Final = Template('''"""$name: a strategy of your own.

polyterm loads every .py file in this folder. Try it on a recording:

    polyterm strategies $name
    polyterm replay ticks.jsonl.gz
"""

from collections.abc import Iterator

from polyterm.quant.features import Features, Flag
from polyterm.strategies.base import Branch, HeldValues, Limits, Rule
from polyterm.strategies.entry import Entry
from polyterm.strategies.parameters import Fraction, Parameters, Seconds, Share, Ticks


class ${title}Parameters(Parameters, frozen=True, kw_only=True):
    """Every number that you may want to vary. The annotation gives its unit and its range; a wrong value is refused."""

    lookback_ticks: Ticks = 10
    min_move: Fraction = 0.0005  # of spot: 0.0005 is 5 basis points
    take_profit: Fraction = 0.10  # of the entry price, at the mid of your side
    stop: Share = 0.30
    min_remaining_s: Seconds = 120


class ${title}Strategy(Rule):
    """Buys the side of a move of spot; sells at its profit target or at the stop."""

    def __init__(self, parameters: ${title}Parameters) -> None:
        self.parameters = parameters

    def entry(self, f: Features) -> Iterator[Branch]:
        # f holds what is known of the market: f.up_mid, f.spot, f.distance (from the strike), f.spot_return(n) and many
        # more, see polyterm.quant.features. What is missing is nan, and every comparison with it is false.
        # The same lines run on single ticks live and on whole columns in replay, so only these are allowed:
        # + - *, comparisons in parentheses, &, |, abs(), f.ratio(), f.low(), f.high(), f.where(), f.not_(), f.known().
        p = self.parameters
        move = f.spot_return(p.lookback_ticks - 1)
        in_time = f.time_remaining >= p.min_remaining_s
        yield Branch(up=in_time & (move >= p.min_move), down=in_time & (move <= -p.min_move), reason="spot_moved")

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        # In order, the first true one is taken. position has r (the return at the mid), peak_r (its highest so far),
        # held_s (seconds since the entry) and entry_price. Nothing true: the position is held until the window settles.
        yield position.r >= self.parameters.take_profit, "take_profit"
        yield position.r <= -self.parameters.stop, "stop"


# A rule has no memory of its own, and goes on after a restart as if there had been none. Whatever cannot be said as a
# rule can be a Strategy: on_tick(tick, position, context) returns a Signal and may remember things. Then say what, in
# plain values, with state(), and take it back with restore(state); without them it begins anew after every restart.

# What polyterm finds here. Limits: coins=("btc",), horizons=("5m", "15m"), cooldown_s=60, closed_after=("stop",) …
STRATEGIES = (
    Entry("$name", "Own", ${title}Strategy, ${title}Parameters(), Limits(max_entries_per_window=1)),
)
''')


def template(name: str) -> str:
    """The text of a strategy file; ``name`` is letters, digits and underscores."""
    title = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    return _TEMPLATE.substitute(name=name, title=title)

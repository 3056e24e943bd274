"""A table of probabilities against the price of a share: buy what the table says is cheap."""

from collections.abc import Iterator

from polyterm.quant.features import Features, Flag, Number
from polyterm.strategies.base import Branch, HeldValues, Rule
from polyterm.strategies.parameters import Fraction, Multiple, Parameters, Price, Seconds, Share, Shares, Ticks
from polyterm.strategies.spot_lag import LagRule


class TableParameters(Parameters, frozen=True, kw_only=True):
    """``min_edge`` is the table's probability less the price of a share of that side.

    The size is ``full_size_shares`` times the edge in units of the least one (``max_edge_units`` at most) times the
    conviction (0 at even odds, 1 at certainty), and at most ``max_book_share`` of the shares on offer; an order of less
    than ``min_size_shares`` is not made.
    """

    min_edge: Price
    max_edge_units: Multiple = 2
    full_size_shares: Shares = 100
    min_size_shares: Shares = 5
    max_book_share: Share = 0.10
    min_remaining_s: Seconds = 30
    stop: Share = 0.99


class TableEdge(Rule):
    """Buys the side whose share costs less than the table's probability of it, sized by edge and conviction and by the
    book; holds to expiry.

    The table (remaining time by distance from the strike) is the digital's at a volatility of 60 % a year, not one
    fitted to outcomes. Experimental: the table, the sizes, the least edges between 2 and 8 points and one entry a
    window are our choice.
    """

    def __init__(self, parameters: TableParameters) -> None:
        self.parameters = parameters

    def allowed(self, f: Features) -> tuple[Flag, Flag]:
        """What else Up, and Down, needs."""
        in_time = f.time_remaining >= self.parameters.min_remaining_s
        return in_time, in_time

    def entry(self, f: Features) -> Iterator[Branch]:
        p = self.parameters
        expected = f.expected_probability
        up, down = self.allowed(f)
        edge = expected - f.up_ask
        size = self.size(f, edge, f.up_ask_size)
        up = up & (edge >= p.min_edge) & (size >= p.min_size_shares)
        yield Branch(up=up, reason="table_edge", size=size, edge=edge)
        edge = f.up_bid - expected
        size = self.size(f, edge, f.up_bid_size)
        down = down & (edge >= p.min_edge) & (size >= p.min_size_shares)
        yield Branch(down=down, reason="table_edge", size=size, edge=edge)

    def size(self, f: Features, edge: Number, offered: Number) -> Number:
        p = self.parameters
        conviction = abs(2 * f.expected_probability - 1)
        wanted = p.full_size_shares * f.low(p.max_edge_units, f.ratio(edge, p.min_edge)) * conviction
        return f.low(wanted, p.max_book_share * offered)

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        yield position.r <= -self.parameters.stop, "extreme_stop"


class LaggingTableParameters(TableParameters, frozen=True, kw_only=True):
    """Those of the table and of SpotLag_Aggressive, whose least move grows away from 50 cents by ``widening``."""

    lookback_ticks: Ticks = 8
    min_move: Fraction = 0.0002
    max_followed: Fraction = 0.6
    widening: Multiple = 4


class LaggingTableEdge(TableEdge, LagRule):
    """As the PureProb strategies, and the market must lag behind a move of spot towards the bought side.

    Experimental, as those are.
    """

    parameters: LaggingTableParameters

    def __init__(self, parameters: LaggingTableParameters) -> None:
        super().__init__(parameters)
        self.span_s = parameters.lookback_ticks - 1

    def allowed(self, f: Features) -> tuple[Flag, Flag]:
        p = self.parameters
        min_move = p.min_move * (1 + p.widening * abs(f.up_mid - 0.5))
        up, down = self.lag(f, self.span_s, min_move, p.max_followed)
        in_time, _ = super().allowed(f)
        return in_time & up, in_time & down

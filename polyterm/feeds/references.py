"""What a coin's price was at a boundary second: the final of one window and the strike of the next.

Up to four sources answer, from best to worst: the venue's own figure, the settlement stream's print of that very
second, the oracle as of that second, the exchange's price at that second. Two boundaries are only compared like with
like: the exchange's price stands several basis points from the settlement price, so it is freed of that basis first.
"""

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from polyterm.core.market import Coin, Grade, Reference, Side
from polyterm.feeds.board import Board, OraclePrint
from polyterm.quant.basis import SpotBasis
from polyterm.transport.clock import Clock, freshness_ms

# A print is delivered about a second after its stamp.
STREAM_WAIT_MS: Final = 3_000
# The chain is polled every 5 s of machine time, so a round from just before the boundary is seen by then.
ORACLE_WAIT_S: Final = 6.0
# Rounds come every 33 s or so; an older one may have been followed by others that we missed.
ORACLE_WITHIN_MS: Final = 60_000
SPOT_WITHIN_MS: Final = 2_000

STREAM_PRINT_FRESH_MS: Final = 5_000
CHAIN_PRINT_FRESH_MS: Final = 90_000


class Judgement(msgspec.Struct, frozen=True):
    """A window's result as far as it can be told without the venue; ``grade`` is that of the weaker price."""

    side: Side
    grade: Grade
    strike: Reference
    final: Reference


class _Boundary(msgspec.Struct):
    """Prices at one boundary. ``freed`` is ``spot`` without its distance to the settlement price at that moment."""

    official: Reference | None = None
    stream: Reference | None = None
    oracle: Reference | None = None
    spot: Reference | None = None
    freed: Reference | None = None

    @property
    def settlement(self) -> Reference | None:
        return self.official or self.stream

    @property
    def not_spot(self) -> Reference | None:
        return self.official or self.stream or self.oracle

    @property
    def best(self) -> Reference | None:
        return self.not_spot or self.spot


class References:
    """Reads the board, which keeps the exchange's price of now only: call ``observe`` in every slot."""

    def __init__(self, board: Board, clock: Clock, coins: Sequence[Coin]) -> None:
        self._board = board
        self._clock = clock
        self._basis = {coin: SpotBasis() for coin in coins}
        self._boundaries: dict[tuple[Coin, int], _Boundary] = {}
        self._watching_since_ms: int | None = None
        self._stream_wait_ms = freshness_ms(STREAM_WAIT_MS, clock.speed)
        self._oracle_wait_ms = int(ORACLE_WAIT_S * 1000 * max(1.0, clock.speed))
        self._oracle_within_ms = max(ORACLE_WITHIN_MS, self._oracle_wait_ms)
        self._spot_within_ms = freshness_ms(SPOT_WITHIN_MS, clock.speed)

    def observe(self, slot: int) -> None:
        """Take the slot's pair of spot and settlement price into each coin's basis."""
        if self._watching_since_ms is None:
            self._watching_since_ms = self._clock.market_ms()
        for coin, basis in self._basis.items():
            quote = self._board.spot(coin)
            basis.update(slot, None if quote is None else quote.price, self._settlement_price(coin))

    def basis(self, coin: Coin) -> float | None:
        """Running median of ln(spot / settlement price), None while too little is known."""
        basis = self._basis.get(coin)
        return None if basis is None else basis.value

    def _settlement_price(self, coin: Coin) -> float | None:
        """The freshest price of what the market settles on: the point price, else the average, else the chain's."""
        point, average = self._board.oracle(coin), self._board.twap(coin)
        for print_, limit_ms in (
            (point, STREAM_PRINT_FRESH_MS),
            (average, STREAM_PRINT_FRESH_MS),
            (point, CHAIN_PRINT_FRESH_MS),
        ):
            if print_ is not None and self._since_ms(print_.at_ms) <= freshness_ms(limit_ms, self._clock.speed):
                return print_.price
        return None

    def _since_ms(self, at_ms: int) -> int:
        return self._clock.market_ms() - at_ms

    def learn(self, coin: Coin, unix_s: int, price: float, source: str) -> None:
        """The venue's own figure for that second."""
        self._kept(coin, unix_s).official = Reference(price, source, "official", unix_s * 1000)

    def keep(self, coin: Coin, unix_s: int, known: Reference | None) -> None:
        """What an earlier session knew of that second."""
        if known is not None:
            setattr(self._kept(coin, unix_s), known.grade, known)

    def best(self, coin: Coin, unix_s: int) -> Reference | None:
        """The best price known by now for that second. A worse source counts only once a better one had its time."""
        return self._known(coin, unix_s).best

    def judge(self, coin: Coin, start_s: int, end_s: int) -> Judgement | None:
        """Up when the price at the end is at least the price at the start: a tie is up."""
        start, end = self._known(coin, start_s), self._known(coin, end_s)
        pairs: tuple[tuple[Grade, Reference | None, Reference | None], ...] = (
            ("stream", start.settlement, end.settlement),
            ("oracle", start.not_spot, end.not_spot),
            ("spot", start.not_spot, end.freed),
            ("spot", start.freed, end.not_spot),
            ("spot", start.spot, end.spot if _one_source(start.spot, end.spot) else None),
        )
        for grade, strike, final in pairs:
            if strike is not None and final is not None:
                return Judgement("up" if final.price >= strike.price else "down", grade, strike, final)
        return None

    def forget_before(self, unix_s: int) -> None:
        self._boundaries = {at: kept for at, kept in self._boundaries.items() if at[1] >= unix_s}

    def _kept(self, coin: Coin, unix_s: int) -> _Boundary:
        return self._boundaries.setdefault((coin, unix_s), _Boundary())

    def _known(self, coin: Coin, unix_s: int) -> _Boundary:
        """Look at the board, keep what it says of that second, and return what may be used of it by now."""
        since_ms = self._since_ms(unix_s * 1000)
        if since_ms < 0:
            return _Boundary()
        kept = self._kept(coin, unix_s)
        if kept.stream is None:
            print_ = self._board.twap_at(coin, unix_s)
            kept.stream = None if print_ is None else _reference(print_, "stream")
        if kept.spot is None:
            self._keep_spot(coin, unix_s, kept)
        as_of = self._oracle_as_of(coin, unix_s)
        if kept.oracle is None and as_of is not None and since_ms >= self._oracle_wait_ms:
            kept.oracle = _reference(as_of, "oracle")
        known = _Boundary(kept.official, kept.stream, kept.oracle)
        waited = since_ms >= (self._stream_wait_ms if as_of is None else self._oracle_wait_ms)
        if waited:
            known.spot, known.freed = kept.spot, kept.freed
        return known

    def _oracle_as_of(self, coin: Coin, unix_s: int) -> OraclePrint | None:
        print_ = self._board.oracle_as_of(coin, unix_s)
        if print_ is None or unix_s * 1000 - print_.at_ms > self._oracle_within_ms:
            return None
        return print_

    def _keep_spot(self, coin: Coin, unix_s: int, kept: _Boundary) -> None:
        """Only a boundary that we lived through has a price of its second."""
        quote, basis, at_ms = self._board.spot(coin), self.basis(coin), unix_s * 1000
        if quote is None or self._watching_since_ms is None or self._watching_since_ms > at_ms:
            return
        if abs(quote.recv_ms - at_ms) > self._spot_within_ms:
            return
        kept.spot = Reference(quote.price, quote.source, "spot", quote.recv_ms)
        if basis is not None:
            freed = quote.price * math.exp(-basis)
            kept.freed = Reference(freed, f"{quote.source} less basis", "spot", quote.recv_ms)


def _reference(print_: OraclePrint, grade: Grade) -> Reference:
    return Reference(print_.price, print_.source, grade, print_.at_ms)


def _one_source(first: Reference | None, second: Reference | None) -> bool:
    return first is not None and second is not None and first.source == second.source

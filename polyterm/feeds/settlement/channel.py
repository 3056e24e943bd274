"""The settlement stream: authenticate, subscribe, post every print with its own stamp."""

import asyncio
import random
from collections.abc import Sequence
from typing import Final

from polyterm.core.market import Coin
from polyterm.feeds.board import Board, OraclePrint
from polyterm.feeds.settlement import wire
from polyterm.settings import Credentials, FeedSettings
from polyterm.transport.clock import Clock
from polyterm.transport.health import FeedHealth
from polyterm.transport.socket import CloseRule, HangUpError, Send, supervise
from polyterm.transport.tap import SILENT, Tap

TWAP_SOURCE: Final = "twap60"
KEEPALIVE_S: Final = 30.0
# Wrong credentials do not heal by themselves, and every further try counts against us.
REFUSED_MIN_S: Final = 300.0
REFUSED_MAX_S: Final = 600.0

CLOSES: Final = {
    4001: CloseRule("does not accept our API credentials", REFUSED_MIN_S, REFUSED_MAX_S),
    4002: CloseRule("found us too slow", 1.0, 2.0),
    4003: CloseRule("is being drained", 0.0, 10.0),
    4008: CloseRule("says that we broke its rules", 30.0, 60.0),
}
_FATAL: Final = {"auth_invalid", "auth_required", "auth_attempts"}
_PASSING: Final = {"auth_unavailable", "auth_expired", "rate_limited"}


class SettlementFeed:
    """Needs the venue's API credentials; without them it is off and says so.

    Only prints of the settling average count as data: a socket that goes on with point prices alone is reopened.
    """

    name = "settlement"
    keepalive = (KEEPALIVE_S, wire.PING)

    def __init__(  # noqa: PLR0917 - the signature all feeds share, plus the credentials
        self,
        settings: FeedSettings,
        credentials: Credentials,
        coins: Sequence[Coin],
        board: Board,
        clock: Clock,
        rng: random.Random,
        *,
        tap: Tap = SILENT,
    ) -> None:
        self._tap = tap
        self.health = FeedHealth(self.name, clock)
        self._settings = settings
        self._credentials = credentials
        self._coins = {wire.symbol_of(coin): coin for coin in coins}
        self._board = board
        self._clock = clock
        self._rng = rng
        self._send: Send | None = None
        self._seq: dict[str, int] = {}

    async def run(self) -> None:
        if not self._credentials.complete:
            self.health.off("no API credentials: prices come from the chain instead")
            await asyncio.Event().wait()
        silence_s = self._settings.silence_s
        await supervise(self, self.health, self._clock, self._rng, silence_s=silence_s, closes=CLOSES, tap=self._tap)

    def url(self) -> str:
        return self._settings.settlement_ws

    def on_open(self, send: Send) -> None:
        key, secret, phrase = self._credentials.api_key, self._credentials.secret, self._credentials.passphrase
        if key is None or secret is None or phrase is None:
            raise HangUpError("the API credentials are incomplete", REFUSED_MAX_S)
        self._send = send
        self._seq.clear()
        send(wire.auth(wire.Credentials(*(part.get_secret_value() for part in (key, secret, phrase)))))

    def on_close(self) -> None:
        self._send = None

    def on_text(self, text: str) -> bool:
        frame = wire.decode(text)
        match frame:
            case wire.Prices():
                return self._on_prices(frame)
            case wire.Answer():
                self._on_answer(frame)
            case wire.Unknown(kind=kind):
                self.health.note_unknown(kind)
        return False

    def _on_answer(self, answer: wire.Answer) -> None:
        match answer.op:
            case "authed":
                if self._send is not None:
                    self._send(wire.subscribe(tuple(self._coins.values())))
            case "error":
                self._on_error(answer)
            case "subscribed" | "unsubscribed" | "pong":
                pass
            case _:
                self.health.note_unknown(answer.op)

    def _on_error(self, answer: wire.Answer) -> None:
        said = f"{self.health.host} answers {answer.code or 'error'}"
        if answer.code in _FATAL:
            wait_s = self._rng.uniform(REFUSED_MIN_S, REFUSED_MAX_S)
            raise HangUpError(f"{said}: it does not accept our API credentials", wait_s)
        if answer.code in _PASSING:
            raise HangUpError(said)
        self.health.warn("feed.refused", code=answer.code, channel=answer.channel)

    def _on_prices(self, prices: wire.Prices) -> bool:
        self._check_order(prices)
        coin = self._coins.get(prices.symbol)
        is_twap = prices.channel == wire.TWAP
        if coin is None or (is_twap and prices.window_seconds != wire.TWAP_WINDOW_S):
            self.health.note_unknown(f"{prices.channel} {prices.symbol} {prices.window_seconds}")
            return False
        # The provider of the point price has changed before: name the one the frame names.
        source = TWAP_SOURCE if is_twap else f"{prices.source or 'unnamed'}-stream"
        post = self._board.post_twap if is_twap else self._board.post_oracle
        recv_ms = self._clock.market_ms()
        for point in prices.points:
            post(OraclePrint(coin, point.price, source, point.at_ms, recv_ms))
        return is_twap and bool(prices.points)

    def _check_order(self, prices: wire.Prices) -> None:
        last = self._seq.get(prices.channel)
        self._seq[prices.channel] = prices.seq
        if last is not None and prices.seq != last + 1:
            self.health.gap(f"{prices.channel}: message {prices.seq} after {last}")
        elif prices.dropped:
            self.health.gap(f"{prices.channel}: the server dropped {prices.dropped} messages")

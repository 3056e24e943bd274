"""The market channel: subscriptions, and every token's book kept current, checked and posted to the board."""

import asyncio
import math
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import httpx
import msgspec

from polyterm.core.tick import BOOK_MAX_AGE_MS
from polyterm.feeds.board import Board
from polyterm.feeds.polymarket import clob_wire, rest, wire
from polyterm.feeds.polymarket.books import Books, Counts
from polyterm.settings import FeedSettings
from polyterm.transport.backoff import Backoff
from polyterm.transport.clock import Clock, freshness_ms
from polyterm.transport.health import FeedHealth
from polyterm.transport.http import http_client
from polyterm.transport.socket import Send, supervise
from polyterm.transport.tap import SILENT, Tap

TEND_EVERY_S: Final = 0.25
VERIFY_EVERY_S: Final = 0.1
VERIFY_QUIET_EVERY_S: Final = 1.0
# A lost change of a size or of a deep level shows in no best price.
VERIFY_ACTIVE_EVERY_S: Final = 30.0
# Of the answers that are waited for at once: a quiet book may not grow stale behind others on a long way to the venue.
VERIFY_AT_ONCE: Final = 4
# REST is asked about a quiet book while there is still time to answer before the book counts as stale.
QUIET_SHARE: Final = 0.6


class MarketFeed:
    """Keeps the books of the subscribed tokens on the board.

    The channel has no replay: after a lost connection, and for a token whose book is in lasting doubt, the token is
    subscribed anew and its book stays quarantined until a whole one arrives. REST books are held against ours: soon for
    a token that no frame names, so that a quiet market is told from a dead subscription, now and then for the others.
    ``on_resolved`` hears of every resolution that the channel mentions; the venue sometimes forgets to.
    """

    name = "polymarket"
    keepalive = (wire.PING_EVERY_S, wire.PING)

    def __init__(
        self, settings: FeedSettings, board: Board, clock: Clock, rng: random.Random, *, tap: Tap = SILENT
    ) -> None:
        self._tap = tap
        self.health = FeedHealth(self.name, clock)
        self.health.reason = "no market to watch yet"
        self.on_resolved: Callable[[wire.MarketResolved], None] | None = None
        self._settings = settings
        self._board = board
        self._clock = clock
        self._rng = rng
        self._books = Books(clock)
        self._tokens: dict[str, None] = {}
        self._any_token = asyncio.Event()
        self._send: Send | None = None
        self._asked_s: dict[str, float] = {}
        self._asking: set[str] = set()
        self._refusals = 0
        self._ask_from_s = -math.inf

    @property
    def counts(self) -> Counts:
        """How often our best was compared with the venue's own, how often it differed, and resubscriptions."""
        return self._books.counts

    async def run(self) -> None:
        await self._any_token.wait()  # a socket without tokens is silent and would be reopened for ever
        async with http_client() as client, asyncio.TaskGroup() as group:
            group.create_task(
                supervise(self, self.health, self._clock, self._rng, silence_s=self._settings.silence_s, tap=self._tap)
            )
            group.create_task(self._tend())
            for _ in range(VERIFY_AT_ONCE):
                group.create_task(self._verify(client))

    def subscribe(self, tokens: Iterable[str]) -> None:
        """Watch these tokens; those already watched are left alone."""
        new = tuple(token for token in dict.fromkeys(tokens) if token not in self._tokens)
        for token in new:
            self._tokens[token] = None
            self._books.watch(token)
            self._asked_s[token] = self._clock.monotonic()
        if new:
            self._any_token.set()
            if self._send is not None:
                self._send(wire.subscribe_frame(new))

    def unsubscribe(self, tokens: Iterable[str]) -> None:
        """Stop watching these tokens and take their books off the board."""
        gone = tuple(token for token in dict.fromkeys(tokens) if token in self._tokens)
        for token in gone:
            del self._tokens[token]
            del self._asked_s[token]
            self._books.forget(token)
            self._board.drop_book(token)
        if gone and self._send is not None:
            self._send(wire.unsubscribe_frame(gone))

    def url(self) -> str:
        return self._settings.market_ws

    def on_open(self, send: Send) -> None:
        self._send = send
        self._books.distrust_all()
        send(wire.first_frame(tuple(self._tokens)))

    def on_close(self) -> None:
        self._send = None
        self._books.distrust_all()
        self._post(self._tokens)

    def on_text(self, text: str) -> bool:
        if text == wire.PONG:
            return False
        frame = wire.decode(text)
        for kind in frame.unknown:
            self.health.note_unknown(kind)
        for error in frame.malformed:
            self.health.note_malformed(text, ValueError(error))
        named: dict[str, None] = {}
        for message in frame.messages:
            try:
                named.update(dict.fromkeys(self._books.apply(message)))
            except ValueError as error:
                self.health.note_malformed(text, error)
            if isinstance(message, wire.MarketResolved) and self.on_resolved is not None:
                self.on_resolved(message)
        self._post(named)
        return bool(named)

    def _post(self, tokens: Iterable[str]) -> None:
        for token in tokens:
            view = self._books.view(token)
            if view is not None:
                self._board.post_book(view)

    async def _tend(self) -> None:
        """Subscribe anew what is in lasting doubt."""
        while True:
            await asyncio.sleep(TEND_EVERY_S)
            if self._send is None:
                continue
            lost = self._books.to_resync()
            if lost:
                self._tap.hear("resync", self.name, self.health.host, " ".join(lost))
                self.health.gap(f"{len(lost)} books had to be subscribed anew")
                self._send(wire.unsubscribe_frame(lost))
                self._send(wire.subscribe_frame(lost))
                self._post(lost)

    async def _verify(self, client: httpx.AsyncClient) -> None:
        """Ask REST about one token after the other; a failing REST only lets quiet books grow stale."""
        while True:
            await asyncio.sleep(VERIFY_EVERY_S)
            token = self._token_to_verify()
            if token is None:
                continue
            self._asked_s[token] = self._clock.monotonic()
            self._asking.add(token)
            try:
                await self._verify_token(client, token)
                self._refusals = 0
            except (rest.RestError, msgspec.DecodeError, ValueError) as error:
                self.health.warn("feed.book_check_failed", error=str(error))
                self._stop_asking(error.retry_in_s if isinstance(error, rest.RestError) else None)
            finally:
                self._asking.discard(token)

    def _stop_asking(self, asked_for_s: float | None) -> None:
        """For a while; questions that were under way together fail together and count once."""
        now_s = self._clock.monotonic()
        if now_s >= self._ask_from_s:
            self._refusals += 1
            self._ask_from_s = now_s + Backoff().wait(self._refusals, self._rng, asked_for_s)

    def _token_to_verify(self) -> str | None:
        """Of those that are due, the one that was asked about longest ago."""
        now_s = self._clock.monotonic()
        if now_s < self._ask_from_s:
            return None
        quiet_ms = int(freshness_ms(BOOK_MAX_AGE_MS, self._clock.speed) * QUIET_SHARE)
        waiting = (
            (VERIFY_QUIET_EVERY_S, self._books.quiet(quiet_ms)),
            (VERIFY_ACTIVE_EVERY_S, self._books.trusted()),
        )
        for every_s, tokens in waiting:
            due = [token for token in tokens if now_s - self._asked_s[token] >= every_s and token not in self._asking]
            if due:
                return min(due, key=self._asked_s.__getitem__)
        return None

    async def _verify_token(self, client: httpx.AsyncClient, token: str) -> None:
        asked_at_frame = self.frames(token)
        try:
            body = await rest.get(client, f"{self._settings.clob}/book", {"token_id": token}, tap=self._tap)
        except rest.RestError as error:
            if error.status == httpx.codes.NOT_FOUND:  # resolved: it has no book any more
                if token in self._asked_s:
                    self._asked_s[token] += VERIFY_ACTIVE_EVERY_S
                return
            raise
        self.check(body, asked_at_frame)

    def frames(self, token: str) -> int:
        """How many frames have named the token."""
        return self._books.frames(token)

    def check(self, body: bytes, asked_at_frame: int) -> None:
        """Hold a REST book, asked for when ``frames`` was ``asked_at_frame``, against ours.

        Raises:
            ValueError, msgspec.DecodeError: it makes no sense.
        """
        book = clob_wire.decode_book(body)
        if self._books.verify(book, asked_at_frame) == "equal":
            self._post((book.asset_id,))

    def give_up(self, tokens: Sequence[str]) -> None:
        """Trust these books again only when whole new ones arrive."""
        self._books.distrust(tokens)
        self._post(tokens)

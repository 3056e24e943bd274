"""What was heard, heard again: the same decoders, books, windows and collector, on the clock of the recording."""

import random
from collections.abc import Callable
from typing import Final, Protocol
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
from pydantic import SecretStr

from polyterm.core.input import Payload
from polyterm.core.market import MarketKey, parse_slug
from polyterm.errors import FeedError
from polyterm.feeds.binance.channel import BinanceFeed
from polyterm.feeds.board import Board
from polyterm.feeds.chainlink.reader import ChainlinkFeed
from polyterm.feeds.chainlink.rounds import Round
from polyterm.feeds.collector import Collector
from polyterm.feeds.polymarket import gamma_wire
from polyterm.feeds.polymarket.channel import MarketFeed
from polyterm.feeds.polymarket.discovery import MarketInfo, market_info, with_fee
from polyterm.feeds.recording import Header, Heard
from polyterm.feeds.settlement.channel import SettlementFeed
from polyterm.feeds.windows import WindowDesk
from polyterm.settings import Credentials, FeedSettings
from polyterm.transport.clock import ManualClock
from polyterm.transport.health import FeedHealth
from polyterm.transport.socket import Channel, HangUpError

Stamped = tuple[int, Payload]

EVENTS_PATH: Final = "/events/slug/"
FEES_PATH: Final = "/clob-markets/"
BOOK_PATH: Final = "/book"

_rounds: Final = msgspec.json.Decoder(tuple[Round, ...])


class Playback:
    """One run of a recorder. Give it everything that was heard, in order; it gives what the collector made of it.

    Ticks are as they were: made at the recorded moments, of what had been heard by then. Only ``made_ms`` and the ages
    may differ, by the time that the live engine took between hearing and doing (some ms of machine time).
    """

    def __init__(self, header: Header) -> None:
        self._clock = ManualClock(speed=header.speed)
        series = [(coin, header.horizon) for coin in header.coins]
        settings, board, rng = FeedSettings(), Board(), random.Random(0)
        self._out: list[Stamped] = []
        self._market = MarketFeed(settings, board, self._clock, rng)
        self._chain = ChainlinkFeed(settings, header.coins, board, self._clock, rng)
        nobody = SecretStr("")
        credentials = Credentials(api_key=nobody, secret=nobody, passphrase=nobody)
        feeds: tuple[_Feed, ...] = (
            BinanceFeed(settings, header.coins, board, self._clock, rng),
            SettlementFeed(settings, credentials, header.coins, board, self._clock, rng),
            self._market,
        )
        self._feeds = {feed.name: feed for feed in feeds}
        self._open: set[str] = set()
        self._desk = WindowDesk(self._clock, board, _Unasked(), self._market, series=series, emit=self._emit, rng=rng)
        self._collector = Collector(self._clock, board, self._desk, series, self._emit)
        self._asked_at_frame: dict[str, int] = {}
        self._without_fee: dict[str, MarketInfo] = {}

    def hear(self, heard: Heard) -> list[Stamped]:
        """What the engine is to be given, stamped in market time."""
        self._clock.advance_to(heard.market_ms)
        match heard.kind:
            case "frame" | "open" | "close":
                self._on_socket(heard)
            case "ask" | "answer" | "refusal":
                self._on_rest(heard)
            case "resync":
                self._market.give_up(heard.text.split())
            case "slot":
                self._collector.make(int(heard.text))
            case "lost":
                self._distrust()
        out, self._out = self._out, []
        return out

    def _emit(self, payload: Payload) -> None:
        self._out.append((self._clock.market_ms(), payload))

    def _on_socket(self, heard: Heard) -> None:
        feed = self._feeds.get(heard.feed)
        if feed is None:
            return
        if heard.kind == "open":
            self._open.add(feed.name)
            feed.on_open(_send)
        elif heard.kind == "close":
            self._open.discard(feed.name)
            feed.on_close()
        else:
            _malformed_is_skipped(feed.health, heard.text, lambda: feed.on_text(heard.text))

    def _distrust(self) -> None:
        """Something was not recorded, and may have been part of a book: as after a lost connection."""
        for name in self._open:
            self._feeds[name].on_close()
            self._feeds[name].on_open(_send)

    def _on_rest(self, heard: Heard) -> None:
        if heard.feed == self._chain.name:
            self._chain.take(_rounds.decode(heard.text))
            return
        path = urlsplit(heard.what).path
        if EVENTS_PATH in path and heard.kind == "answer":
            _malformed_is_skipped(self._desk.health, heard.text, lambda: self._learn(path, heard.text))
        elif FEES_PATH in path and heard.kind != "ask":
            _malformed_is_skipped(self._desk.health, heard.text, lambda: self._learn_fee(path, heard))
        elif path.endswith(BOOK_PATH):
            self._on_book(heard)

    def _learn(self, path: str, text: str) -> None:
        key = parse_slug(path.rpartition("/")[2])
        event = gamma_wire.decode_event(text.encode())
        if key is None or event is None:
            return
        info = market_info(key, event)
        if info.fee is None:
            self._without_fee[info.condition_id] = info
        else:
            self._desk.learn(info)

    def _learn_fee(self, path: str, heard: Heard) -> None:
        info = self._without_fee.pop(path.rpartition("/")[2], None)
        if info is None:
            return
        if heard.kind == "answer":
            self._desk.learn(with_fee(info, heard.text.encode()))
        elif heard.text == str(httpx.codes.NOT_FOUND.value):
            self._desk.learn(info)

    def _on_book(self, heard: Heard) -> None:
        token = parse_qs(urlsplit(heard.what).query).get("token_id", [""])[0]
        if heard.kind == "ask":
            self._asked_at_frame[token] = self._market.frames(token)
        elif heard.kind == "answer" and token in self._asked_at_frame:
            asked = self._asked_at_frame.pop(token)
            _malformed_is_skipped(
                self._market.health, heard.text, lambda: self._market.check(heard.text.encode(), asked)
            )


class _Feed(Channel, Protocol):
    health: FeedHealth


class _Unasked:
    """The catalogue's answers come from the recording."""

    host = "recording"

    async def market(self, key: MarketKey, *, fresh: bool = False) -> MarketInfo:
        raise FeedError("a recording cannot be asked")


def _send(_: str) -> None:
    """What we would say has been said."""


def _malformed_is_skipped(health: FeedHealth, text: str, take: Callable[[], object]) -> None:
    """As the supervised socket does; the end of the connection that a channel asks for is in the recording."""
    try:
        take()
    except HangUpError:
        return
    except (msgspec.DecodeError, ValueError) as error:
        health.note_malformed(text, error)

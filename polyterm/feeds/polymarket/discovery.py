"""Finding the market of a window: one request by its slug, and what matters of the answer in our own words."""

import itertools
from datetime import datetime
from typing import Final

import httpx
import msgspec

from polyterm.core.market import FeeSchedule, MarketKey, Side, slug
from polyterm.errors import FeedError
from polyterm.feeds.polymarket import clob_wire, gamma_wire, rest
from polyterm.feeds.polymarket.gamma_wire import GammaEvent, GammaMarket, texts
from polyterm.feeds.polymarket.numbers import Number, optional_number
from polyterm.settings import FeedSettings
from polyterm.transport.address import host_of
from polyterm.transport.tap import SILENT, Tap

KNOWN_VERSIONS: Final = ("v1", "v2")
FREE: Final = FeeSchedule(rate=0.0, exponent=1.0)

# Prices of a resolved market are exactly 1 and 0; the room is for how they are written.
_WON: Final = 0.9


class MarketInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A window's market as the catalogue describes it.

    ``tick`` is in dollars, ``min_size`` in shares. ``fee`` None means that the market charges one but does not say
    which. ``twap_seconds`` is the length of the average it settles on. ``price_to_beat`` and ``final_price`` appear
    minutes late. ``outcome`` is None until the market is resolved, and for good when it was ``voided``: resolved, with
    something for either side.
    """

    key: MarketKey
    slug: str
    condition_id: str
    up_token: str
    down_token: str
    tick: float | None
    min_size: float | None
    fee: FeeSchedule | None
    version: str | None
    accepting_orders: bool
    price_to_beat: float | None
    final_price: float | None
    twap_seconds: int | None
    closed: bool
    outcome: Side | None
    voided: bool = False

    @property
    def tradable(self) -> bool:
        """Whether orders may be signed for it. A market of a version that we do not know may only be watched."""
        return self.version in KNOWN_VERSIONS and self.fee is not None


class Discovery:
    """Asks the catalogue. Keeps nothing: who asks decides when, and how often."""

    def __init__(self, client: httpx.AsyncClient, settings: FeedSettings, *, tap: Tap = SILENT) -> None:
        self._client = client
        self._tap = tap
        self._gamma = settings.gamma
        self._clob = settings.clob
        self._asked = itertools.count(1)

    @property
    def host(self) -> str:
        return host_of(self._gamma)

    async def market(self, key: MarketKey, *, fresh: bool = False) -> MarketInfo:
        """The market of a window. ``fresh`` goes around the venue's cache, which may hold answers for minutes.

        Raises:
            FeedError: it is not listed, the venue does not answer (RestError), or its answer makes no sense.
        """
        try:
            name = slug(key)
        except ValueError as error:
            raise FeedError(str(error)) from None
        params = {"_": next(self._asked)} if fresh else None
        try:
            body = await rest.get(self._client, f"{self._gamma}/events/slug/{name}", params, tap=self._tap)
            event = gamma_wire.decode_event(body)
            if event is None:
                raise FeedError(f"{name} is not listed")
            info = market_info(key, event)
            return info if info.fee is not None else await self._with_fee(info)
        except rest.RestError as error:
            if error.status == httpx.codes.NOT_FOUND:
                raise FeedError(f"{name} is not listed") from None
            raise
        except (msgspec.DecodeError, ValueError) as error:
            raise FeedError(f"{self.host} describes {name} in a way that makes no sense ({error})") from None

    async def _with_fee(self, info: MarketInfo) -> MarketInfo:
        """The order book knows the fee as well, if it knows the market."""
        try:
            body = await rest.get(self._client, f"{self._clob}/clob-markets/{info.condition_id}", tap=self._tap)
        except rest.RestError as error:
            if error.status == httpx.codes.NOT_FOUND:
                return info
            raise
        return with_fee(info, body)


def with_fee(info: MarketInfo, body: bytes) -> MarketInfo:
    """``info`` with the fee that the order book's own description of the market tells.

    Raises:
        ValueError, msgspec.DecodeError: it makes no sense.
    """
    data = clob_wire.decode_market_info(body).fd
    return msgspec.structs.replace(info, fee=_schedule(data.r, data.e) if data is not None else None)


def market_info(key: MarketKey, event: GammaEvent) -> MarketInfo:
    """What an event says of the window ``key``.

    Raises:
        ValueError, msgspec.DecodeError: it is another window's, or lacks what nobody can do without.
    """
    name = slug(key)
    market = next((market for market in event.markets if market.slug == name), None)
    if market is None:
        raise ValueError(f"the event {event.slug} has no market {name}")
    starts = market.event_start_time
    if starts is not None and datetime.fromisoformat(starts).timestamp() != key.epoch:
        raise ValueError(f"its window starts at {starts}")
    tokens = _by_label(market, texts(market.position_ids if market.version == "v2" else market.clob_token_ids))
    metadata = event.event_metadata or gamma_wire.EventMetadata()
    config = market.crypto_market_config
    lookback = None if config is None else optional_number(config.twap_lookback_seconds)
    return MarketInfo(
        key=key,
        slug=name,
        condition_id=market.condition_id,
        up_token=tokens["up"],
        down_token=tokens["down"],
        tick=optional_number(market.order_price_min_tick_size),
        min_size=optional_number(market.order_min_size),
        fee=_fee(market),
        version=market.version,
        accepting_orders=market.accepting_orders,
        price_to_beat=_price(metadata.price_to_beat),
        final_price=_price(metadata.final_price),
        twap_seconds=None if lookback is None else int(lookback),
        closed=market.closed,
        outcome=_outcome(market),
        voided=_voided(market),
    )


def _by_label(market: GammaMarket, values: tuple[str, ...]) -> dict[Side, str]:
    """``values`` are in the order of ``outcomes``, which is not always Up first."""
    labels = [label.lower() for label in texts(market.outcomes)]
    if sorted(labels) != ["down", "up"] or len(values) != 2:
        raise ValueError(f"its outcomes are {labels} with {len(values)} values")
    up = labels.index("up")
    return {"up": values[up], "down": values[1 - up]}


def _price(value: Number) -> float | None:
    """A coin's price in dollars; the venue has no price of 0, so that is none."""
    return optional_number(value) or None


def _fee(market: GammaMarket) -> FeeSchedule | None:
    if not market.fees_enabled:
        return FREE
    schedule = market.fee_schedule
    return None if schedule is None else _schedule(schedule.rate, schedule.exponent)


def _schedule(rate: Number, exponent: Number) -> FeeSchedule | None:
    known_rate, known_exponent = optional_number(rate), optional_number(exponent)
    if known_rate is None or known_exponent is None:
        return None
    return FeeSchedule(known_rate, known_exponent)


def _final_prices(market: GammaMarket) -> dict[Side, float] | None:
    """What a share pays, None until the market is resolved."""
    if not market.closed or "resolved" not in {market.uma_resolution_status, market.resolution_status}:
        return None
    prices = _by_label(market, texts(market.outcome_prices))
    return {side: float(price) for side, price in prices.items()}


def _outcome(market: GammaMarket) -> Side | None:
    prices = _final_prices(market) or {}
    return next((side for side, price in prices.items() if price > _WON), None)


def _voided(market: GammaMarket) -> bool:
    prices = _final_prices(market)
    return prices is not None and all(price > 1 - _WON for price in prices.values())

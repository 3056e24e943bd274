"""The venue's own client library against our servers: what it says is understood, and it can read what they send."""

import importlib
import json
from collections import Counter
from typing import Any

import pytest

from polyterm.core.market import COINS
from polyterm.sim.box import Box
from tests.sim.clients import (
    KINDS,
    MARKET0_MS,
    authenticate,
    frames_of_every_kind,
    gamma_event,
    listen,
    price_frames,
    running,
    tokens,
)

pytest.importorskip("polymarket", exc_type=ImportError)


def library(module: str) -> Any:
    return importlib.import_module(f"polymarket.{module}")


async def test_it_subscribes_to_the_market_channel_and_reads_every_message() -> None:
    protocol = library("_internal.streams.clob.market_protocol")
    async with Box(seed=7, market0_ms=MARKET0_MS + 575_000) as box:
        assets = tuple(token for coin in COINS for token in tokens(box, running(box, coin)))
        state = protocol.derive_state([protocol.MarketSubscription(assets, custom_feature_enabled=True)])
        async with listen(box.endpoints.feeds.market_ws) as socket:
            await socket.send(json.dumps(protocol.build_initial_frame(state)))
            frames = await frames_of_every_kind(box, socket)
    read: Counter[str] = Counter()
    for frame in frames:
        events, dropped = protocol.parse_events(frame)
        assert dropped == 0, frame
        read.update(event.type for event in events)
    assert read.keys() == KINDS


async def test_it_reads_snapshots_and_updates_of_the_price_stream() -> None:
    protocol = library("_internal.streams.realtime.protocol")
    items = [
        {"channel": "price.crypto.twap", "filter": {"symbol": "btcusd", "window_seconds": 60}},
        {"channel": "price.crypto", "filter": {"symbol": "xrpusd"}},
    ]
    async with Box(seed=7, market0_ms=MARKET0_MS) as box, listen(box.endpoints.feeds.settlement_ws) as socket:
        await authenticate(socket, box)
        await socket.send(json.dumps({"op": "subscribe", "rid": "2", "subscriptions": items}))
        frames = await price_frames(socket)
        await box.step(5000)
        frames += await price_frames(socket)
    events = [protocol.parse_price_event(frame) for frame in frames if "channel" in frame and "op" not in frame]
    assert None not in events
    assert {(event.topic, event.type) for event in events} == {
        (topic, kind) for topic in ("prices.crypto.twap", "prices.crypto") for kind in ("subscribe", "update")
    }


async def test_it_reads_open_and_resolved_events() -> None:
    event_model = library("models.gamma").Event
    async with Box(seed=7, market0_ms=MARKET0_MS + 575_000) as box:
        key = running(box)
        opened = event_model.model_validate(await gamma_event(box, key))
        await box.step(400_000)
        resolved = event_model.model_validate(await gamma_event(box, key, "fresh"))
    assert (opened.state.closed, resolved.state.closed) == (False, True)

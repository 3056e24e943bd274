"""The endpoints that answer from the database: windows, metrics, research and ticks.

Every question has a time limit and connections of its own; ticks go out in small parts, one export at a time. However
slow the database or a reader is, the engine beside them waits for neither.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Final, TypeVar

import msgspec
from aiohttp import web

from polyterm.core.market import HORIZON_SECONDS, HORIZONS, Horizon
from polyterm.errors import StoreError
from polyterm.service.status import stored_answers as answers
from polyterm.service.status.asked import MAX_OFFSET, Asked
from polyterm.service.status.operations import Viewed
from polyterm.store.reports.archive import Archive, Archives
from polyterm.store.reports.export import ExportedRow, tick_parts
from polyterm.store.reports.lines import csv_header, csv_lines, json_objects
from polyterm.store.reports.research import research
from polyterm.store.reports.trades import totals_of, wanted_in
from polyterm.store.reports.windows import MAX_WINDOWS, WindowsWanted, windows_page
from polyterm.store.span import Span

MAX_TICKS: Final = 500_000
PART_MS: Final = 30_000
"""Of ticks between two breaths of the engine: 120 of four series, about 5 ms of work."""

PART_TIMEOUT_S: Final = 10.0
SENDING_TIMEOUT_S: Final = 30.0
TOO_SLOW: Final = "The database or the reader was too slow."
HOUR_MS: Final = 3_600_000
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


class TicksMeta(msgspec.Struct, frozen=True):
    """``next_start`` is where to go on when ``limit`` cut the answer off, unix ms."""

    count: int
    start: int
    end: int
    limit: int
    next_start: int | None


class StoredEndpoints:
    def __init__(self, view: Viewed) -> None:
        self._view = view
        self._exporting = False

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get("/api/windows", self._windows)
        router.add_get("/api/metrics", self._metrics)
        router.add_get("/api/research-export", self._research)
        router.add_get("/api/ticks-export", self._ticks)

    async def _windows(self, request: web.Request) -> web.Response:
        asked = Asked(request, ("crypto", "horizon", "hours", "start", "end", "resolved", "limit", "offset"))
        resolved = asked.choice("resolved", ("true", "false"))
        limit = asked.whole("limit", 100, 1, MAX_WINDOWS)
        offset = asked.whole("offset", 0, 0, MAX_OFFSET)
        start_ms, end_ms = self._span_ms(asked)
        wanted = WindowsWanted(
            coins=asked.coins(),
            horizon=asked.horizon(),
            after_ms=start_ms,
            before_ms=end_ms,
            resolved=None if resolved is None else resolved == "true",
        )
        page = await self._ask(lambda archive: windows_page(archive, wanted, limit, offset))
        return _json(answers.windows_answer(page, limit))

    async def _metrics(self, request: web.Request) -> web.Response:
        asked = Asked(request, ("period", "strategy", "crypto"))
        period, now_ms = asked.period("all"), self._now_ms()
        wanted = wanted_in(period, now_ms, strategy=asked.text("strategy"), coins=asked.coins())
        totals = await self._ask(lambda archive: totals_of(archive, wanted))
        return _json(answers.metrics_answer(period, totals, len(self._view.positions()), now_ms))

    async def _research(self, request: web.Request) -> web.Response:
        asked = Asked(request, ("period", "strategy", "crypto"))
        period, now_ms = asked.period("all"), self._now_ms()
        wanted = wanted_in(period, now_ms, strategy=asked.text("strategy"), coins=asked.coins())
        found = await self._ask(lambda archive: research(archive, wanted))
        return _json(answers.research_answer(period, found, now_ms))

    async def _ticks(self, request: web.Request) -> web.StreamResponse:
        known = ("crypto", "horizon", "hours", "start", "end", "window_epoch", "format", "limit")
        asked = Asked(request, known)
        format_ = asked.choice("format", ("json", "csv")) or "json"
        limit = asked.whole("limit", MAX_TICKS, 1, MAX_TICKS)
        epoch = asked.whole("window_epoch", 0, 0, 10**11)
        horizon = asked.horizon() or ("15m" if epoch else None)
        start_ms, end_ms = self._ticks_span_ms(asked)
        if epoch and horizon is not None:
            start_ms, end_ms = epoch * 1000, (epoch + HORIZON_SECONDS[horizon]) * 1000
        span = Span(start_ms, end_ms, asked.coins())
        if self._exporting:
            raise web.HTTPTooManyRequests(text="Another export is running: ask again when it is done.")
        self._exporting = True
        try:
            archives = await self._archives()
            return await _TicksExport(request, format_, span, limit, horizon).send(archives)
        finally:
            self._exporting = False

    def _ticks_span_ms(self, asked: Asked) -> tuple[int, int]:
        """From start to end; the last hour when nothing is said."""
        start_ms, end_ms = self._span_ms(asked)
        end_ms = self._now_ms() + 1 if end_ms is None else end_ms
        return (end_ms - HOUR_MS if start_ms is None else start_ms), end_ms

    def _span_ms(self, asked: Asked) -> tuple[int | None, int | None]:
        hours, start_ms, end_ms = asked.hours(), asked.moment_ms("start"), asked.moment_ms("end")
        if hours is not None and start_ms is not None:
            raise web.HTTPBadRequest(text="Give hours or start, not both.")
        if start_ms is not None and end_ms is not None and start_ms >= end_ms:
            raise web.HTTPBadRequest(text="The start must be before the end.")
        if hours is not None:
            start_ms = max(0, (self._now_ms() if end_ms is None else end_ms) - round(hours * HOUR_MS))
        return start_ms, end_ms

    def _now_ms(self) -> int:
        return self._view.snapshot().status.market_ms

    async def _archives(self) -> Archives:
        try:
            return await self._view.archives()
        except StoreError as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from None

    async def _ask(self, question: Callable[[Archive], Awaitable[Answer]]) -> Answer:
        try:
            return await self._view.stored(question)
        except StoreError as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from None


class _TicksExport:
    """One answer of many ticks, oldest first, sent while it is read."""

    def __init__(
        self, request: web.Request, format_: str, span: Span, limit: int, horizon: Horizon | None
    ) -> None:  # fmt: skip
        self._request = request
        self._as_json = format_ == "json"
        self._span = span
        self._limit = limit
        self._horizons = HORIZONS if horizon is None else (horizon,)
        self._count = 0
        self._next_start: int | None = None
        self._response = web.StreamResponse(headers=_HEADERS)
        self._response.content_type = "application/json" if self._as_json else "text/csv"

    async def send(self, archives: Archives) -> web.StreamResponse:
        response = self._response
        try:
            async with contextlib.aclosing(self._parts(archives)) as parts:
                async for rows in parts:
                    await self._write(self._encoded(rows))
            await self._write(self._tail())
        except (StoreError, TimeoutError) as error:
            if not response.prepared:
                raise web.HTTPServiceUnavailable(text=str(error) or TOO_SLOW) from None
            log.warning("an export of ticks broke off: %s", str(error) or TOO_SLOW)
            if self._request.transport is not None:
                self._request.transport.abort()  # half an answer must not look like a whole one
        return response

    async def _parts(self, archives: Archives) -> AsyncGenerator[Sequence[ExportedRow], None]:
        stream = tick_parts(archives, self._span, PART_MS, self._horizons)
        async with contextlib.aclosing(stream):
            while True:
                async with asyncio.timeout(PART_TIMEOUT_S):
                    part = await anext(stream, None)
                if part is None:
                    return
                room = self._limit - self._count
                if len(part.rows) > room:
                    self._next_start = part.rows[room]["timestamp_ms"]
                yield self._whole_seconds(part.rows[:room])
                if self._next_start is not None:
                    return

    def _whole_seconds(self, rows: Sequence[ExportedRow]) -> Sequence[ExportedRow]:
        """Without the second that the next answer begins with, unless there is no other."""
        whole = [row for row in rows if row["timestamp_ms"] != self._next_start]
        return whole if whole or self._count else rows

    def _encoded(self, rows: Sequence[ExportedRow]) -> bytes:
        before, self._count = self._count, self._count + len(rows)
        if not self._as_json:
            return (b"" if before else csv_header("ticks")) + csv_lines("ticks", rows)
        opening = b"," if before else b'{"ticks":['
        return opening + b",".join(json_objects("ticks", rows)) if rows else b""

    def _tail(self) -> bytes:
        if not self._as_json:
            return b"" if self._count else csv_header("ticks")
        start, end = self._span.from_ms or 0, self._span.to_ms or 0
        meta = TicksMeta(self._count, start, end, self._limit, self._next_start)
        return (b"" if self._count else b'{"ticks":[') + b'],"meta":' + msgspec.json.encode(meta) + b"}"

    async def _write(self, data: bytes) -> None:
        """Raises TimeoutError when the reader takes nothing."""
        async with asyncio.timeout(SENDING_TIMEOUT_S):
            if not self._response.prepared:
                await self._response.prepare(self._request)
            if data:
                await self._response.write(data)


def _json(body: msgspec.Struct) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type="application/json", headers=_HEADERS)

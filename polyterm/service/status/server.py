"""The status server: one application on a Unix socket and, when a port is set, on TCP."""

import asyncio
import logging
import socket
import uuid
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec
from aiohttp import WSCloseCode, web
from pydantic import SecretStr

from polyterm.core.command import Command, CommandKind, TradingState
from polyterm.core.event import Event
from polyterm.core.playback import PlaybackOrder
from polyterm.core.query import Failed, TradesAnswer, TradesQuery
from polyterm.service.link.wire import ClientRole
from polyterm.service.status import answers
from polyterm.service.status.access import Claim, Listener, Refusal, bearer, judge, listener_of
from polyterm.service.status.asked import MAX_OFFSET, Asked
from polyterm.service.status.hub import Hub
from polyterm.service.status.metrics import CONTENT_TYPE, Metrics
from polyterm.service.status.operations import Send, Steer, Viewed
from polyterm.service.status.session import HEARTBEAT_S, MAX_MESSAGE_BYTES, VIEWER_MAY, Session
from polyterm.service.status.sockets import listen_tcp, listen_unix, remove
from polyterm.service.status.stored import StoredEndpoints
from polyterm.store.queries import MAX_TRADES

MAX_BODY_BYTES: Final = 16 * 1024
MAX_REASON: Final = 500
MAX_NAME: Final = 80
BODY_TIMEOUT_S: Final = 5.0
SHUTDOWN_TIMEOUT_S: Final = 2.0
CLOSE_TIMEOUT_S: Final = 1.0
_WANTED: Final[dict[CommandKind, TradingState]] = {"kill": "KILLED", "pause": "PAUSED", "resume": "RUNNING"}
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
log = logging.getLogger(__name__)
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def _nothing_plays(_: PlaybackOrder) -> str:
    return "this engine trades on live data: there is nothing to play"


class Order(msgspec.Struct, frozen=True):
    """The body of a command. An ``id`` of the sender's makes it safe to send again."""

    reason: str = ""
    id: str | None = None
    actor: str = "http"


class Problem(msgspec.Struct, frozen=True):
    error: str


class StatusServer:
    """Answers for an engine. Nothing of it is open until ``listen_unix`` or ``listen_tcp``."""

    def __init__(
        self, view: Viewed, send: Send, token: SecretStr | None = None, *, steer: Steer = _nothing_plays
    ) -> None:
        self._view = view
        self._send = send
        self._steer = steer
        self._token = token
        self._tcp: Listener | None = None
        self._attached: dict[web.WebSocketResponse, Callable[[], None]] = {}  # and how to cut each off
        self._files: dict[Path, web.BaseSite] = {}
        self._metrics = Metrics(view)
        self._hub = Hub(view.snapshot, view.refresh)
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S)

    async def start(self) -> None:
        await self._runner.setup()

    async def listen_unix(self, path: Path) -> None:
        """Raises ConfigError when a living process listens there, or the path cannot be used."""
        if path not in self._files:
            self._files[path] = await listen_unix(self._runner, path)

    async def leave(self, path: Path) -> None:
        """Stop listening on a socket file; who came in by it stays."""
        site = self._files.pop(path, None)
        if site is not None:
            await site.stop()
            remove(path)

    async def listen_tcp(self, host: str, port: int) -> None:
        """Raises ConfigError when the port is in use or the address is not this machine's."""
        if self._tcp is None:
            bound = await listen_tcp(self._runner, host, port)
            self._tcp = listener_of(host)
            log.info("listening on %s:%d", host, bound)

    async def run(self) -> None:
        """Keep the attached consoles up to date until cancelled."""
        await self._hub.run()

    def announce(self, events: tuple[Event, ...]) -> None:
        self._hub.announce(events)

    async def close(self) -> None:
        """Hang up, stop listening and take the socket files away."""
        for path in self._files:
            remove(path)
        await asyncio.gather(*(_hang_up(attached, abort) for attached, abort in self._attached.items()))
        await self._runner.cleanup()

    def _application(self) -> web.Application:
        app = web.Application(middlewares=[self._guard], client_max_size=MAX_BODY_BYTES)
        app.router.add_get("/health", self._health)
        app.router.add_get("/metrics", self._figures)
        app.router.add_get("/api/live/status", self._live_status)
        app.router.add_get("/api/live/positions", self._positions)
        app.router.add_get("/api/paper-trades", self._paper_trades)
        StoredEndpoints(self._view).add_to(app.router)
        for kind in _WANTED:
            app.router.add_post(f"/api/live/{kind}", self._command(kind))
        app.router.add_get("/link", self._link)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        try:
            if request.path != "/health":
                self._role(request)
            return await handler(request)
        except web.HTTPException as error:
            allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
            return _json(Problem(error.text or error.reason), error.status, allow)

    def _role(self, request: web.Request) -> ClientRole:
        headers = request.headers
        claim = Claim(headers.get("Host", ""), headers.get("Origin"), bearer(headers.get("Authorization")))
        verdict = judge("unix" if _is_unix(request) else self._tcp or "public", claim, self._token)
        if isinstance(verdict, Refusal):
            raise (web.HTTPUnauthorized if verdict.status == 401 else web.HTTPForbidden)(text=verdict.reason)
        return verdict

    async def _health(self, _: web.Request) -> web.Response:
        health = self._view.health()
        return _json(health, 503 if health.status == "starting" else 200)

    async def _figures(self, _: web.Request) -> web.Response:
        headers = {**_HEADERS, "Content-Type": CONTENT_TYPE}
        return web.Response(body=self._metrics.text(), headers=headers)

    async def _live_status(self, _: web.Request) -> web.Response:
        view = self._view
        return _json(answers.live_status(view.snapshot(), view.health(), view.positions(), view.markets()))

    async def _positions(self, _: web.Request) -> web.Response:
        view = self._view
        market_ms = view.snapshot().status.market_ms
        return _json(answers.positions_report(view.positions(), view.markets(), market_ms))

    async def _paper_trades(self, request: web.Request) -> web.Response:
        answer = await self._view.ask(_trades_query(request))
        if isinstance(answer, TradesAnswer):
            return _json(answers.paper_trades(answer))
        reason = answer.reason if isinstance(answer, Failed) else "The engine answered something else."
        raise web.HTTPServiceUnavailable(text=reason)

    def _command(self, kind: CommandKind) -> _Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            if self._role(request) != "operator" and kind not in VIEWER_MAY:
                raise web.HTTPForbidden(text=f"To {kind} takes the token, or the Unix socket of the engine.")
            order = await _order(request, must_act=kind in VIEWER_MAY)
            command = Command(
                order.id or str(uuid.uuid4()), kind, order.actor[:MAX_NAME], "socket", order.reason[:MAX_REASON]
            )
            ack = await self._send(command)
            answer = answers.command_answer(ack, _WANTED[kind])
            return _json(answer, 200 if answer.success else 409)

        return handle

    async def _link(self, request: web.Request) -> web.WebSocketResponse:
        role = self._role(request)
        attached = web.WebSocketResponse(
            heartbeat=HEARTBEAT_S,
            max_msg_size=MAX_MESSAGE_BYTES,
            compress=not _is_unix(request),
            timeout=CLOSE_TIMEOUT_S,
        )
        await attached.prepare(request)
        abort = self._attached[attached] = _abort(request)
        try:
            session = Session(attached, role, self._view, self._hub, send=self._send, steer=self._steer, abort=abort)
            await session.run(self._token)
        finally:
            del self._attached[attached]
        return attached


def _is_unix(request: web.Request) -> bool:
    connection = request.get_extra_info("socket")
    return connection is not None and connection.family == socket.AF_UNIX


async def _hang_up(attached: web.WebSocketResponse, abort: Callable[[], None]) -> None:
    """Say goodbye; whoever does not read, like a console that was suspended, is cut off."""
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await attached.close(code=WSCloseCode.GOING_AWAY, message=b"the engine ends")
    except TimeoutError:
        abort()


def _abort(request: web.Request) -> Callable[[], None]:
    def abort() -> None:
        if request.transport is not None:
            request.transport.abort()

    return abort


async def _order(request: web.Request, *, must_act: bool) -> Order:
    """The body of a command. Where ``must_act`` holds, one that cannot be read is no reason not to obey."""
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            body = await request.read()
        return msgspec.json.decode(body, type=Order) if body else Order()
    except (msgspec.DecodeError, web.HTTPRequestEntityTooLarge, TimeoutError):
        if must_act:
            return Order(reason="(the request's body could not be read)")
        raise web.HTTPBadRequest(text='The body must be empty or JSON like {"reason": "…"}.') from None


def _trades_query(request: web.Request) -> TradesQuery:
    asked = Asked(request, ("period", "strategy", "crypto", "limit", "offset"))
    coins = asked.coins()
    return TradesQuery(
        period=asked.period("day"),
        strategy=asked.text("strategy"),
        coin=None if coins is None else coins[0],
        limit=asked.whole("limit", 100, 1, MAX_TRADES),
        offset=asked.whole("offset", 0, 0, MAX_OFFSET),
    )


def _json(body: msgspec.Struct, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body),
        status=status,
        content_type="application/json",
        headers={**_HEADERS, **(headers or {})},
    )

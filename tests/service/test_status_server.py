import asyncio
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from polyterm.core.command import Command
from polyterm.core.event import EventId, TradingStateChanged
from polyterm.errors import ConfigError
from polyterm.service.link import oneshot
from polyterm.service.link.client import LinkClient
from tests.service.engines import opened, running, settings, short_folder, started
from tests.service.test_link_client import running as linked
from tests.waiting import eventually

TOKEN = "correct-horse"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


async def over_tcp(port: int, method: str, path: str, **options: Any) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"http://127.0.0.1:{port}{path}", **options) as response,
    ):
        return response.status, await response.json()


def on_port(folder: Path, port: int, host: str = "127.0.0.1", token: str | None = TOKEN) -> Any:
    return settings(folder, port=port, host=host, token=SecretStr(token) if token else None)


@pytest.mark.parametrize(
    ("call", "headers", "expected"),
    [
        ("GET /health", {}, 200),
        ("GET /api/live/status", {}, 200),
        ("GET /api/live/positions", {}, 200),
        ("GET /api/paper-trades", {}, 200),
        ("GET /api/live/status", {"Host": "evil.example"}, 403),
        ("GET /api/live/status", {"Origin": "http://evil.example"}, 403),
        ("POST /api/live/kill", {}, 200),
        ("POST /api/live/pause", {}, 200),
        ("POST /api/live/kill", {"Origin": "http://127.0.0.1"}, 403),
        ("POST /api/live/kill", {"Host": "evil.example"}, 403),
        ("POST /api/live/kill", {"Authorization": "Bearer wrong"}, 401),
        ("POST /api/live/resume", {}, 403),
        ("POST /api/live/resume", {"Authorization": "Bearer wrong"}, 401),
        ("POST /api/live/resume", BEARER, 200),
        ("GET /api/live/kill", {}, 405),
        ("DELETE /api/live/status", {}, 405),
        ("POST /health", {}, 405),
        ("OPTIONS /api/live/kill", {}, 405),
        ("GET /", {}, 404),
        ("GET /../etc/passwd", {}, 404),
    ],
)
async def test_who_may_do_what_on_loopback(
    folder: Path, port: int, call: str, headers: dict[str, str], expected: int
) -> None:
    method, path = call.split()
    async with running(on_port(folder, port)) as engine:
        code, body = await over_tcp(port, method, path, headers=headers)
        assert code == expected
        assert expected == 200 or body["error"]
        assert (await engine.state() == "KILLED") == (expected == 200 and path == "/api/live/kill")


async def test_beyond_loopback_only_health_is_open(folder: Path, port: int) -> None:
    async with running(on_port(folder, port, host="0.0.0.0")) as engine:
        assert (await over_tcp(port, "GET", "/health"))[0] == 200
        for method, path in (("GET", "/api/live/status"), ("POST", "/api/live/kill"), ("GET", "/link"), ("GET", "/")):
            assert (await over_tcp(port, method, path))[0] == 401
        assert await engine.state() == "RUNNING"
        assert (await over_tcp(port, "POST", "/api/live/kill", headers=BEARER))[0] == 200
        snapshot = await oneshot.status(f"http://127.0.0.1:{port}", token=TOKEN)
        assert snapshot.status.trading_state == "KILLED"


async def test_no_answer_invites_other_origins_or_caches(folder: Path) -> None:
    async with (
        running(settings(folder)) as engine,
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(engine.settings.socket_path))) as session,
        session.get("http://localhost/health") as response,
    ):
        assert "Access-Control-Allow-Origin" not in response.headers
        assert response.headers["Cache-Control"] == "no-store"


async def test_a_viewer_may_stop_but_not_start(folder: Path, port: int) -> None:
    async with running(on_port(folder, port)):
        client = LinkClient(f"http://127.0.0.1:{port}")
        async with linked(client):
            await eventually(lambda: client.connection.state == "connected")
            assert client.connection.role == "viewer"
            assert (await client.send(Command("1", "kill", "ann", "console"))).accepted
            ack = await client.send(Command("2", "resume", "ann", "console"))
            assert (ack.accepted, ack.state) == (False, "KILLED")
            assert "a viewer may not resume" in ack.reason
        ack = await oneshot.send(f"http://127.0.0.1:{port}", Command("3", "resume", "ann", "cli"), token=TOKEN)
        assert ack.state == "RUNNING"


async def test_a_wrong_token_on_the_link_is_refused(folder: Path, port: int) -> None:
    async with running(on_port(folder, port)):
        client = LinkClient(f"http://127.0.0.1:{port}", token="wrong")
        async with linked(client):
            await eventually(lambda: client.connection.state == "disconnected")
            assert client.connection.reason.endswith("wants a valid token")
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"http://127.0.0.1:{port}/link") as attached,
        ):
            await attached.send_str('{"type":"hello","protocol":2,"client":"x","token":"wrong"}')
            await attached.receive()
            assert attached.close_code == 4001


@pytest.mark.parametrize(
    "hello", ['{"type":"hello","protocol":99,"client":"x"}', "{}", "nonsense", '{"type":"ping","rid":1}']
)
async def test_what_is_no_hello_of_ours_is_hung_up_on(folder: Path, hello: str) -> None:
    async with (
        running(settings(folder)) as engine,
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(engine.settings.socket_path))) as session,
        session.ws_connect("http://localhost/link") as attached,
    ):
        await attached.send_str(hello)
        await attached.receive()
        assert attached.close_code == 4002


@pytest.mark.parametrize("body", [b"stop!", b"[]", b'{"reason":5}', b"x" * 100_000])
async def test_a_kill_is_obeyed_whatever_its_body_and_a_resume_is_not(folder: Path, body: bytes) -> None:
    async with running(settings(folder)) as engine:
        assert (await engine.request("POST", "/api/live/kill", data=body))[0] == 200
        assert await engine.state() == "KILLED"
        assert (await engine.request("POST", "/api/live/resume", data=body))[0] == 400
        assert await engine.state() == "KILLED"


@pytest.mark.parametrize(
    ("question", "word"),
    [
        ("period=24h", "choose from current, hour, day, week, all"),
        ("crypto=doge", "choose from btc, eth, sol, xrp"),
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("limit=9999", "limit"),
        ("offset=-1", "offset"),
        ("coin=btc", "choose from period, strategy, crypto, limit, offset"),
    ],
)
async def test_a_question_that_makes_no_sense_is_told_so(folder: Path, question: str, word: str) -> None:
    async with running(settings(folder)) as engine:
        code, body = await engine.request("GET", f"/api/paper-trades?{question}")
    assert code == 400
    assert word in body["error"]


async def test_a_strategy_name_is_data_not_sql(folder: Path) -> None:
    async with running(settings(folder)) as engine:
        code, body = await engine.request("GET", "/api/paper-trades", params={"strategy": "x' OR '1'='1"})
    assert (code, body["trades"]) == (200, [])


async def test_the_socket_is_private(folder: Path) -> None:
    async with running(settings(folder)) as engine:
        path = engine.settings.socket_path
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_a_folder_that_others_may_write_to_is_refused_and_left_alone(folder: Path) -> None:
    shared = folder / "run"
    shared.mkdir()
    shared.chmod(0o777)
    with pytest.raises(ConfigError, match="can be changed by other users"):
        async with started(settings(folder)):
            pass
    assert stat.S_IMODE(shared.stat().st_mode) == 0o777


async def test_the_socket_of_a_dead_process_is_replaced(folder: Path) -> None:
    path = settings(folder).socket_path
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()
    async with running(settings(folder)) as engine:
        assert (await engine.request("GET", "/health"))[0] == 200


async def test_a_living_socket_is_left_alone_and_named(folder: Path) -> None:
    path = settings(folder).socket_path
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(str(path))
        living.listen()
        with pytest.raises(ConfigError, match=f"already listens on {path}"):
            async with started(settings(folder)):
                pass
        assert path.is_socket()


async def test_a_file_in_the_way_is_not_removed(folder: Path) -> None:
    path = settings(folder).socket_path
    path.parent.mkdir(mode=0o700)
    path.write_text("mine")
    with pytest.raises(ConfigError, match="is not a socket"):
        async with started(settings(folder)):
            pass
    assert path.read_text() == "mine"


async def test_a_path_too_long_for_a_socket_is_said(folder: Path) -> None:
    deep = folder / ("x" * 120)
    with pytest.raises(ConfigError, match="cannot be opened: AF_UNIX path too long"):
        async with started(settings(folder).model_copy(update={"runtime_dir": deep})):
            pass


async def test_a_port_in_use_is_said_and_nothing_is_left_behind(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"Port {port} on 127.0.0.1 is in use"):
            async with started(on_port(folder, port)):
                pass
    assert not settings(folder).socket_path.exists()
    async with running(settings(folder)) as engine:
        assert await engine.state() == "RUNNING"


async def test_an_observer_does_without_a_port_that_is_in_use(folder: Path, port: int) -> None:
    async with running(on_port(folder, port)):
        second = settings(folder, port=port, instance="second")
        async with running(second) as observer:
            assert (await observer.request("GET", "/health"))[1]["role"] == "observer"


async def flood(socket: aiohttp.ClientWebSocketResponse) -> None:
    for number in range(200_000):
        await socket.send_str(f'{{"type":"ping","rid":{number}}}')


async def test_a_console_that_does_not_read_is_cut_off_and_delays_nobody(folder: Path) -> None:
    async with (
        running(settings(folder)) as engine,
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(engine.settings.socket_path))) as session,
        session.ws_connect("http://localhost/link") as lazy,
    ):
        await lazy.send_str('{"type":"hello","protocol":2,"client":"lazy"}')
        with pytest.raises(ConnectionError):
            await flood(lazy)
        engine.feed(opened())
        assert (await oneshot.send(engine.address, Command("1", "kill", "ann", "cli"))).state == "KILLED"


async def test_a_console_that_was_suspended_does_not_hold_up_the_end(folder: Path) -> None:
    reason = "x" * 2_000_000
    news = TradingStateChanged(EventId("s", 1, 0), 0, "RUNNING", "PAUSED", "1", "ann", "cli", reason)
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(settings(folder).socket_path))) as session,
        running(settings(folder)) as engine,
        session.ws_connect("http://localhost/link") as suspended,
    ):
        await suspended.send_str('{"type":"hello","protocol":2,"client":"suspended"}')
        await suspended.receive()  # welcome: it is told what happens from now on
        for _ in range(5):  # more than its end of the line takes in
            engine.runtime._announce((news,))
        async with asyncio.timeout(10):
            engine.stop.set()
            await engine.task

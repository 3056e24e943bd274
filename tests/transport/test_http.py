from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from polyterm.errors import ConfigError
from polyterm.transport.address import host_of, is_loopback
from polyterm.transport.http import http_client


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("wss://stream.binance.com:9443/stream?streams=a", "stream.binance.com:9443"),
        ("https://rpc.test/v2/MY-KEY", "rpc.test"),
        ("https://user:pass@rpc.test/", "rpc.test"),
        ("nonsense", "?"),
    ],
)
def test_only_the_host_of_an_address_is_shown(url: str, shown: str) -> None:
    assert host_of(url) == shown


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ws://127.0.0.1:8080/ws", True),
        ("ws://127.8.9.1/", True),
        ("http://[::1]:80/", True),
        ("http://localhost/", True),
        ("http://localhost.example.com/", False),
        ("http://10.0.0.1/", False),
        ("https://clob.polymarket.com", False),
        ("nonsense", False),
    ],
)
def test_loopback_is_recognised(url: str, expected: bool) -> None:
    assert is_loopback(url) is expected


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    async def agent(request: web.Request) -> web.Response:
        return web.json_response({"agent": request.headers["User-Agent"]})

    app = web.Application()
    app.router.add_get("/", agent)
    async with TestServer(app, host="127.0.0.1") as server:
        yield server


async def test_this_machine_is_reached_without_the_proxy(server: TestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    async with http_client() as client:
        for host in ("127.0.0.1", "localhost"):
            answer = await client.get(f"http://{host}:{server.port}/")
            assert answer.json() == {"agent": "polyterm/0.1.0"}


@pytest.mark.parametrize("proxy", ["socks5://me:secret@127.0.0.1:1", "http://me:secret@host:port", "ftp://me:secret@h"])
def test_a_proxy_that_cannot_be_used_is_told_without_its_password(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(ConfigError, match="proxy") as raised:
        http_client()
    assert "secret" not in str(raised.value)

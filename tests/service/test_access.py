import pytest
from pydantic import SecretStr

from polyterm.service.status.access import Claim, Listener, Refusal, bearer, is_local, judge, listener_of

TOKEN = SecretStr("s3cret-é")
LOCAL = "127.0.0.1:3333"
EVIL = "evil.example"


@pytest.mark.parametrize(
    ("listener", "claim", "expected", "result"),
    [
        # The socket file's permissions are the token.
        ("unix", Claim("localhost", None, None), TOKEN, "operator"),
        ("unix", Claim("anything", "https://evil.example", "wrong"), None, "operator"),
        # Loopback: local programs may look and stop; the token opens the rest.
        ("loopback", Claim(LOCAL, None, None), None, "viewer"),
        ("loopback", Claim(LOCAL, None, None), TOKEN, "viewer"),
        ("loopback", Claim("localhost", None, None), TOKEN, "viewer"),
        ("loopback", Claim("[::1]:3333", None, None), TOKEN, "viewer"),
        ("loopback", Claim(LOCAL, None, "s3cret-é"), TOKEN, "operator"),
        ("loopback", Claim(EVIL, None, "s3cret-é"), TOKEN, "operator"),
        ("loopback", Claim(LOCAL, None, "s3cret"), TOKEN, 401),
        ("loopback", Claim(LOCAL, None, ""), TOKEN, 401),
        ("loopback", Claim(LOCAL, None, "anything"), None, 401),
        ("loopback", Claim(LOCAL, None, ""), None, 401),
        # Web pages: of another origin, of none, or by a name rebound to this machine.
        ("loopback", Claim(LOCAL, "https://evil.example", None), TOKEN, 403),
        ("loopback", Claim(LOCAL, "null", None), TOKEN, 403),
        ("loopback", Claim(EVIL, None, None), TOKEN, 403),
        ("loopback", Claim("127.0.0.1.evil.example", None, None), TOKEN, 403),
        ("loopback", Claim("localhost.evil.example:3333", None, None), TOKEN, 403),
        ("loopback", Claim("", None, None), TOKEN, 403),
        # Beyond loopback: the token or nothing, whatever the request calls itself.
        ("public", Claim(LOCAL, None, None), TOKEN, 401),
        ("public", Claim("engine.example", None, None), None, 401),
        ("public", Claim("engine.example", None, "wrong"), TOKEN, 401),
        ("public", Claim("engine.example", "https://x.example", "s3cret-é"), TOKEN, "operator"),
    ],
)
def test_who_may_do_what(listener: Listener, claim: Claim, expected: SecretStr | None, result: object) -> None:
    verdict = judge(listener, claim, expected)
    assert (verdict.status if isinstance(verdict, Refusal) else verdict) == result


@pytest.mark.parametrize(
    ("header", "token"),
    [(None, None), ("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Basic abc", ""), ("abc", ""), ("", "")],
)
def test_only_a_bearer_token_counts(header: str | None, token: str | None) -> None:
    assert bearer(header) == token


@pytest.mark.parametrize(
    ("host", "listener"),
    [
        ("127.0.0.1", "loopback"),
        ("localhost", "loopback"),
        ("::1", "loopback"),
        ("0.0.0.0", "public"),
        ("::", "public"),
        ("10.0.0.5", "public"),
        ("", "public"),
    ],
)
def test_what_an_address_exposes(host: str, listener: Listener) -> None:
    assert listener_of(host) == listener


def test_an_ipv6_host_header_is_read_without_its_port() -> None:
    assert is_local("[::1]")
    assert not is_local("[::2]:80")

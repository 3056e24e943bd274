"""Who may do what, judged from where a request came in, what it claims, and the token it shows."""

import hmac
from typing import Literal

import msgspec
from pydantic import SecretStr

from polyterm.service.link.wire import ClientRole

Listener = Literal["unix", "loopback", "public"]


class Claim(msgspec.Struct, frozen=True):
    """What a request shows: its Host and Origin headers, and its bearer token."""

    host: str = ""
    origin: str | None = None
    token: str | None = None


class Refusal(msgspec.Struct, frozen=True):
    status: Literal[401, 403]
    reason: str


def judge(listener: Listener, claim: Claim, expected: SecretStr | None) -> ClientRole | Refusal:
    """The role of whoever sent a request; ``expected`` is the configured token.

    A Unix socket's file permissions are its token. On loopback a viewer needs none, but must not be a web page: a page
    of another origin sends an Origin header, and one that rebound its name to this machine sends that name as Host.
    Beyond loopback nobody is anything without the token.
    """
    if listener == "unix":
        return "operator"
    if claim.token is None:
        return _judge_without_token(listener, claim)
    if token_fits(claim.token, expected):
        return "operator"
    return Refusal(401, "The token is wrong." if expected else "No token is configured here: set service.token.")


def _judge_without_token(listener: Listener, claim: Claim) -> ClientRole | Refusal:
    if listener == "public":
        return Refusal(401, "Beyond this machine everything but /health needs the token.")
    if not is_local(claim.host):
        return Refusal(403, "The Host header does not name this machine.")
    if claim.origin is not None:
        return Refusal(403, "Web pages may not use this server.")
    return "viewer"


def token_fits(token: str, expected: SecretStr | None) -> bool:
    """Compared in constant time; nothing fits where no token is configured."""
    return expected is not None and hmac.compare_digest(token.encode(), expected.get_secret_value().encode())


def bearer(authorization: str | None) -> str | None:
    """The token of an Authorization header. Any other scheme is a token that fits nothing."""
    if authorization is None:
        return None
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def is_local(host: str) -> bool:
    """Whether a Host header (with or without port) names this machine's loopback."""
    name = host.rpartition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
    return name.lower() in {"localhost", "127.0.0.1", "::1"}


def listener_of(host: str) -> Listener:
    """What a TCP address to listen on exposes."""
    return "loopback" if is_local(f"[{host}]" if ":" in host else host) else "public"

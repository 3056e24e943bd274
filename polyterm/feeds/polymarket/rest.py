"""One GET of the venue's REST services, with its failures put in words."""

import asyncio
from collections.abc import Mapping
from typing import Final

import httpx

from polyterm.errors import FeedError
from polyterm.transport.address import host_of
from polyterm.transport.reasons import status_reason
from polyterm.transport.tap import SILENT, Tap

FEED: Final = "rest"
ANSWER_WITHIN_S: Final = 10.0
RETRY_AFTER_MAX_S: Final = 600.0


class RestError(FeedError):
    """``status`` is the HTTP status if there was an answer; ``retry_in_s`` how long the venue asked us to wait."""

    def __init__(self, reason: str, status: int | None = None, retry_in_s: float | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.retry_in_s = retry_in_s


async def get(
    client: httpx.AsyncClient, url: str, params: Mapping[str, str | int] | None = None, *, tap: Tap = SILENT
) -> bytes:
    """The body of a 200 answer; ``tap`` hears question and answer.

    Raises:
        RestError: anything else, within ``ANSWER_WITHIN_S`` machine seconds.
    """
    host, what = host_of(url), ""
    try:
        what = httpx.URL(url, params=params).raw_path.decode("ascii")
        tap.hear("ask", FEED, host, what=what)
        async with asyncio.timeout(ANSWER_WITHIN_S):
            response = await client.get(url, params=params)
    except (TimeoutError, httpx.TimeoutException):
        raise RestError(f"{host} does not answer") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RestError(f"{host} cannot be reached ({str(error) or type(error).__name__})") from None
    if response.status_code != httpx.codes.OK:
        tap.hear("refusal", FEED, host, str(response.status_code), what)
        raise RestError(
            status_reason(host, response.status_code),
            response.status_code,
            _seconds(response.headers.get("Retry-After")),
        )
    tap.hear("answer", FEED, host, response.text, what)
    return response.content


def _seconds(text: str | None) -> float | None:
    """Seconds of a ``Retry-After`` header. The date form is rare and treated as absent."""
    if text is None or not (text.isascii() and text.isdigit()):
        return None
    return min(float(text), RETRY_AFTER_MAX_S)

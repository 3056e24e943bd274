"""How the venue names its markets for people."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from polyterm.core.market import Coin, Horizon, MarketKey

COIN_NAMES: Final[dict[Coin, str]] = {"btc": "Bitcoin", "eth": "Ethereum", "sol": "Solana", "xrp": "XRP"}
TWAP_SECONDS: Final = 60
_NEW_YORK: Final = ZoneInfo("America/New_York")


def title(key: MarketKey) -> str:
    """In New York time, e.g. ``Bitcoin Up or Down - November 22, 5:15AM-5:30AM ET``."""
    start, end = (datetime.fromtimestamp(unix_s, _NEW_YORK) for unix_s in (key.epoch, key.end))
    return f"{COIN_NAMES[key.coin]} Up or Down - {start:%B} {start.day}, {_hour(start)}-{_hour(end)} ET"


def _hour(moment: datetime) -> str:
    return f"{moment.hour % 12 or 12}:{moment:%M}{'AM' if moment.hour < 12 else 'PM'}"


def describe(key: MarketKey) -> str:
    return (
        f"Up wins when the {TWAP_SECONDS}-second average of the {key.coin.upper()}/USD stream at the end of the "
        f"window is not below the average at its start; otherwise Down wins. Source: {resolution_source(key.coin)}"
    )


def resolution_source(coin: Coin) -> str:
    return f"https://data.chain.link/streams/{coin}-usd-twap-{TWAP_SECONDS}s-streams"


def series_slug(coin: Coin, horizon: Horizon) -> str:
    return f"{coin}-up-or-down-{'hourly' if horizon == '1h' else horizon}"

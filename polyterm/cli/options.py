"""Options that more than one command takes."""

import math
from collections.abc import Callable
from typing import Any, Final, Literal

import click

Horizons = Literal["5m", "15m", "4h"]

MAX_HOURS: Final = 1_000_000


class Hours(click.FloatRange):
    """A number above 0."""

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True, max=MAX_HOURS)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        hours: float = super().convert(value, param, ctx)
        if math.isnan(hours):  # in every range, as Python compares
            self.fail(f"{value!r} is not a valid number of hours.", param, ctx)
        return hours


_ENGINE = (
    click.option("--demo", is_flag=True, help="Run on the built-in simulator: offline, no account, no money."),
    click.option(
        "--demo-speed",
        type=click.FloatRange(0.1, 60),
        metavar="X",
        help="Market seconds per second in the demo; at the default of 15 a window lasts a minute.",
    ),
    click.option("--seed", type=int, metavar="N", help="Seed of the demo's world."),
    click.option("--coins", metavar="LIST", help="Comma-separated, of btc, eth, sol, xrp. Default: all."),
    click.option("--horizon", type=click.Choice(["5m", "15m", "4h"]), help="Length of the windows. Default: 15m."),
    click.option("--db", metavar="PATH|URL", help="SQLite file, or URL of a PostgreSQL. Default: in the data folder."),
    click.option("--instance", metavar="NAME", help="Name of the engine, and of its socket. Default: default."),
    click.option("--record", metavar="FOLDER", help="Record the raw frames of every venue there, for 'replay'."),
    click.option("--no-wait", is_flag=True, help="Exit with code 2 when another engine holds the database."),
)

_LINK = (
    click.argument("address", required=False),
    click.option("--instance", metavar="NAME", help="Name of the engine to reach. Default: the one that runs here."),
)


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_ENGINE):
        command = option(command)
    return command


def link_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """ADDRESS is a socket file or http://host:port."""
    for option in reversed(_LINK):
        command = option(command)
    return command

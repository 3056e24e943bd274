"""What the command line asked of an engine, and the settings that follow from it."""

from typing import Any, get_args

import msgspec

from polyterm.core.market import Coin
from polyterm.errors import ConfigError
from polyterm.settings import Settings, load


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """The flags as given; None means "not given"."""

    demo: bool = False
    demo_speed: float | None = None
    seed: int | None = None
    coins: str | None = None
    horizon: str | None = None
    db: str | None = None
    instance: str | None = None
    record: str | None = None
    no_wait: bool = False
    theme: str | None = None

    def settings(self, extra: dict[str, Any] | None = None) -> Settings:
        """Settings of every source under these flags; ``extra`` is merged above all.

        Raises:
            ConfigError: an unknown coin, or a setting that is not valid.
        """
        if not self.demo and (self.demo_speed is not None or self.seed is not None):
            raise ConfigError("--demo-speed and --seed belong to the demo: add --demo.")
        if self.demo and self.db is not None:
            raise ConfigError("A demo always has a fresh database of its own: drop --db, or drop --demo.")
        flags: dict[str, Any] = dict(extra or {})
        if self.coins is not None:
            flags["coins"] = parse_coins(self.coins)
        if self.horizon is not None:
            flags["horizon"] = self.horizon
        if self.db is not None:
            flags["db"] = self.db
        if self.instance is not None:
            flags["service"] = {**flags.get("service", {}), "instance": self.instance}
        if self.record is not None:
            flags["recorder"] = {"folder": self.record}
        if self.theme is not None:
            flags["console"] = {"theme": self.theme}
        return load(flags)

    def arguments(self) -> list[str]:
        """The flags again, for a child process; but the database, whose URL may hold a password: anybody on this
        machine may read them."""
        arguments = ["--demo"] if self.demo else []
        if self.no_wait:
            arguments.append("--no-wait")
        given = {
            "--demo-speed": self.demo_speed,
            "--seed": self.seed,
            "--coins": self.coins,
            "--horizon": self.horizon,
            "--instance": self.instance,
            "--record": self.record,
        }
        for flag, value in given.items():
            if value is not None:
                arguments += [flag, str(value)]
        return arguments

    def environment(self) -> dict[str, str]:
        """The variables that tell a child process the rest."""
        return {} if self.db is None else {"DATABASE_URL": self.db, "POLYTERM_DB": self.db}

    def __repr__(self) -> str:
        return f"Launch({' '.join(self.arguments())})"


def parse_coins(text: str) -> tuple[Coin, ...]:
    """``btc,eth`` in the field's order, whatever order they were given in."""
    known = get_args(Coin)
    asked = [part.strip().lower() for part in text.split(",") if part.strip()]
    for name in asked:
        if name not in known:
            raise ConfigError(f"Unknown coin {name!r}: choose from {', '.join(known)}.")
    if not asked:
        raise ConfigError(f"No coin given: choose from {', '.join(known)}.")
    return tuple(coin for coin in known if coin in asked)

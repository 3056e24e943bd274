"""Everything that can be set, as one frozen typed tree: defaults < config file < .env < environment < flags.

The config file is ``config.toml`` in the user's config folder (or where ``POLYTERM_CONFIG`` points). Environment
variables are ``POLYTERM_<SECTION>__<KEY>``; the names that servers and exchanges set by custom (``DATABASE_URL``,
``PORT``, ``POLYMARKET_API_KEY`` …) are read as well. Secrets never show in a repr.
"""

import difflib
import os
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from polyterm.core.market import COINS, Coin, Horizon
from polyterm.errors import ConfigError

APP: Final = "polyterm"


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClockSettings(Section):
    """Market time = market0_ms + (wall - wall0_ms) * speed; the defaults are the system clock."""

    wall0_ms: int = 0
    market0_ms: int = 0
    speed: float = Field(default=1.0, gt=0, le=1000)


class FeedSettings(Section):
    """Where the venues are. Hosts of a tuple are tried in order."""

    binance_ws: tuple[str, ...] = (
        "wss://stream.binance.com:9443",
        "wss://stream.binance.com:443",
        "wss://data-stream.binance.vision",
    )
    binance_rest: str = "https://api.binance.com"
    gamma: str = "https://gamma-api.polymarket.com"
    clob: str = "https://clob.polymarket.com"
    market_ws: str = "wss://ws-subscriptions-clob.polymarket.com/ws/market"
    settlement_ws: str = "wss://ws-live-v2.polymarket.com/ws"
    polygon_rpc: tuple[str, ...] = ("https://polygon-bor-rpc.publicnode.com", "https://polygon.drpc.org")
    silence_s: float = Field(default=8.0, gt=0, description="wall seconds without data before a socket is reopened")


class Credentials(Section):
    """The venue's API key; needed to read the settlement stream, never needed for paper trading."""

    api_key: SecretStr | None = None
    secret: SecretStr | None = None
    passphrase: SecretStr | None = None

    @property
    def complete(self) -> bool:
        return None not in (self.api_key, self.secret, self.passphrase)


class PaperSettings(Section):
    """``sizing``: every entry buys ``stake`` shares, or shares worth ``stake`` dollars."""

    sizing: Literal["shares", "usd"] = "shares"


def _host() -> str:
    """A platform that gives a ``PORT`` knocks on it from outside."""
    return "0.0.0.0" if os.environ.get("PORT") else "127.0.0.1"  # noqa: S104 - beyond loopback /health needs no token


class ServiceSettings(Section):
    """``port`` opens the status server on TCP as well; without a token it answers ``/health`` only beyond loopback.

    ``host`` is loopback, or every address where ``PORT`` is in the environment.
    """

    host: str = Field(default_factory=_host)
    port: int | None = Field(default=None, ge=0, le=65535)
    token: SecretStr | None = None
    instance: str = Field(default="default", pattern=r"^[A-Za-z0-9_-]{1,32}$")


class RecorderSettings(Section):
    """``folder`` gets the raw frames of every venue; None records nothing."""

    folder: Path | None = None
    file_mb: int = Field(default=64, gt=0, description="compressed; a file is never older than an hour either")


class ConsoleSettings(Section):
    """``theme`` None: the one that was kept last in the console, else dark. ``keys`` are keys by the name of what they
    do, ``vi`` adds movement by ``hjkl``."""

    theme: str | None = None
    vi: bool = False
    keys: dict[str, tuple[str, ...]] = {}

    @field_validator("keys", mode="before")
    @classmethod
    def _one_or_several(cls, keys: Any) -> Any:
        """``"j"`` is as good as ``["j"]``."""
        if not isinstance(keys, dict):
            return keys
        return {action: (given,) if isinstance(given, str) else given for action, given in keys.items()}


class _ConfigFile(PydanticBaseSettingsSource):
    """The TOML file as a settings source; an unknown key is refused with the nearest known one."""

    def __init__(self, settings_cls: type[BaseSettings], path: Path) -> None:
        super().__init__(settings_cls)
        self._path = path

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            if os.environ.get("POLYTERM_CONFIG"):
                raise ConfigError(
                    f"The config file {self._path} of POLYTERM_CONFIG is not there: correct it."
                ) from None
            return {}
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"The config file {self._path} cannot be read: {error}.") from None
        try:
            tree = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"The config file {self._path} is not valid TOML: {error}.") from None
        for where, key, known in _unknown_keys(tree, self.settings_cls):
            near = difflib.get_close_matches(key, known, n=1)
            advice = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(known))}."
            raise ConfigError(f"The config file {self._path} has an unknown key {where}{key}: {advice}")
        return tree


def _unknown_keys(
    tree: Mapping[str, Any], model: type[BaseModel], where: str = ""
) -> Iterator[tuple[str, str, list[str]]]:
    for key, value in tree.items():
        field = model.model_fields.get(key)
        if field is None:
            yield where, key, list(model.model_fields)
        elif isinstance(value, dict) and (section := _section(field.annotation)) is not None:
            yield from _unknown_keys(value, section, f"{where}{key}.")


def _data_dir() -> Path:
    volume = os.environ.get("RAILWAY_VOLUME_MOUNT_PATH")
    return Path(volume) if volume else Path(platformdirs.user_data_path(APP))


def _runtime_dir() -> Path:
    """Short, because a Unix socket's whole path may have 103 bytes at most."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    return Path(base) / APP if base else Path(tempfile.gettempdir()) / f"{APP}-{os.getuid()}"


class Settings(BaseSettings):
    """The whole tree. ``db`` is a SQLite path or a database URL; None means the data folder."""

    model_config = SettingsConfigDict(
        env_prefix="POLYTERM_", env_nested_delimiter="__", env_file=".env", extra="ignore", frozen=True
    )

    coins: tuple[Coin, ...] = COINS
    horizon: Horizon = "15m"
    db: str | None = Field(default=None, repr=False, description="may hold a password")
    data_dir: Path = Field(default_factory=_data_dir)
    runtime_dir: Path = Field(default_factory=_runtime_dir)
    demo: bool = False
    clock: ClockSettings = ClockSettings()
    feeds: FeedSettings = FeedSettings()
    credentials: Credentials = Credentials()
    paper: PaperSettings = PaperSettings()
    service: ServiceSettings = Field(default_factory=ServiceSettings)
    console: ConsoleSettings = ConsoleSettings()
    recorder: RecorderSettings = RecorderSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, dotenv_settings, _ConfigFile(settings_cls, config_path())

    @property
    def socket_path(self) -> Path:
        return self.runtime_dir / f"{self.service.instance}.sock"


def config_dir() -> Path:
    return Path(platformdirs.user_config_path(APP))


def state_dir() -> Path:
    """What programs remember by themselves, so that nobody writes into a file that a person keeps."""
    return Path(platformdirs.user_state_path(APP))


def config_path() -> Path:
    override = os.environ.get("POLYTERM_CONFIG")
    return Path(override) if override else config_dir() / "config.toml"


CUSTOMARY: Final = {
    "DATABASE_URL": ("db",),
    "POLYMARKET_API_KEY": ("credentials", "api_key"),
    "POLYMARKET_SECRET": ("credentials", "secret"),
    "POLYMARKET_PASSPHRASE": ("credentials", "passphrase"),
    "DASHBOARD_PORT": ("service", "port"),
    "PORT": ("service", "port"),
}


def _environment() -> dict[str, str]:
    """The variables of ``.env`` under those of the environment."""
    written = {name.upper(): value for name, value in DotEnvSettingsSource(Settings).env_vars.items() if value}
    for name, path in CUSTOMARY.items():
        if f"POLYTERM_{'__'.join(path).upper()}" in os.environ:
            written.pop(name, None)
    return {**written, **os.environ}


def _customary(environ: Mapping[str, str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, path in CUSTOMARY.items():
        value = environ.get(name)
        if value:  # an empty string is "unset"
            node = tree
            for part in path[:-1]:
                node = node.setdefault(part, {})
            node[path[-1]] = value
    return tree


def _merge(low: dict[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(low)
    for key, value in high.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, dict) and isinstance(value, Mapping) else value
    return merged


def _check_environment(environ: Mapping[str, str]) -> None:
    """A mistyped variable must not be a silent default."""
    known = ["POLYTERM_CONFIG", *(f"POLYTERM_{path.upper()}" for path in _leaves(Settings))]
    sections = {
        f"POLYTERM_{name.upper()}" for name, field in Settings.model_fields.items() if _section(field.annotation)
    }
    for name in environ:
        if name.upper().startswith("POLYTERM_") and name.upper() not in known and name.upper() not in sections:
            near = difflib.get_close_matches(name.upper(), known, n=1)
            advice = f"did you mean {near[0]}?" if near else "see the README for the names."
            raise ConfigError(f"The environment variable {name} is not a setting: {advice}")


def _section(annotation: object) -> type[BaseModel] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _leaves(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        section = _section(field.annotation)
        if section is None:
            yield prefix + name
        else:
            yield from _leaves(section, f"{prefix}{name}__")


def load(flags: Mapping[str, Any] | None = None) -> Settings:
    """Settings from every source; ``flags`` is a nested mapping of what the command line gave.

    Raises:
        ConfigError: one sentence that names the key and where it was set.
    """
    environ = _environment()
    _check_environment(environ)
    try:
        return Settings(**_merge(_customary(environ), flags or {}))
    except SettingsError as error:  # it names the section, and does not repeat the value
        raise ConfigError(
            f"A variable is not written as it must be ({error}): lists are JSON, like POLYTERM_COINS='[\"btc\"]'."
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"The setting {key} is not valid: {first['msg']}.") from None

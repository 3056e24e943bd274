"""Strategies of the user's own: ``strategies/*.py`` in the config folder, and entry points of installed packages.

A module offers its strategies as ``STRATEGIES``, a sequence of ``Entry``; an entry point names such a module, such a
sequence or a single ``Entry``. What is broken is reported and left out; the rest comes after the registry's own. Files
whose name begins with _ are left alone.
"""

import importlib.metadata
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Final, TypeVar

import msgspec

from polyterm.core.event import StrategyDisabled
from polyterm.core.input import Payload, WindowOpened
from polyterm.core.market import COINS, HORIZONS, MarketKey, Reference
from polyterm.core.tick import Tick
from polyterm.engine.books import UNTOLD, Book
from polyterm.engine.checkpoint import decode
from polyterm.engine.engine import Engine
from polyterm.engine.replay import replay
from polyterm.errors import ConfigError
from polyterm.settings import config_dir
from polyterm.strategies.base import Rule, Strategy
from polyterm.strategies.entry import Entry
from polyterm.strategies.grammar import objections
from polyterm.strategies.registry import REGISTRY

GROUP: Final = "polyterm.strategies"
OFFER: Final = "STRATEGIES"
NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
RESERVED: Final = "new"

Result = TypeVar("Result")


class OwnStrategy(msgspec.Struct, frozen=True):
    """``source`` is the file or the entry point that offers it."""

    entry: Entry
    source: str


class Broken(msgspec.Struct, frozen=True):
    """``where`` is a file, with the line where one is known, or an entry point."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


class OwnStrategies(msgspec.Struct, frozen=True):
    usable: tuple[OwnStrategy, ...]
    broken: tuple[Broken, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The registry's strategies with the user's own after them."""
        return (*REGISTRY, *(own.entry for own in self.usable))


def strategies_dir() -> Path:
    return config_dir() / "strategies"


def load_own() -> OwnStrategies:
    """Every strategy of the user's own: files first, then entry points, each in the order of their names."""
    found = _Collection()
    for path in sorted(strategies_dir().glob("[!_]*.py")):
        found.take(str(path), partial(_import_file, path))
    for point in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda point: point.name):
        found.take(f"entry point {point.name} ({point.value})", point.load)
    return OwnStrategies(tuple(found.usable), tuple(found.broken))


class _Collection:
    def __init__(self) -> None:
        self.usable: list[OwnStrategy] = []
        self.broken: list[Broken] = []
        self._names = {entry.name for entry in REGISTRY}

    def take(self, source: str, load: Callable[[], object]) -> None:
        """Everything usable of one source."""
        for entry in self._attempt(source, lambda: _offered(load())) or ():
            if self._attempt(source, partial(_checked, entry, self._names)) is not None:
                self._names.add(entry.name)
                self.usable.append(OwnStrategy(entry, source))

    def _attempt(self, source: str, step: Callable[[], Result]) -> Result | None:
        """One step that runs the user's code, which may fail in any way."""
        try:
            return step()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it is reported as the user's own
            self.broken.append(_broken(source, error))
            return None


def _import_file(path: Path) -> ModuleType:
    name = f"polyterm_user_strategies.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError("it cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where its classes are looked up by name
    spec.loader.exec_module(module)
    return module


def _offered(found: object) -> Sequence[Entry]:
    if isinstance(found, ModuleType):
        found = getattr(found, OFFER, None)
    entries = [found] if isinstance(found, Entry) else found
    if not isinstance(entries, list | tuple) or not all(isinstance(entry, Entry) for entry in entries):
        raise ConfigError(f"it must offer {OFFER}, a tuple of Entry")
    return entries


def _checked(entry: Entry, taken: Collection[str]) -> Entry:
    """Raises what speaks against a strategy: a wrong declaration, or whatever it raises itself when it is tried."""
    if entry.name in taken:
        raise ConfigError(f"there is a strategy {entry.name} already")
    if not NAME.fullmatch(entry.name) or entry.name == RESERVED:
        raise ConfigError(
            f"{entry.name!r} cannot be a name: letters, digits and _ only, 64 at most, and not {RESERVED!r}"
        )
    coins, horizons = entry.limits.coins, entry.limits.horizons
    if not coins or not set(coins) <= set(COINS) or not horizons or not set(horizons) <= set(HORIZONS):
        raise ConfigError(f"{entry.name}: its limits may name the coins {COINS} and the horizons {HORIZONS}")
    strategy = entry.make()
    if not isinstance(strategy, Strategy):
        raise ConfigError(f"{entry.name}: its factory makes no Strategy")
    if isinstance(strategy, Rule):
        for objection in objections(type(strategy), inspect.getsourcelines):
            raise ConfigError(
                f"line {objection.line}, {objection.where}: {objection.text} in a rule, which must mean the same on "
                "columns; a Strategy with on_tick may do anything"
            )
    _rehearse(entry)
    return entry


def _rehearse(entry: Entry) -> None:
    """Let the engine ask the strategy on a few ticks of a market that moves, and another one go on from there."""
    key = MarketKey(entry.limits.coins[0], entry.limits.horizons[0], 1_790_000_100)
    strike = Reference(1000.0, "rehearsal", "spot", key.epoch * 1000)
    payloads: list[tuple[int, Payload]] = [(key.epoch * 1000, WindowOpened(key, strike))]
    for second in range(3):
        tick = Tick(
            key=key, slot=key.epoch + second, made_ms=(key.epoch + second) * 1000, strike=strike, book_age_ms=0,
            up_bid=0.49, up_bid_size=100.0, up_ask=0.51, up_ask_size=50.0, spot=1000.0 + second, spot_age_ms=0,
        )  # fmt: skip
        payloads.append((tick.at_ms, tick))
    engine = Engine("rehearsal", [Book(entry)])
    for event in replay(engine, payloads):
        if isinstance(event, StrategyDisabled):
            raise ConfigError(f"{entry.name}: {event.error}")
    for notice in Engine("rehearsal", [Book(entry)]).restore(decode(engine.checkpoint())):
        if UNTOLD not in notice:  # to begin anew is allowed, to fail at it is not
            raise ConfigError(notice.rstrip("."))


def _broken(source: str, error: BaseException) -> Broken:
    reason = str(error) if isinstance(error, ConfigError) else f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError) and error.filename:
        return Broken(f"{error.filename}:{error.lineno}", f"{type(error).__name__}: {error.msg}")
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == source]
    return Broken(f"{source}:{own[-1].lineno}" if own else source, reason)

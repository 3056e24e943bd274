"""``polyterm replay``: trade recorded ticks on paper and show who would have earned what."""

import contextlib
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import click

from polyterm.errors import ConfigError

if TYPE_CHECKING:
    from polyterm.core.market import MarketKey
    from polyterm.core.snapshot import LeaderboardRow
    from polyterm.engine.engine import Engine
    from polyterm.store.tickfile_outcomes import KnownWindow
    from polyterm.store.tickfile_windows import Stamped

PROGRESS_EVERY: Final = 2_000
_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.command("replay")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=_FILE)
@click.option("--outcomes", metavar="CSV", type=_FILE, help="Strikes and outcomes of windows, by coin, tf and window.")
@click.option("--trades", metavar="OUT.jsonl", type=_FILE, help="Write every closed trade, one JSON object a line.")
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON object.")
def command(files: tuple[Path, ...], outcomes: Path | None, trades: Path | None, *, as_json: bool) -> None:
    """Replay recorded ticks through the strategies and print the leaderboard.

    FILEs are JSON lines with the keys of a tick, or CSVs of recorded books; plain, gz, zst or xz. Several are merged by
    time. Every entry is 100 shares at the touch; the last column also pays the venue's fee of that time.
    """
    from polyterm.engine.engine import Engine
    from polyterm.store.tickfile_outcomes import read_outcomes

    known = {} if outcomes is None else read_outcomes(outcomes)
    engine, tally = Engine("replay"), _Tally()
    failures: list[str] = []
    with _output(trades) as out:
        _run(engine, tally.watch(_merged(files, known, failures)), out)
    rows = sorted(engine.leaderboard_rows(), key=lambda row: (-row.pnl_costed, row.strategy))
    if tally.ticks or not failures:
        for line in _json_lines(tally, rows) if as_json else _text_lines(tally, rows):
            click.echo(line)
    if failures:
        raise ConfigError(" ".join(failures))


@contextlib.contextmanager
def _output(path: Path | None) -> Iterator[BinaryIO | None]:
    if path is None:
        yield None
        return
    try:
        file = path.open("wb")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}.") from None
    with file:
        yield file


def _merged(
    files: Sequence[Path], known: Mapping["MarketKey", "KnownWindow"], failures: list[str]
) -> Iterator["Stamped"]:
    """All files in order of time. A file that breaks off ends there; the others go on."""
    import heapq

    from polyterm.store.tickfiles import read_recording

    def read(path: Path) -> Iterator["Stamped"]:
        try:
            yield from read_recording(path, known)
        except ConfigError as error:
            failures.append(str(error))

    return heapq.merge(*(read(path) for path in files), key=lambda stamped: stamped[0])


def _run(engine: "Engine", payloads: Iterable["Stamped"], out: BinaryIO | None) -> None:
    import msgspec

    from polyterm.core.event import TradeClosed
    from polyterm.engine.records import record
    from polyterm.engine.replay import replay

    for event in replay(engine, payloads):
        if out is not None and isinstance(event, TradeClosed):
            out.write(msgspec.json.encode(record(event.trade)) + b"\n")


class _Tally:
    """What went by. Shows its progress on stderr where somebody is looking."""

    def __init__(self) -> None:
        self.ticks = 0
        self.windows = 0
        self.outcomes = 0
        self.not_tradable: Counter[str] = Counter()

    def watch(self, payloads: Iterable["Stamped"]) -> Iterator["Stamped"]:
        from polyterm.core.input import Outcome, WindowOpened
        from polyterm.core.tick import Tick

        shows = sys.stderr.isatty()
        for stamped in payloads:
            payload = stamped[1]
            if isinstance(payload, Tick):
                self.ticks += 1
                if payload.invalid is not None:
                    self.not_tradable[payload.invalid] += 1
                if shows and self.ticks % PROGRESS_EVERY == 0:
                    click.echo(f"\r{self.ticks:,} ticks", err=True, nl=False)
            self.windows += isinstance(payload, WindowOpened)
            self.outcomes += isinstance(payload, Outcome)
            yield stamped
        if shows:
            click.echo("\r" + " " * 24 + "\r", err=True, nl=False)


def _text_lines(tally: _Tally, rows: Sequence["LeaderboardRow"]) -> Iterator[str]:
    width = max(len(row.strategy) for row in rows)
    yield f"{'strategy':<{width}}  trades   wins  win %   open  P&L touch  P&L costed"
    for row in rows:
        share = f"{100 * row.wins / row.trades:5.1f}" if row.trades else "    -"
        yield (
            f"{row.strategy:<{width}}  {row.trades:6d} {row.wins:6d}  {share} {row.open:6d}"
            f"  {row.pnl_touch:+9.2f}  {row.pnl_costed:+10.2f}"
        )
    yield f"ticks {tally.ticks:,}, windows {tally.windows:,}, outcomes {tally.outcomes:,}"
    if tally.not_tradable:
        reasons = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in tally.not_tradable.most_common())
        yield f"not tradable: {tally.not_tradable.total():,} ({reasons})"
    for row in rows:
        if row.disabled is not None:
            yield f"{row.strategy} was taken out: {row.disabled}"


def _json_lines(tally: _Tally, rows: Sequence["LeaderboardRow"]) -> Iterator[str]:
    import msgspec

    result = {
        "ticks": tally.ticks,
        "windows": tally.windows,
        "outcomes": tally.outcomes,
        "not_tradable": dict(tally.not_tradable.most_common()),
        "leaderboard": rows,
    }
    yield msgspec.json.encode(result).decode()

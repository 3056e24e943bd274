"""``polyterm replay``: trade recorded ticks on paper and show who would have earned what."""

import contextlib
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import click

from polyterm.errors import ConfigError

if TYPE_CHECKING:
    from polyterm.core.snapshot import LeaderboardRow
    from polyterm.engine.engine import Engine
    from polyterm.store.tickfile_windows import Stamped

PROGRESS_EVERY: Final = 2_000
_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.command("replay")
@click.argument("sources", nargs=-1, metavar="SOURCE...")
@click.option("--from", "start", metavar="TIME", help="From this date, time (UTC) or unix second on.")
@click.option("--to", "end", metavar="TIME", help="Up to this one, which is not included.")
@click.option("--coins", metavar="LIST", help="Comma-separated, of btc, eth, sol, xrp. Default: all.")
@click.option("--outcomes", metavar="CSV", type=_FILE, help="Strikes and outcomes of windows, by coin, tf and window.")
@click.option("--trades", metavar="OUT.jsonl", type=_FILE, help="Write every closed trade, one JSON object a line.")
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON object.")
@click.option(
    "--verify-session",
    "session",
    metavar="[SESSION]",
    is_flag=False,
    flag_value="",
    help="Run a stored session (the newest) again from its inputs and prove that nothing differs.",
)
@click.option("--db", metavar="PATH", help="Database of the session to verify. Default: in the data folder.")
@click.pass_context
def command(  # noqa: PLR0917 - one per option
    ctx: click.Context,
    sources: tuple[str, ...],
    start: str | None,
    end: str | None,
    coins: str | None,
    outcomes: Path | None,
    trades: Path | None,
    session: str | None,
    db: str | None,
    *,
    as_json: bool,
) -> None:
    """Replay recorded ticks through the strategies and print the leaderboard.

    SOURCEs are JSON lines or Parquet with the keys of a tick, CSVs of recorded books (plain, gz, zst or xz), a
    polyterm database, or a recording of raw frames. Several are merged by time. Every entry is 100 shares at the touch;
    the last column also pays the venue's fee of that time.
    """
    if session is not None:
        from polyterm.cli.verify_session import run

        ctx.exit(run(session or None, db, as_json=as_json))
    if not sources:
        raise click.UsageError("Missing argument 'SOURCE...'.")
    from polyterm.cli.sources import merged, parse_span
    from polyterm.cli.strategies import report_broken
    from polyterm.cli.user_strategies import load_own
    from polyterm.engine.books import Book
    from polyterm.engine.engine import Engine
    from polyterm.store.tickfile_outcomes import read_outcomes

    span = parse_span(start, end, coins)
    known = {} if outcomes is None else read_outcomes(outcomes)
    own = load_own()
    report_broken(own)
    engine, tally = Engine("replay", [Book(entry) for entry in own.entries]), _Tally()
    failures: list[str] = []
    with _output(trades) as out:
        _run(engine, tally.watch(merged(sources, known, span, failures)), out)
    rows = sorted(engine.leaderboard_rows(), key=lambda row: (not row.trades, -row.pnl_costed, row.strategy))
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

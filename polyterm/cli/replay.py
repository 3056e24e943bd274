"""``polyterm replay``: trade recorded ticks on paper and show who would have earned what."""

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

import click

from polyterm.errors import ConfigError

if TYPE_CHECKING:
    from polyterm.cli.progress import Progress
    from polyterm.core.market import MarketKey
    from polyterm.core.snapshot import LeaderboardRow
    from polyterm.engine.engine import Engine
    from polyterm.store.span import Span, Stamped
    from polyterm.store.tickfile_outcomes import KnownWindow
    from polyterm.strategies.entry import Entry

_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.command("replay")
@click.argument("sources", nargs=-1, metavar="SOURCE...")
@click.option("--from", "start", metavar="TIME", help="From this date, time (UTC) or unix second on.")
@click.option("--to", "end", metavar="TIME", help="Up to this one, which is not included.")
@click.option("--coins", metavar="LIST", help="Comma-separated, of btc, eth, sol, xrp. Default: all.")
@click.option("--outcomes", metavar="CSV", type=_FILE, help="Strikes and outcomes of windows, by coin, tf and window.")
@click.option("--trades", metavar="OUT.jsonl", type=_FILE, help="Write every closed trade, one JSON object a line.")
@click.option("--events", metavar="OUT.jsonl", type=_FILE, help="Write every event, one JSON object a line.")
@click.option("--verify", is_flag=True, help="Compute everything twice, on columns and tick by tick, and compare.")
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON object.")
@click.option(
    "--verify-session",
    "session",
    metavar="[SESSION]",
    is_flag=False,
    flag_value="",
    help="Run a stored session (the newest) again from its inputs and prove that nothing differs.",
)
@click.option("--watch", is_flag=True, help="Play it in the console: space pauses, + and - change the speed.")
@click.option("--speed", metavar="X", type=click.IntRange(1, 1000), help="Of --watch, to begin with. Default: 1.")
@click.option("--theme", metavar="NAME", help="Colours of --watch.")
@click.option("--serve-on", metavar="SOCKET", type=_FILE, hidden=True)
@click.option("--db", metavar="PATH|URL", help="Database of the session to verify. Default: in the data folder.")
@click.pass_context
def command(ctx: click.Context, /, sources: tuple[str, ...], session: str | None, db: str | None, **asked: Any) -> None:
    """Replay recorded ticks through the strategies and print the leaderboard.

    SOURCEs are JSON lines or Parquet with the keys of a tick, CSVs of recorded books (plain, gz, zst or xz), a
    polyterm database (a file or a URL), or a recording of raw frames. Several are merged by time. Every entry is 100
    shares at the touch; the last column also pays the venue's fee of that time.
    """
    if session is not None:
        from polyterm.cli import verify_session

        ctx.exit(verify_session.run(session or None, db, as_json=asked["as_json"]))
    if not sources:
        raise click.UsageError("Missing argument 'SOURCE...'.")
    options = _Options(**asked)
    options.check()
    if options.watch:
        options.show(sources)
        return
    from polyterm.cli.sources import parse_span
    from polyterm.cli.strategies import report_broken
    from polyterm.cli.user_strategies import load_own
    from polyterm.store.tickfile_outcomes import read_outcomes

    own = load_own()
    report_broken(own)
    known = {} if options.outcomes is None else read_outcomes(options.outcomes)
    run = _Run(sources, known, parse_span(options.start, options.end, options.coins), own.entries)
    if options.serve_on is not None:
        run.serve(options.serve_on, options.speed or 1)
    elif options.verify:
        click.echo(run.verify())
    elif not run.print(options):
        click.echo("polyterm: interrupted: this is what was done until then.", err=True)
        ctx.exit(130)


class _Options(NamedTuple):
    """What was asked for beside the sources; None where nothing was."""

    start: str | None
    end: str | None
    coins: str | None
    outcomes: Path | None
    trades: Path | None
    events: Path | None
    speed: int | None
    theme: str | None
    serve_on: Path | None
    watch: bool
    verify: bool
    as_json: bool

    def check(self) -> None:
        """Raises UsageError for what does not go together."""
        if self.verify and (self.trades or self.events or self.as_json):
            raise click.UsageError("--verify only compares: drop --trades, --events and --json, or --verify.")
        if self.watch and (self.trades or self.events or self.as_json or self.verify):
            raise click.UsageError("--watch only shows: drop --trades, --events, --json and --verify, or --watch.")
        if (self.speed or self.theme) and not (self.watch or self.serve_on):
            raise click.UsageError("--speed and --theme belong to --watch.")

    def show(self, sources: Sequence[str]) -> None:
        """In the console, until that is quit."""
        from polyterm.cli.watch import watch

        span = {"--from": self.start, "--to": self.end, "--coins": self.coins}
        watch(sources, {**span, "--outcomes": self.outcomes, "--speed": self.speed}, self.theme)


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


class _Run:
    """One replay of ``sources`` with ``entries``; ``failures`` are sentences about what could not be read."""

    def __init__(
        self,
        sources: Sequence[str],
        known: Mapping["MarketKey", "KnownWindow"],
        span: "Span",
        entries: Sequence["Entry"],
    ) -> None:
        self.failures: list[str] = []
        self.tally = _Tally()
        self._sources = sources
        self._known = known
        self._span = span
        self._entries = entries
        self._engine = self._fresh_engine()

    def _fresh_engine(self) -> "Engine":
        from polyterm.engine.books import Book
        from polyterm.engine.engine import Engine

        return Engine("replay", [Book(entry) for entry in self._entries])

    def _payloads(self) -> Iterator["Stamped"]:
        from polyterm.cli.progress import Progress
        from polyterm.cli.sources import merged, weight

        progress = Progress(sum(weight(source) for source in self._sources))
        payloads = merged(self._sources, self._known, self._span, self.failures, progress.read)
        yield from self.tally.watch(payloads, progress)
        progress.done()

    def serve(self, socket: Path, speed: int) -> None:
        """Play it to whoever attaches at ``socket``.

        Raises:
            ConfigError: there is nothing to play.
        """
        from polyterm.cli.sources import merged
        from polyterm.cli.watch import serve

        payloads = merged(self._sources, self._known, self._span, self.failures)
        serve(payloads, self.failures, self._entries, socket, speed)

    def print(self, options: _Options) -> bool:
        """Replay, and show the result; whether it went to the end or was interrupted."""
        with _output(options.trades) as trades, _output(options.events) as events:
            whole = self.replay(trades, events)
        self.show(as_json=options.as_json)
        return whole

    def replay(self, trades: BinaryIO | None, events: BinaryIO | None) -> bool:
        """Write what closes and what happens; whether it went to the end or was interrupted."""
        import msgspec

        from polyterm.core.event import TradeClosed
        from polyterm.engine.columnar import ColumnarReplay
        from polyterm.engine.records import record

        encode = msgspec.json.Encoder().encode
        try:
            for event in ColumnarReplay(self._engine).run(self._payloads()):
                if events is not None:
                    events.write(encode(event) + b"\n")
                if trades is not None and isinstance(event, TradeClosed):
                    trades.write(encode(record(event.trade)) + b"\n")
        except KeyboardInterrupt:
            return False
        return True

    def verify(self) -> str:
        """The sentence that says how much was equal.

        Raises:
            ConfigError: the two ways part, or a source could not be read.
        """
        from polyterm.cli.sources import merged
        from polyterm.engine.columnar import ColumnarReplay
        from polyterm.engine.comparison import compare
        from polyterm.engine.replay import replay

        columns = ColumnarReplay(self._engine).run(self._payloads())
        again = merged(self._sources, self._known, self._span, [])
        agreement = compare(replay(self._fresh_engine(), again), columns)
        found = agreement.difference
        if found is not None:
            raise ConfigError(
                f"Tick by tick and on columns differ first at tick {found.input} ({found.at_ms} ms), "
                f"{found.strategy or 'no strategy'}: {found.field} is {found.one} against {found.other}."
            )
        if self.failures:
            raise ConfigError(" ".join(self.failures))
        return (
            f"Equal, byte for byte: {agreement.events:,} events of {len(self._entries)} strategies "
            f"over {self.tally.ticks:,} ticks."
        )

    def rows(self) -> list["LeaderboardRow"]:
        """Best first after fees; strategies that never traded last."""
        return sorted(self._engine.leaderboard_rows(), key=lambda row: (not row.trades, -row.pnl_costed, row.strategy))

    def show(self, *, as_json: bool) -> None:
        """Print the result, as far as there is one. Raises ConfigError afterwards when a source could not be read."""
        if self.tally.ticks or not self.failures:
            for line in (_json_lines if as_json else _text_lines)(self.tally, self.rows()):
                click.echo(line)
        if self.failures:
            raise ConfigError(" ".join(self.failures))


class _Tally:
    """What went by."""

    def __init__(self) -> None:
        self.ticks = 0
        self.windows = 0
        self.outcomes = 0
        self.not_tradable: Counter[str] = Counter()

    def watch(self, payloads: Iterable["Stamped"], progress: "Progress") -> Iterator["Stamped"]:
        from polyterm.core.input import Outcome, WindowOpened
        from polyterm.core.tick import Tick

        for stamped in payloads:
            payload = stamped[1]
            if isinstance(payload, Tick):
                self.ticks += 1
                progress.tick()
                if payload.invalid is not None:
                    self.not_tradable[payload.invalid] += 1
            self.windows += isinstance(payload, WindowOpened)
            self.outcomes += isinstance(payload, Outcome)
            yield stamped


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

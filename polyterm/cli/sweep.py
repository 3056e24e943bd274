"""``polyterm sweep``: try many variants of a strategy on recorded ticks, and see which would have lasted."""

import contextlib
import difflib
import math
import os
import sys
import time
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from polyterm.errors import ConfigError

if TYPE_CHECKING:
    from polyterm.cli.sweep_material import Material
    from polyterm.cli.sweep_runs import Done
    from polyterm.engine.parameter_space import Space
    from polyterm.engine.sweep import Piece
    from polyterm.engine.sweep_results import Measure, VariantResult
    from polyterm.strategies.entry import Entry

_FILE: Final = click.Path(path_type=Path, dir_okay=False)

WORTH_PROCESSES: Final = 300_000_000
WORTH_PROCESSES_BY_TICK: Final = 500_000
"""Variants times ticks below which starting processes takes longer than it saves: by columns, and tick by tick."""

CLUSTER_PIECES: Final = 16
"""A cluster's work is divided as for so many processes: it may have many, and may grow."""

BAR_WIDTH: Final = 20


@click.command("sweep")
@click.argument("strategy")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--param", "parameters", multiple=True, metavar="NAME=VALUES", help="1,2,3 or LOW:HIGH:COUNT[:log].")
@click.option("--random", "draws", type=click.IntRange(1), metavar="N", help="Draw N variants instead of trying all.")
@click.option("--seed", type=int, default=0, metavar="S", help="Seed of --random. Default: 0.")
@click.option("--folds", type=click.IntRange(2), metavar="N", help="Divide the time into N folds and walk forward.")
@click.option("--by", type=click.Choice(["costed", "touch"]), default="costed", help="P&L to rank by. Default: costed.")
@click.option("--from", "start", metavar="TIME", help="From this date, time (UTC) or unix second on.")
@click.option("--to", "end", metavar="TIME", help="Up to this one, which is not included.")
@click.option("--coins", metavar="LIST", help="Comma-separated, of btc, eth, sol, xrp. Default: all.")
@click.option("--outcomes", metavar="CSV", type=_FILE, help="Strikes and outcomes of windows, by coin, tf and window.")
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Processes. Default: one for each processor.")
@click.option("--cluster", metavar="ADDRESS", help="Work on the Dask cluster whose scheduler is at this address.")
@click.option("--top", type=click.IntRange(1), default=20, metavar="N", help="Variants to show. Default: 20.")
@click.option("--csv", "csv_path", metavar="OUT.csv", type=_FILE, help="Write every variant, one row each.")
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON object.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    strategy: str,
    sources: tuple[str, ...],
    parameters: tuple[str, ...],
    draws: int | None,
    seed: int,
    folds: int | None,
    by: "Measure",
    start: str | None,
    end: str | None,
    coins: str | None,
    outcomes: Path | None,
    jobs: int | None,
    cluster: str | None,
    top: int,
    csv_path: Path | None,
    as_json: bool,
) -> None:
    """Try variants of STRATEGY on recorded ticks and rank them by what they would have earned.

    SOURCEs are those of 'polyterm replay'. Without --random every combination of the values is tried. With --folds the
    best variant of the past is chosen again and again and judged by what came next: a choice that only fits the past
    shows as a good in-sample and a poor out-of-sample result. Ctrl+C shows what is done.
    """
    from polyterm.cli.sources import parse_span
    from polyterm.cli.sweep_material import load
    from polyterm.cli.sweep_report import Report, csv_lines, json_line, text_lines

    entry, is_own = _find(strategy)
    space = _space(entry, parameters, draws, seed)
    material, failures = load(entry, sources, outcomes, parse_span(start, end, coins))
    work = _Work(space, material, by, folds)
    work.run(jobs, cluster, only_here=is_own)
    report = Report(entry.name, by, space, material.summary, work.folds, work.results, drawn=draws is not None)
    if csv_path is not None:
        _write(csv_path, csv_lines(report))
    for line in (json_line(report),) if as_json else text_lines(report, top):
        click.echo(line)
    if not report.complete:
        click.echo(
            f"polyterm: interrupted: {len(report.results):,} of {len(space.variants):,} variants are done", err=True
        )
        ctx.exit(130)
    if failures:
        raise ConfigError(" ".join(failures))


def _write(path: Path, lines: Iterable[str]) -> None:
    try:
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}.") from None


def _find(name: str) -> tuple["Entry", bool]:
    """The strategy, and whether it is one of the user's own."""
    from polyterm.cli.strategies import report_broken
    from polyterm.cli.user_strategies import load_own

    own = load_own()
    report_broken(own)
    known = {entry.name: entry for entry in own.entries}
    entry = known.get(name)
    if entry is None:
        raise ConfigError(f"There is no strategy {name}: {_advice(name, known)}")
    return entry, any(strategy.entry is entry for strategy in own.usable)


def _advice(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    return f"did you mean {near[0]}?" if near else "'polyterm strategies' lists them."


def _space(entry: "Entry", parameters: Sequence[str], draws: int | None, seed: int) -> "Space":
    import random

    from polyterm.engine.parameter_space import draw, grid, read_axis

    try:
        axes = [read_axis(text, entry, drawn=draws is not None) for text in parameters]
        return grid(entry, axes) if draws is None else draw(entry, axes, draws, random.Random(seed).random)
    except ValueError as error:
        raise ConfigError(f"{error}.") from None


class _Work:
    """A sweep under way. What is done when it is interrupted is kept."""

    def __init__(self, space: "Space", material: "Material", by: "Measure", folds: int | None) -> None:
        from polyterm.engine.sweep import Assembly
        from polyterm.engine.sweep_results import fold_up

        self._variants = space.variants
        self._recordings = material.recordings
        self._ticks = material.summary.ticks
        try:
            self.folds = () if folds is None else fold_up(material.epochs, folds)
        except ValueError as error:
            raise ConfigError(f"{error}.") from None
        self._assembly = Assembly(len(self._recordings), by, self.folds)

    @property
    def results(self) -> tuple["VariantResult", ...]:
        return tuple(self._assembly.results)

    def run(self, jobs: int | None, cluster: str | None, *, only_here: bool) -> None:
        """``only_here``: the strategy is code of the user's own, which other processes do not have."""
        from polyterm.cli.sweep_runs import run_here, run_in_processes, run_on_cluster
        from polyterm.engine.sweep import divide

        if cluster is not None and only_here:
            raise ConfigError("A strategy of your own cannot be sent to a cluster: sweep it here.")
        processes = 1 if only_here or (jobs is None and not self._is_worth_processes()) else jobs or os.cpu_count() or 1
        pieces = divide(self._variants, len(self._recordings), CLUSTER_PIECES if cluster else processes)
        if cluster is not None:
            self._follow(run_on_cluster(self._recordings, pieces, cluster), pieces)
        elif processes == 1:
            self._follow(run_here(self._recordings, pieces), pieces)
        else:
            self._follow(run_in_processes(self._recordings, pieces, processes), pieces)

    def _is_worth_processes(self) -> bool:
        from polyterm.engine.sweep import TickRecording

        by_tick = any(isinstance(recording, TickRecording) for recording in self._recordings)
        return len(self._variants) * self._ticks >= (WORTH_PROCESSES_BY_TICK if by_tick else WORTH_PROCESSES)

    def _follow(self, done: Generator["Done"], pieces: Sequence["Piece"]) -> None:
        progress = _Progress(sum(len(piece.entries) for piece in pieces), len(self._recordings))
        try:
            with contextlib.closing(done):
                for piece, trades in done:
                    self._assembly.take(piece, trades)
                    progress.advance(len(piece.entries))
        except KeyboardInterrupt:
            pass  # the report says how much is missing
        finally:
            progress.end()


class _Progress:
    """A line on stderr where somebody is looking."""

    def __init__(self, total: int, recordings: int) -> None:
        self._total = total
        self._recordings = recordings
        self._done = 0
        self._shows = sys.stderr.isatty()
        self._start = time.monotonic()

    def advance(self, count: int) -> None:
        self._done += count
        if self._shows:
            click.echo(f"\r{self.line(time.monotonic() - self._start)}\x1b[K", err=True, nl=False)

    def line(self, elapsed_s: float) -> str:
        rate = self._done / max(elapsed_s, 1e-9)
        filled = BAR_WIDTH * self._done // self._total
        bar = "#" * filled + "-" * (BAR_WIDTH - filled)
        left_s = math.ceil((self._total - self._done) / rate)
        return (
            f"[{bar}] {self._done // self._recordings:,} of {self._total // self._recordings:,} variants"
            f"  {rate / self._recordings:,.0f} variants/s  {left_s // 60}:{left_s % 60:02d} left"
        )

    def end(self) -> None:
        if self._shows:
            click.echo("\r\x1b[K", err=True, nl=False)

"""What a sweep found, as text, CSV and JSON."""

import csv
import io
import shutil
from collections.abc import Iterator, Sequence

import msgspec

from polyterm.cli.heatmap import heatmap
from polyterm.cli.sweep_material import Summary
from polyterm.engine.parameter_space import Space, Value
from polyterm.engine.sweep_results import Fold, Measure, Score, Step, VariantResult, ranked, walk_forward


class Report(msgspec.Struct, frozen=True):
    """``results`` are the variants that are done; ``drawn`` says that they were drawn by chance."""

    strategy: str
    by: Measure
    space: Space
    summary: Summary
    folds: tuple[Fold, ...]
    results: tuple[VariantResult, ...]
    drawn: bool = False

    @property
    def complete(self) -> bool:
        return len(self.results) == len(self.space.variants)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(axis.name for axis in self.space.axes)

    @property
    def ranked(self) -> list[VariantResult]:
        return ranked(self.results, self.by)

    @property
    def steps(self) -> tuple[Step, ...]:
        return walk_forward(self.results, self.by)

    def values(self, number: int) -> tuple[Value, ...]:
        return self.space.variants[number].values


def text_lines(report: Report, top: int) -> Iterator[str]:
    yield from _heading(report)
    best = report.ranked
    if best:
        yield ""
        yield from _table(report, best[:top])
    if len(best) > top:
        yield f"{len(best) - top:,} more: --top, --csv or --json shows them"
    for result in best:
        if result.fault is not None:
            yield f"{_described(report, result.number)} was taken out: {result.fault}"
    if report.folds and best:
        yield ""
        yield from _walk(report)
    yield from _map(report)


def _heading(report: Report) -> Iterator[str]:
    summary = report.summary
    yield (
        f"{report.strategy}: {len(report.results):,} variants over {summary.windows:,} windows and {summary.ticks:,} "
        f"ticks of {', '.join(summary.series)}, ranked by {report.by} P&L"
    )
    if report.space.impossible:
        yield f"{report.space.impossible:,} combinations contradict themselves and are left out"


def _table(report: Report, results: Sequence[VariantResult]) -> Iterator[str]:
    rows = [("", *report.names, "trades", "win %", "P&L touch", "P&L costed", "average", "ratio", "drawdown")]
    for place, result in enumerate(results, start=1):
        score = result.score
        rows.append((
            str(place),
            *(f"{value:g}" for value in report.values(result.number)),
            f"{score.trades:,}",
            _share(score),
            f"{score.touch:+.2f}",
            f"{score.costed:+.2f}",
            _known(result.average, "+.3f"),
            _known(result.ratio, "+.3f"),
            f"{result.drawdown:.2f}",
        ))  # fmt: skip
    yield from _aligned(rows)


def _walk(report: Report) -> Iterator[str]:
    """Every choice beside what came of it."""
    steps = report.steps
    yield f"walk forward, chosen by {report.by} P&L of all folds before"
    rows = [("fold", "windows", *report.names, "in sample", "a trade", "out of sample", "a trade", "rank", "hindsight")]
    rows += [
        (
            str(step.fold + 1),
            str(report.folds[step.fold].windows),
            *(f"{value:g}" for value in report.values(step.chosen)),
            *_earned(step.in_sample, report.by),
            *_earned(step.out_of_sample, report.by),
            f"{step.rank:,}/{len(report.results):,}",
            f"{step.best.total(report.by):+.2f}",
        )
        for step in steps
    ]
    yield from _aligned(rows)
    out = sum((step.out_of_sample for step in steps), Score())
    total, average = _earned(out, report.by)
    hindsight = sum(step.best.total(report.by) for step in steps)
    yield f"out of sample together {total}, {average} a trade; hindsight {hindsight:+.2f}"


def _earned(score: Score, by: Measure) -> tuple[str, str]:
    return f"{score.total(by):+.2f}", f"{score.total(by) / score.trades:+.3f}" if score.trades else "-"


def _map(report: Report) -> Iterator[str]:
    axes = [axis for axis in report.space.axes if len(axis.values) > 1]
    if len(report.space.axes) != 2 or len(axes) != 2 or report.drawn or not report.results:
        return
    rows, columns = axes
    totals = {report.values(result.number): result.score.total(report.by) for result in report.results}
    cells = [[totals.get((row, column)) for column in columns.values] for row in rows.values]
    yield ""
    yield f"{report.by} P&L, {rows.name} downwards, {columns.name} to the right"
    width = shutil.get_terminal_size((120, 24)).columns
    yield from heatmap([f"{v:g}" for v in rows.values], [f"{v:g}" for v in columns.values], cells, width)


def _share(score: Score) -> str:
    return f"{100 * score.wins / score.trades:.1f}" if score.trades else "-"


def _known(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _described(report: Report, number: int) -> str:
    return " ".join(f"{name}={value:g}" for name, value in zip(report.names, report.values(number), strict=True))


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True))


class _JsonVariant(msgspec.Struct, frozen=True):
    rank: int
    parameters: dict[str, Value]
    result: VariantResult


class _JsonReport(msgspec.Struct, frozen=True):
    strategy: str
    by: Measure
    complete: bool
    impossible: int
    source: Summary
    folds: tuple[Fold, ...]
    walk_forward: tuple[Step, ...]
    variants: tuple[_JsonVariant, ...]


def json_line(report: Report) -> str:
    """One object; ``chosen`` in ``walk_forward`` is the ``number`` of a variant's result."""
    variants = tuple(
        _JsonVariant(rank, dict(zip(report.names, report.values(result.number), strict=True)), result)
        for rank, result in enumerate(report.ranked, start=1)
    )
    whole = _JsonReport(
        report.strategy, report.by, report.complete, report.space.impossible, report.summary, report.folds,
        report.steps, variants,
    )  # fmt: skip
    return msgspec.json.encode(whole).decode()


def csv_lines(report: Report) -> Iterator[str]:
    """Every variant that is done, the best first; empty where there is no value. One column for each fold's P&L."""
    folds = [f"fold_{place + 1}_{report.by}" for place in range(len(report.folds))]
    yield _csv((
        "rank", *report.names, "trades", "wins", "touch", "costed", "average", "ratio", "drawdown", *folds,
    ))  # fmt: skip
    for rank, result in enumerate(report.ranked, start=1):
        score = result.score
        yield _csv((
            rank, *report.values(result.number), score.trades, score.wins, score.touch, score.costed, result.average,
            result.ratio, result.drawdown, *(fold.total(report.by) for fold in result.folds),
        ))  # fmt: skip


def _csv(values: Sequence[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()

"""``polyterm strategies``: what there is to trade by, one of them in words, and a file to write one's own in."""

import difflib
import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from polyterm.errors import ConfigError

if TYPE_CHECKING:
    from polyterm.cli.user_strategies import OwnStrategies
    from polyterm.strategies.entry import Entry


@click.command("strategies")
@click.argument("words", nargs=-1, metavar="[NAME | new NAME]")
def command(words: tuple[str, ...]) -> None:
    """List the strategies, explain one, or begin one of your own.

    Without NAME: every strategy with its family and parameters. With NAME: its rule in words, its parameters with units
    and ranges, when its histories begin anew, and its limits. 'new NAME' writes a commented file that already trades
    into the config folder's strategies/.
    """
    match words:
        case ():
            _list()
        case ("new", name):
            _new(name)
        case ("new",):
            raise click.UsageError("Which name shall the new strategy have?")
        case (name,):
            _explain(name)
        case _:
            raise click.UsageError("Give no name, one name, or 'new' and a name.")


def report_broken(own: "OwnStrategies") -> None:
    """Tell on stderr which of the user's own strategies are left out, and why."""
    for broken in own.broken:
        click.echo(f"polyterm: skipped a strategy: {broken}", err=True)


def _list() -> None:
    from polyterm.cli.user_strategies import load_own

    own = load_own()
    names = max(len(entry.name) for entry in own.entries)
    families = max(len(entry.family) for entry in own.entries)
    for entry in own.entries:
        mark = "*" if entry.experimental else " "
        line = f"{entry.name:<{names}} {mark} {entry.family:<{families}}  {' '.join(_values(entry))}"
        click.echo(line.rstrip())
    experimental = sum(entry.experimental for entry in own.entries)
    click.echo(f"{len(own.entries)} strategies, {len(own.usable)} of them your own. * {experimental} are experimental.")
    report_broken(own)


def _values(entry: "Entry") -> Iterator[str]:
    for name in entry.parameters.__struct_fields__:
        yield f"{name}={_shown(getattr(entry.parameters, name))}"


def _shown(value: object) -> str:
    return f"{value:.10g}" if isinstance(value, int | float) else str(value)


def _explain(name: str) -> None:
    from polyterm.cli.user_strategies import load_own

    own = load_own()
    entry = next((entry for entry in own.entries if entry.name.lower() == name.lower()), None)
    if entry is None:
        near = difflib.get_close_matches(name, [entry.name for entry in own.entries], n=1, cutoff=0.4)
        advice = f"did you mean {near[0]}?" if near else "'polyterm strategies' lists them."
        reasons = "".join(f" Skipped: {broken}." for broken in own.broken)
        raise ConfigError(f"There is no strategy {name}: {advice}{reasons}")
    source = next((strategy.source for strategy in own.usable if strategy.entry is entry), None)
    for line in _description(entry, source):
        click.echo(line)


def _description(entry: "Entry", source: str | None) -> Iterator[str]:
    from polyterm.strategies.parameters import describe

    yield f"{entry.name} ({entry.family}{', experimental' if entry.experimental else ''})"
    if source is not None:
        yield f"from {source}"
    yield f"\n{entry.rule or 'Its rule is not put into words.'}\n"
    parameters = describe(type(entry.parameters))
    if parameters:
        width = max(len(parameter.name) for parameter in parameters)
        yield "Parameters"
        for parameter in parameters:
            value = _shown(getattr(entry.parameters, parameter.name))
            bounds = f"({parameter.range})" if parameter.range else ""
            yield f"  {parameter.name:<{width}}  {value:>8}  {parameter.unit:<28} {bounds}".rstrip()
        yield f"\n{inspect.getdoc(type(entry.parameters))}\n"
    yield f"Resets: {entry.resets}"
    yield f"Limits: {'; '.join(entry.limits.words)}."


def _new(name: str) -> None:
    from polyterm.cli.strategy_template import template
    from polyterm.cli.user_strategies import NAME, RESERVED, load_own, strategies_dir

    if not NAME.fullmatch(name) or name == RESERVED:
        raise ConfigError(f"{name!r} cannot be a name: use letters, digits and _, and begin with a letter.")
    if any(entry.name == name for entry in load_own().entries):
        raise ConfigError(f"There is a strategy {name} already.")
    path = strategies_dir() / f"{name}.py"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(template(name))
    except FileExistsError:
        raise ConfigError(f"{path} exists already: it is left as it is.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}.") from None
    click.echo(f"{path} is written. It trades as it is: 'polyterm strategies {name}' explains it.")

"""Thin commands: parse, build the settings, call. Every import that costs time waits until its command runs."""

import importlib
import sys
from collections.abc import Mapping
from typing import Any, Final, NoReturn

import click

import polyterm
from polyterm.cli.options import Horizons, engine_options
from polyterm.cli.output import told_in_a_sentence
from polyterm.errors import EXIT_BAD_INPUT, PolytermError

COMMANDS: Final[Mapping[str, str]] = {
    "attach": "polyterm.cli.attach",
    "kill": "polyterm.cli.control:kill",
    "pause": "polyterm.cli.control:pause",
    "resume": "polyterm.cli.control:resume",
    "status": "polyterm.cli.control:status",
    "replay": "polyterm.cli.replay",
    "sweep": "polyterm.cli.sweep",
    "strategies": "polyterm.cli.strategies",
    "review": "polyterm.cli.review",
    "trades": "polyterm.cli.trades",
    "conflicts": "polyterm.cli.conflicts",
    "health": "polyterm.cli.health",
    "export": "polyterm.cli.export",
    "db": "polyterm.cli.db",
}


class _LazyCommands(click.Group):
    """Imports a command's module only when that command is named or help lists it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        target = COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, _, attribute = target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute or "command")
        return command

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        with told_in_a_sentence():  # help and version are written here
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with told_in_a_sentence(lambda: ctx.invoked_subcommand is not None):  # an engine has more to write than that
            return super().invoke(ctx)


@click.group(cls=_LazyCommands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@engine_options
@click.option("--headless", is_flag=True, help="Run the engine without a screen; logs are JSON lines on stdout.")
@click.option("--theme", metavar="NAME", help="Colours of the console: dark, light, or one of your own.")
@click.option("--until-stdin-closes", is_flag=True, hidden=True)
@click.version_option(polyterm.__version__, prog_name="polyterm")
@click.pass_context
def cli(
    ctx: click.Context,
    *,
    demo: bool,
    demo_speed: float | None,
    seed: int | None,
    coins: str | None,
    horizon: Horizons | None,
    db: str | None,
    instance: str | None,
    record: str | None,
    no_wait: bool,
    headless: bool,
    theme: str | None,
    until_stdin_closes: bool,
) -> None:
    """A trading console for Polymarket's 15-minute crypto Up or Down markets.

    Without a command: start an engine that trades on paper against the real venues, and show its console.
    """
    if ctx.invoked_subcommand is not None:
        return
    from polyterm.cli.launch import Launch

    launch = Launch(
        demo=demo,
        demo_speed=demo_speed,
        seed=seed,
        coins=coins,
        horizon=horizon,
        db=db,
        instance=instance,
        record=record,
        no_wait=no_wait,
        theme=theme,
    )
    if headless:
        from polyterm.cli.headless import run_headless

        run_headless(launch, until_stdin_closes=until_stdin_closes)
    else:
        from polyterm.cli.foreground import run_foreground

        run_foreground(launch)


def main() -> NoReturn:
    try:
        code = cli.main(standalone_mode=False)  # of a command that ended with one
    except click.ClickException as error:
        error.show()
        sys.exit(EXIT_BAD_INPUT)
    except PolytermError as error:
        click.echo(f"polyterm: {error}", err=True)
        sys.exit(EXIT_BAD_INPUT)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)

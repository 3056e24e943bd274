"""The console application: takes what a link says, paints the newest of it a few times a second, sends commands."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath
from typing import ClassVar, Final

from textual.app import App
from textual.filter import LineFilter
from textual.theme import Theme as TextualTheme

from polyterm.console.control import Control
from polyterm.console.latest import EVENTS_KEPT, Latest, Notice
from polyterm.console.memory import Memory
from polyterm.console.plain import Plain
from polyterm.console.screens.base import ConsoleScreen
from polyterm.console.screens.help import HelpScreen
from polyterm.console.screens.main import MainScreen
from polyterm.console.theming import Theme, variables
from polyterm.console.widgets.themes import ThemeChooser
from polyterm.core.command import Command, CommandKind
from polyterm.core.query import EventsAnswer, EventsQuery
from polyterm.errors import LinkError
from polyterm.service.link.port import Connection, ConnectionState, Link

REPAINTS_PER_S: Final = 4
NOTICE_S: Final = 30.0
_STYLES: Final = sorted(Path(__file__).parent.rglob("*.tcss"))


class ConsoleApp(App[None], inherit_bindings=False):
    """A client of one engine, wherever it runs. ``clock`` is machine time in seconds.

    ``themes`` are those that ``t`` offers; ``notices`` are shown at the start; ``quit_note`` says what quitting does to
    the engine; ``memory`` outlives this run, and ``theme_is_set`` where the settings decide the theme of every start.
    """

    TITLE = "polyterm"
    CSS_PATH: ClassVar[list[str | PurePath]] = [*_STYLES]
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self,
        link: Link,
        *,
        theme: Theme,
        clock: Callable[[], float] = time.monotonic,
        quit_note: str = "",
        themes: Sequence[Theme] = (),
        notices: Sequence[str] = (),
        memory: Memory | None = None,
        theme_is_set: bool = False,
    ) -> None:
        super().__init__()
        self._link = link
        self._latest = Latest(clock)
        self._control = Control(link, self._latest, clock, self.repaint)
        self._quit_note = quit_note
        self._commands_under_way = 0
        self._quitting = False
        self._connection_state: ConnectionState = "connecting"
        by_name = {each.name: each for each in (*themes, theme)}
        self._themes = by_name
        self._plain = {name: Plain(each) for name, each in by_name.items()}
        self._memory = memory or Memory()
        self._theme_is_set = theme_is_set
        for each in by_name.values():
            self.register_theme(_textual_theme(each))
        self.theme = theme.name
        self.animation_level = "none"
        self._notices = tuple(notices)
        link.on_snapshot = self._latest.merge
        link.on_events = self._latest.add
        link.on_connection = self._on_connection

    def get_default_screen(self) -> MainScreen:
        return MainScreen(self._quit_note)

    def on_mount(self) -> None:
        self.run_worker(self._run_link(), group="link")
        self.set_interval(1 / REPAINTS_PER_S, self.repaint)
        for notice in self._notices:
            self._warn(notice)
        self.repaint()

    def on_resize(self) -> None:
        self.call_after_refresh(self.repaint)

    def _on_connection(self, connection: Connection) -> None:
        before = self._connection_state
        self._latest.connect(connection)
        self._connection_state = connection.state
        if connection.state == "connected" and before != "connected":
            self.run_worker(self._fetch_events(), group="events", exclusive=True)

    async def _fetch_events(self) -> None:
        """What happened before this console listened, or while it was away."""
        try:
            answer = await self._link.ask(EventsQuery(EVENTS_KEPT))
        except LinkError:
            return  # the link is gone again: the next connection asks anew
        if isinstance(answer, EventsAnswer):
            self._latest.backfill(answer.events)

    async def _run_link(self) -> None:
        """A link that gives up for good (a refused token, a foreign protocol) says so until the operator quits."""
        try:
            await self._link.run()
        except LinkError as error:
            self._latest.connect(Connection("disconnected", "", reason=str(error)))
            self._latest.notice = Notice(f"The link to the engine ended: {error}", "danger")
            self.repaint()

    def repaint(self) -> None:
        """Paint the newest view on whatever screen is on top."""
        if self.is_running and isinstance(screen := self.screen, ConsoleScreen):
            screen.repaint(self._latest.view())

    def action_kill(self) -> None:
        self._command("kill")

    def action_pause(self) -> None:
        kind = self._control.wanted_by_pause_key()
        if kind is not None:
            self._command(kind)

    def _command(self, kind: CommandKind) -> None:
        command = self._control.start(kind)
        self._commands_under_way += 1
        self.run_worker(self._carry_out(command), group="commands")
        self.repaint()

    async def _carry_out(self, command: Command) -> None:
        await self._control.finish(command)
        self._commands_under_way -= 1
        if self._quitting and not self._commands_under_way:
            self.exit()

    async def action_quit(self) -> None:
        """A command that is on its way is answered first; asked twice, quit without."""
        if self._commands_under_way and not self._quitting:
            self._quitting = True
            self._latest.notice = Notice("Quitting once the engine has answered. Again: quit now", "warn")
            self.repaint()
            return
        self.exit()

    def action_choose_theme(self) -> None:
        themes = tuple(self._themes[name] for name in sorted(self._themes))
        self.screen.mount(ThemeChooser(themes, self.theme, self.focused))

    def on_theme_chooser_kept(self, event: ThemeChooser.Kept) -> None:
        self._memory.keep(theme=event.theme)
        if self._memory.problem:
            self._warn(self._memory.problem)
        elif self._theme_is_set:
            self._warn("Kept while this console runs: the settings name a theme, which the next one starts with.")

    def _warn(self, sentence: str) -> None:
        self.notify(sentence, severity="warning", timeout=NOTICE_S, markup=False)

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [self._plain[self.theme]] if self.no_color else super().get_line_filters()

    def action_help(self) -> None:
        if isinstance(self.screen, HelpScreen):
            self.pop_screen()
        else:
            self.push_screen(HelpScreen(self._quit_note))
        self.call_after_refresh(self.repaint)

    def action_dismiss(self) -> None:
        if isinstance(self.screen, HelpScreen):
            self.action_help()
            return
        self.clear_notifications()
        self._latest.notice = None
        self.repaint()


def _textual_theme(theme: Theme) -> TextualTheme:
    roles = theme.roles
    return TextualTheme(
        name=theme.name,
        dark=theme.dark,
        primary=roles.accent,
        accent=roles.accent,
        success=roles.up,
        warning=roles.warn,
        error=roles.danger,
        foreground=roles.text,
        background=roles.background,
        surface=roles.background,
        panel=roles.panel,
        variables=variables(theme),
    )

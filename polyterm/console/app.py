"""The console application: takes what a link says, paints the newest of it a few times a second, sends commands."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath
from typing import ClassVar, Final

from textual.app import App
from textual.filter import LineFilter
from textual.theme import Theme as TextualTheme

from polyterm.console.actions import ACTIONS, Action
from polyterm.console.control import Control
from polyterm.console.files import masked, save
from polyterm.console.latest import EVENTS_KEPT, Latest, Notice, View, frozen
from polyterm.console.memory import Memory
from polyterm.console.picture import self_contained
from polyterm.console.plain import Plain
from polyterm.console.remap import keymap
from polyterm.console.screens.base import ConsoleModal, ConsoleScreen
from polyterm.console.screens.detail import DetailScreen
from polyterm.console.screens.feeds import FeedsScreen
from polyterm.console.screens.help import HelpScreen
from polyterm.console.screens.main import MainScreen
from polyterm.console.screens.palette import PaletteScreen
from polyterm.console.screens.question import Question
from polyterm.console.screens.settings import SettingsScreen
from polyterm.console.steering import Steering
from polyterm.console.theming import Theme, variables
from polyterm.console.view.sheets import as_csv
from polyterm.console.widgets.heatmap import Heatmap
from polyterm.console.widgets.table import Table
from polyterm.console.widgets.themes import ThemeChooser
from polyterm.core.command import Command, CommandKind
from polyterm.core.playback import PlaybackKind
from polyterm.core.query import EventsAnswer, EventsQuery
from polyterm.core.snapshot import SnapshotDelta
from polyterm.errors import LinkError
from polyterm.service.link.port import Connection, ConnectionState, Link

REPAINTS_PER_S: Final = 4
NOTICE_S: Final = 30.0
TOLD_S: Final = 6.0
_STYLES: Final = sorted(Path(__file__).parent.rglob("*.tcss"))


class ConsoleApp(App[None], inherit_bindings=False):
    """A client of one engine, wherever it runs. ``clock`` is machine time in seconds.

    ``themes`` are those that ``t`` offers; ``notices`` are shown at the start; ``quit_note`` says what quitting does to
    the engine; ``memory`` outlives this run, and ``theme_is_set`` where the settings decide the theme of every start.
    ``actions`` are the table of keys, with the operator's own in place; ``folder`` is where exports and pictures go.
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
        actions: Sequence[Action] = ACTIONS,
        folder: Path | None = None,
    ) -> None:
        super().__init__()
        self._link = link
        self._latest = Latest(clock)
        self._control = Control(link, self._latest, clock, self.repaint)
        self._steering = Steering(link, self._latest, clock, self.repaint)
        self._quit_note = quit_note
        self._actions = tuple(actions)
        self.set_keymap(keymap(actions))
        self._folder = folder or Path()
        self._frozen: View | None = None
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
        link.on_snapshot = self._on_snapshot
        link.on_events = self._latest.add
        link.on_connection = self._on_connection

    def get_default_screen(self) -> MainScreen:
        return MainScreen(self._quit_note, touring=not self._memory.now.toured)

    def on_mount(self) -> None:
        self.run_worker(self._run_link(), group="link")
        self.set_interval(1 / REPAINTS_PER_S, self.repaint)
        for notice in self._notices:
            self._warn(notice)
        self.repaint()

    def on_resize(self) -> None:
        self.call_after_refresh(self.repaint)

    @property
    def actions(self) -> tuple[Action, ...]:
        """What there are keys for here and now: those of a recording only where one is played."""
        if self._latest.plays:
            return self._actions
        return tuple(action for action in self._actions if action.scope != "replay")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "playback":
            return self._latest.plays
        return super().check_action(action, parameters)

    def action_playback(self, kind: PlaybackKind) -> None:
        self.run_worker(self._steering.order(kind), group="playback")

    def _on_snapshot(self, delta: SnapshotDelta) -> None:
        if self._latest.merge(delta):
            self.run_worker(self._fetch_events(), group="events", exclusive=True)

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
        """Paint the newest view on every screen that is to be seen: the one on top, and what a question stands over."""
        if not self.is_running:
            return
        view = self._view()
        for screen in reversed(self.screen_stack):
            if isinstance(screen, ConsoleScreen):
                screen.repaint(view)
                screen.repaint_receipt(view)
            if not screen.is_modal:
                return

    def _view(self) -> View:
        """What is shown: the newest, or what was frozen with the newest behind it."""
        newest = self._latest.view()
        return newest if self._frozen is None else frozen(self._frozen, newest)

    def action_kill(self) -> None:
        self._command("kill")

    def action_pause(self) -> None:
        kind = self._control.wanted_by_pause_key()
        if kind is not None:
            self._command(kind)

    def action_resume(self) -> None:
        """After a kill. It opens risk, and so it asks."""
        if self._control.wants_resume() and not isinstance(self.screen, Question):
            self._ask(
                "Resume after a kill?",
                "From then on strategies open positions again, and close those that are left.",
                "resume trading",
                lambda: self._command("resume"),
            )

    def _ask(self, title: str, sentence: str, deed: str, yes: Callable[[], None]) -> None:
        self.push_screen(Question(title, sentence, deed, yes))
        self.call_after_refresh(self.repaint)

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
        status = self._latest.view().status
        live = status is not None and status.mode == "LIVE" and status.open_positions
        if live and not isinstance(self.screen, Question):
            self._ask("Quit?", f"Orders may rest, and {live} positions are open.", "quit", self.exit)
            return
        self.exit()

    def action_freeze(self) -> None:
        """Stop the picture, never the engine."""
        self._frozen = self._latest.view() if self._frozen is None else None
        self.repaint()

    async def action_palette(self) -> None:
        """Every named action that one of what has the focus, its screen or this application can carry out now."""
        if isinstance(self.screen, PaletteScreen):
            self.pop_screen()
            return
        by_binding = {active.binding.id: active.node for active in self.screen.active_bindings.values()}
        offered = [
            (action, by_binding[action.id]) for action in self.actions if action.name and action.id in by_binding
        ]
        await self.push_screen(PaletteScreen(offered))

    async def action_picture(self, mask: bool) -> None:
        picture = self_contained(self.export_screenshot(title="polyterm"))
        await self._save(self._folder / "pictures", "screen", ".svg", masked(picture) if mask else picture)

    def action_copy(self) -> None:
        text = self.focused.copied() if isinstance(self.focused, Table | Heatmap) else ""
        if text:
            self.copy_to_clipboard(text)
        self._say(f"Copied: {text}" if text else "There is no row to copy here.")

    async def action_export(self) -> None:
        sheet = self.focused.sheet(self._view()) if isinstance(self.focused, Table | Heatmap) else None
        if sheet is None or not sheet.rows:
            self._say("There are no rows to export here.")
            return
        await self._save(self._folder / "exports", sheet.name, ".csv", as_csv(sheet), f"{len(sheet.rows)} rows in ")

    async def _save(self, folder: Path, name: str, suffix: str, text: str, what: str = "") -> None:
        try:
            path = await asyncio.to_thread(save, folder, name, suffix, text)
        except OSError as error:
            self._warn(f"It cannot be written to {folder}: {error.strerror or error}.")
            return
        self._say(f"{what or 'Picture in '}{path}")

    def _say(self, sentence: str) -> None:
        self.notify(sentence, timeout=TOLD_S, markup=False)

    def action_choose_theme(self) -> None:
        themes = tuple(self._themes[name] for name in sorted(self._themes))
        self.screen.mount(ThemeChooser(themes, self.theme, self.focused))

    def on_theme_chooser_kept(self, event: ThemeChooser.Kept) -> None:
        self._remember(theme=event.theme)
        if self._theme_is_set and not self._memory.problem:
            self._warn("Kept while this console runs: the settings name a theme, which the next one starts with.")

    def _warn(self, sentence: str) -> None:
        self.notify(sentence, severity="warning", timeout=NOTICE_S, markup=False)

    def _remember(self, *, theme: str | None = None, toured: bool | None = None) -> None:
        self._memory.keep(theme=theme, toured=toured)
        if self._memory.problem:
            self._warn(self._memory.problem)

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [self._plain[self.theme]] if self.no_color else super().get_line_filters()

    def action_help(self) -> None:
        if isinstance(self.screen, HelpScreen):
            self.pop_screen()
        else:
            self.push_screen(HelpScreen(self._quit_note))
        self.call_after_refresh(self.repaint)

    def action_show_strategy(self) -> None:
        from polyterm.console.screens.strategy import StrategyScreen  # noqa: PLC0415 - charts cost the start 0.1 s

        name = self.main.chosen_strategy
        if name is not None:
            self._show(StrategyScreen(self._link.ask, name))

    def action_show_window(self) -> None:
        from polyterm.console.screens.window import WindowScreen  # noqa: PLC0415 - as above

        key = self.main.chosen_window
        if key is not None:
            self._show(WindowScreen(self._link.ask, key))

    def action_show_feeds(self) -> None:
        self._show_or_close(FeedsScreen)

    def action_show_settings(self) -> None:
        self._show_or_close(SettingsScreen)

    def _show_or_close(self, kind: type[FeedsScreen] | type[SettingsScreen]) -> None:
        if isinstance(self.screen, kind):
            self._close()
        else:
            self._show(kind(self._link.ask))

    def _show(self, screen: DetailScreen) -> None:
        """Over the main screen: there is one way back, however many have been looked at."""
        while self.screen is not self.main:
            self.pop_screen()
        self.push_screen(screen)
        self.call_after_refresh(self.repaint)

    def _close(self) -> None:
        self.pop_screen()
        self.call_after_refresh(self.repaint)

    @property
    def main(self) -> MainScreen:
        screen = self.screen_stack[0]
        if not isinstance(screen, MainScreen):
            raise TypeError("the main screen is not at the bottom")
        return screen

    def action_dismiss(self) -> None:
        if isinstance(self.screen, HelpScreen | DetailScreen):
            self._close()
            return
        if isinstance(self.screen, ConsoleModal):
            self._close()
            return
        put_away = self._latest.put_receipt_away() or self._latest.notice is not None or len(self._notifications) > 0
        self.clear_notifications()
        self._latest.notice = None
        if self.main.end_tour():
            self._remember(toured=True)
        elif not put_away:
            self.main.unzoom()
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

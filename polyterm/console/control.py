"""What the operator asks for: commands up the link, and what came of them."""

import getpass
import uuid
from collections.abc import Callable
from typing import Final

from polyterm.console.latest import Latest, Notice
from polyterm.core.command import Ack, Command, CommandKind, TradingState
from polyterm.errors import LinkError
from polyterm.service.link.port import Link

INFO_S: Final = 8.0

_DONE: Final[dict[CommandKind, str]] = {
    "kill": "Killed: no entries, no exits. R resumes, and asks first",
    "pause": "Paused: no entries; exits go on. P resumes",
    "resume": "Resumed: entries are allowed again",
}
_STATE_AFTER: Final[dict[CommandKind, TradingState]] = {"kill": "KILLED", "pause": "PAUSED", "resume": "RUNNING"}


class Control:
    """Sends commands and keeps the operator told. ``repaint`` is called whenever there is something new to tell."""

    def __init__(self, link: Link, latest: Latest, clock: Callable[[], float], repaint: Callable[[], None]) -> None:
        self._link = link
        self._latest = latest
        self._clock = clock
        self._repaint = repaint
        self._actor = operator()
        self._newest = ""

    def wanted_by_pause_key(self) -> CommandKind | None:
        """What P means now; None while a command is on its way, or, with a notice, when P means nothing."""
        if self._latest.sending is not None:
            return None
        match self._latest.view().trading_state:
            case "RUNNING":
                return "pause"
            case "PAUSED":
                return "resume" if self._may_resume() else None
            case "KILLED":
                self._tell("Killed: P does nothing here. R resumes, and asks first", "KILLED")
            case None:
                self._tell("Nothing heard from the engine yet. To pause it: polyterm pause")
        return None

    def wants_resume(self) -> bool:
        """Whether R means something now: the engine is killed, and this console may let it go on. Else a notice."""
        match self._latest.view().trading_state:
            case "KILLED":
                return self._may_resume()
            case "PAUSED":
                self._tell("Paused, not killed: P resumes", "PAUSED")
            case "RUNNING":
                self._tell("Nothing to resume: the engine is running", "RUNNING")
            case None:
                self._tell("Nothing heard from the engine yet. To resume it: polyterm resume")
        return False

    def _may_resume(self) -> bool:
        view = self._latest.view()
        if view.connection.role != "viewer":
            return True
        self._tell("A viewer cannot resume: set POLYTERM_SERVICE__TOKEN and attach", view.trading_state)
        return False

    def start(self, kind: CommandKind) -> Command:
        """The command to send; the screen says at once that it is on its way."""
        command = Command(str(uuid.uuid4()), kind, self._actor, "console")
        self._newest = command.id
        self._latest.sending = kind
        self._latest.notice = None
        if kind == "kill":
            self._latest.kill_asked()
        return command

    async def finish(self, command: Command) -> None:
        """Send it, and say what came of it."""
        try:
            ack = await self._link.send(command)
        except LinkError as error:
            if command.kind == "kill":
                self._latest.kill_in_doubt(f"engine unreachable: {error}")
            self._settle(command, _unreached(command.kind, error))
        else:
            self._latest.acknowledge(ack)
            self._settle(command, self._answered(command.kind, ack))

    def _answered(self, kind: CommandKind, ack: Ack) -> Notice:
        if ack.accepted:
            return Notice(_DONE[kind], "info", self._soon(), true_in=ack.state)
        reason = ack.reason or "the engine gave no reason"
        if kind == "kill" and ack.state == "KILLED":
            return Notice(f"Killed already: {reason}", "info", self._soon(), true_in=ack.state)
        if kind == "kill":
            self._latest.kill_in_doubt(f"refused: {reason}")
        return Notice(f"Refused to {kind}: {reason}", "danger" if kind == "kill" else "warn", None)

    def _settle(self, command: Command, notice: Notice) -> None:
        # An older command's answer must not hide that a newer one is still on its way.
        if command.id == self._newest:
            self._latest.sending = None
        self._say(notice)

    def _tell(self, text: str, true_in: TradingState | None = None) -> None:
        self._say(Notice(text, "warn", self._soon(), true_in=true_in))

    def _say(self, notice: Notice) -> None:
        self._latest.notice = notice
        self._repaint()

    def _soon(self) -> float:
        return self._clock() + INFO_S


def _unreached(kind: CommandKind, error: LinkError) -> Notice:
    # No answer is not the same as not done, so this claims neither.
    text = f"{kind.upper()} NOT CONFIRMED, engine unreachable. Use: polyterm {kind} ({error})"
    return Notice(text, "danger", cleared_by=_STATE_AFTER[kind])


def operator() -> str:
    """The operating system's name of who sits here."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run a user id that has no name
        return "unknown"

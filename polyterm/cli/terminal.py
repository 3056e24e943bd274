"""Whether a console can be shown here."""

import os
import sys

from polyterm.errors import ConfigError


def require_terminal(instead: str) -> None:
    """``instead`` is the command to use where there is none.

    Raises:
        ConfigError: no terminal to read keys from and to paint on, or one that cannot move its cursor.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigError(f"The console needs a terminal: use '{instead}' here.")
    if os.environ.get("TERM") == "dumb":
        raise ConfigError(f"The console cannot be painted on this terminal (TERM=dumb): use '{instead}' here.")

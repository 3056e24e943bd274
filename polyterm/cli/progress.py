"""How far a long run has come, on stderr where somebody is looking."""

import sys
import time
from typing import Final

import click

SHOW_EVERY_S: Final = 0.2
BAR_WIDTH: Final = 24


class Progress:
    """``total`` is what is to be read, in bytes or any other measure; 0 means that nobody knows, and then there is no
    bar and no ETA. ``what`` is counted beside it."""

    def __init__(self, total: float, what: str = "ticks") -> None:
        self._total = total
        self._what = what
        self._read = 0.0
        self._counted = 0
        self._began = time.monotonic()
        self._shown = 0.0
        self._shows = sys.stderr.isatty()

    def read(self, more: float) -> None:
        self._read += more

    def tick(self) -> None:
        """Count one, of very many."""
        self._counted += 1
        if self._counted % 256 == 0:
            self._show()

    def count(self, more: int) -> None:
        self._counted += more
        self._show()

    def _show(self) -> None:
        if not self._shows:
            return
        now = time.monotonic()
        if now - self._shown >= SHOW_EVERY_S:
            self._shown = now
            click.echo(f"\r{self.line(now - self._began)}\x1b[K", err=True, nl=False)

    def line(self, elapsed_s: float) -> str:
        """The bar after ``elapsed_s`` seconds."""
        counted = f"{self._counted:,} {self._what}"
        speed = f"{counted}  {self._counted / elapsed_s:,.0f}/s" if elapsed_s > 0 else counted
        share = min(1.0, self._read / self._total) if self._total else 0.0
        if share <= 0:
            return speed
        filled = round(share * BAR_WIDTH)
        left_s = elapsed_s * (1 - share) / share
        bar = "█" * filled + "·" * (BAR_WIDTH - filled)
        return f"{bar} {share:4.0%}  {speed}  ETA {int(left_s // 60)}:{int(left_s % 60):02d}"

    def done(self) -> None:
        """Leave the line clean for what follows."""
        if self._shows:
            click.echo("\r\x1b[K", err=True, nl=False)

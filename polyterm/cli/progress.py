"""How far a long run has come, on stderr where somebody is looking."""

import sys
import time
from typing import Final

import click

SHOW_EVERY_S: Final = 0.2
BAR_WIDTH: Final = 24


class Progress:
    """``total`` is in bytes to read; 0 means that nobody knows, and then there is no bar and no ETA."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._read = 0
        self._ticks = 0
        self._began = time.monotonic()
        self._shown = 0.0
        self._shows = sys.stderr.isatty()

    def read(self, more: int) -> None:
        self._read += more

    def tick(self) -> None:
        self._ticks += 1
        if not self._shows or self._ticks % 256:
            return
        now = time.monotonic()
        if now - self._shown >= SHOW_EVERY_S:
            self._shown = now
            click.echo(f"\r{self.line(now - self._began)}\x1b[K", err=True, nl=False)

    def line(self, elapsed_s: float) -> str:
        """The bar after ``elapsed_s`` seconds."""
        speed = (
            f"{self._ticks:,} ticks  {self._ticks / elapsed_s:,.0f}/s" if elapsed_s > 0 else f"{self._ticks:,} ticks"
        )
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

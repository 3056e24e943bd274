"""Whether a console delays the engine: how late ticks are made while nobody looks, and while a console is attached.

Run as ``python -m tests.benchmarks.lateness [--seconds 60] [--speed 1]``. Both phases are of one headless demo; the
console stands in a real terminal of 200x50, with a key pressed four times a second. Lateness is the wall time from the
beginning of a tick's second until the tick was made.
"""

import argparse
import os
import sqlite3
import tempfile
import time
from pathlib import Path

from tests.benchmarks.console import DOWN, KEYS_PER_S, POLYTERM, UP, Terminal, demo, say

COLUMNS, LINES = 200, 50
SHARES = (0.5, 0.9, 0.99, 1.0)


def newest_ms(database: Path) -> int:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return int(connection.execute("SELECT coalesce(max(timestamp_ms), 0) FROM ticks").fetchone()[0])


def latenesses(database: Path, after_ms: int, until_ms: int, speed: float) -> list[float]:
    """Milliseconds of wall time, ascending."""
    asked = "SELECT made_ms - timestamp_ms FROM ticks WHERE timestamp_ms > ? AND timestamp_ms <= ?"
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return sorted(late / speed for (late,) in connection.execute(asked, (after_ms, until_ms)))


def report(name: str, values: list[float]) -> None:
    figures = (
        f"p{100 * share:.0f} {values[min(len(values) - 1, int(share * len(values)))]:.1f} ms" for share in SHARES
    )
    say(f"{name}: {len(values)} ticks, " + ", ".join(figures))


def look(environment: dict[str, str], socket: Path, seconds: float) -> None:
    terminal = Terminal([*POLYTERM, "attach", str(socket)], environment, COLUMNS, LINES)
    try:
        until, down = time.monotonic() + seconds, False
        while time.monotonic() < until:
            terminal.drain(1 / KEYS_PER_S)
            down = not down
            terminal.press(DOWN if down else UP)
    finally:
        terminal.close()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--seconds", type=float, default=60.0, help="of each phase")
    arguments.add_argument("--warm-up", type=float, default=20.0)
    arguments.add_argument("--speed", type=float, default=1.0)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="pt-") as folder:
        environment = {
            **os.environ,
            "TMPDIR": folder,
            "POLYTERM_RUNTIME_DIR": f"{folder}/run",
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
        }
        with demo(environment, given.speed):
            while not (sockets := list(Path(folder, "run").glob("*.sock"))):
                time.sleep(0.1)
            time.sleep(given.warm_up)
            (database,) = Path(folder).rglob("*.db")
            began = newest_ms(database)
            time.sleep(given.seconds)
            alone = newest_ms(database)
            look(environment, sockets[0], given.seconds)
            watched = newest_ms(database)
            report("without a console", latenesses(database, began, alone, given.speed))
            report("with a console", latenesses(database, alone, watched, given.speed))


if __name__ == "__main__":
    main()

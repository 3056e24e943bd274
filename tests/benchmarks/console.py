"""What the console costs: a headless demo, and a real terminal of 200x50 in which a console is attached to it.

Run as ``python -m tests.benchmarks.console [--seconds 60] [--size 200x50] [--speed 1]``. It prints the console's
processor time as a share of one core, what it writes to the terminal and reads from the link, its memory, and how long
a keystroke takes: the time from writing ``down`` or ``up`` into the terminal until the leaderboard's cursor has been
painted on its new line. The engine's own processor time is printed beside it; at ``--speed 1`` a market second is a
second, as on the real venues.
"""

import argparse
import contextlib
import fcntl
import os
import pty
import random
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from pathlib import Path

from polyterm.console.theming import choose, find_themes

POLYTERM = (sys.executable, "-m", "polyterm")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
KEYS_PER_S = 4
DOWN, UP = b"\x1b[B", b"\x1b[A"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def processor_s(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def waited_s(pid: int) -> float:
    """How long a process was ready to run and found no free processor."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def memory_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


class Terminal:
    """A child process in a pseudo-terminal, and everything it has written."""

    def __init__(self, command: list[str], environment: dict[str, str], columns: int, lines: int) -> None:
        self.written = 0
        self.pid, self._file = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
            os.execvpe(command[0], command, environment)

    def read(self, timeout_s: float) -> bytes:
        """What comes within the timeout, as soon as anything does."""
        if not select.select([self._file], [], [], max(0.0, timeout_s))[0]:
            return b""
        data = os.read(self._file, 1 << 20)
        self.written += len(data)
        return data

    def drain(self, seconds: float) -> bytes:
        until, out = time.monotonic() + seconds, b""
        while (left := until - time.monotonic()) > 0:
            out += self.read(left)
        return out

    def press(self, key: bytes) -> None:
        os.write(self._file, key)

    def close(self) -> None:
        os.kill(self.pid, signal.SIGTERM)
        with contextlib.suppress(OSError):
            while self.read(5.0):
                pass
        os.waitpid(self.pid, 0)


class CursorWatch:
    """Knows on which line the cursor's colour was painted last. The cursor also moves with its row, by itself."""

    def __init__(self) -> None:
        colour = choose(find_themes(), "dark").roles.cursor
        red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
        self._mark = f"48;2;{red};{green};{blue}".encode()
        self.line = 0

    def see(self, out: bytes) -> None:
        line = 0
        for part in re.split(rb"\x1b\[(?=\d+;\d+H)", out):
            place = re.match(rb"(\d+);(\d+)H", part)
            line = int(place[1]) if place else line
            if line and self._mark in part:
                self.line = line


def keystroke_s(terminal: Terminal, watch: CursorWatch, key: bytes) -> float | None:
    """Until the cursor stands on another line; None if it has not after a second."""
    before, pressed, out = watch.line, time.perf_counter(), b""
    terminal.press(key)
    while (waited := time.perf_counter() - pressed) < 1.0:
        out += terminal.read(1.0 - waited)
        watch.see(out)
        if watch.line != before:
            return time.perf_counter() - pressed
    return None


@contextlib.contextmanager
def demo(environment: dict[str, str], speed: float) -> Iterator[subprocess.Popen[bytes]]:
    command = [*POLYTERM, "--demo", "--headless", "--demo-speed", f"{speed:g}", "--seed", "7"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def measure(terminal: Terminal, engine: int, seconds: float) -> None:
    watch, rng, missed = CursorWatch(), random.Random(3), 0
    latencies: list[float] = []
    undisturbed: list[float] = []
    for _ in range(8):  # away from the edges
        terminal.press(DOWN)
        watch.see(terminal.drain(0.2))
    began, spent, engine_spent = time.monotonic(), processor_s(terminal.pid), processor_s(engine)
    written, memory = terminal.written, memory_mb(terminal.pid)
    down = False
    while time.monotonic() - began < seconds:
        watch.see(terminal.drain(rng.uniform(0.5, 1.5) / KEYS_PER_S))
        down = not down
        waited = waited_s(terminal.pid)
        found = keystroke_s(terminal, watch, DOWN if down else UP)
        if found is None:
            missed += 1
            continue
        latencies.append(found * 1000)
        undisturbed.append(max(0.0, found - (waited_s(terminal.pid) - waited)) * 1000)
    elapsed = time.monotonic() - began
    if not latencies:
        raise SystemExit("no keystroke was seen to move the cursor")
    say(f"console: {100 * (processor_s(terminal.pid) - spent) / elapsed:.1f} % of a core over {elapsed:.0f} s")
    say(f"engine and simulator: {100 * (processor_s(engine) - engine_spent) / elapsed:.1f} % of a core")
    say(f"to the terminal: {(terminal.written - written) / elapsed / 1024:.1f} KiB/s")
    say(f"memory: {memory:.0f} MiB, {memory_mb(terminal.pid) - memory:+.1f} MiB since")
    say(f"{len(latencies)} keystrokes to repaint, {missed} more not seen: {percentiles(latencies)}")
    say(f"the same without waiting for a processor that others kept busy: {percentiles(undisturbed)}")


def percentiles(values: list[float]) -> str:
    ordered = sorted(values)
    return ", ".join(f"p{100 * share:.0f} {ordered[int(share * len(ordered))]:.1f} ms" for share in (0.5, 0.9, 0.99))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--seconds", type=float, default=60.0)
    arguments.add_argument("--warm-up", type=float, default=30.0, help="seconds of trading before it is measured")
    arguments.add_argument("--size", default="200x50")
    arguments.add_argument("--speed", type=float, default=15.0)
    given = arguments.parse_args()
    columns, lines = map(int, given.size.split("x"))
    with tempfile.TemporaryDirectory(prefix="pt-") as folder:
        environment = {
            **os.environ,
            "POLYTERM_DATA_DIR": f"{folder}/data",
            "POLYTERM_RUNTIME_DIR": f"{folder}/run",
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
        }
        with demo(environment, given.speed) as engine:
            sockets = Path(folder, "run")
            while not (found := list(sockets.glob("*.sock"))):
                time.sleep(0.1)
            began = time.monotonic()
            terminal = Terminal([*POLYTERM, "attach", str(found[0])], environment, columns, lines)
            out = b""
            while b"Leaderboard" not in out:
                out += terminal.read(1.0)
            say(f"start to first paint: {time.monotonic() - began:.2f} s")
            try:
                terminal.drain(given.warm_up)
                measure(terminal, engine.pid, given.seconds)
            finally:
                terminal.close()


if __name__ == "__main__":
    main()

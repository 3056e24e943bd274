"""Files that the operator asked for: pictures and exports, each under a name of its own."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

# Amounts have a dollar sign, or a sign and no unit; also those that something stands in front of.
_DOLLARS: Final = re.compile(r"-?\$[\d,]+(?:\.\d+)?|(?<!\w)[+-][\d,]*\d(?:\.\d*)?(?![\d.%¢b])")
_TEXT: Final = re.compile(r">([^<>]+)</text>")
MASK: Final = "•"


def save(folder: Path, name: str, suffix: str, text: str, now: datetime | None = None) -> Path:
    """Write ``text`` to ``folder/polyterm-<name>-<UTC time><suffix>``; another file of that name is never replaced.

    Raises:
        OSError: the file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stamp = (now or datetime.now(UTC)).strftime("%Y%m%d-%H%M%S")
    for copy in range(1, 1000):
        path = folder / f"polyterm-{name}-{stamp}{f'-{copy}' if copy > 1 else ''}{suffix}"
        try:
            with path.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
        except FileExistsError:
            continue
        return path
    raise FileExistsError(f"{folder} is full of pictures of this second")


def masked(svg: str) -> str:
    """The picture with every amount of dollars blotted out: ``$217.00``, and ``+61.15`` or ``-51`` as P&L is."""
    return _TEXT.sub(lambda text: f">{_DOLLARS.sub(_blot, text[1])}</text>", svg)


def _blot(amount: re.Match[str]) -> str:
    return re.sub(r"[\d+,.-]", MASK, amount[0])

"""Draws the pictures of README anew: ``make pictures``, or ``python -m tests.console.pictures [FOLDER]``.

The console shows made-up figures (``showcase``) at a time that stands still: the same code draws the same files.
"""

import asyncio
import re
import sys
from pathlib import Path
from typing import Final

import msgspec
from textual.pilot import Pilot

from polyterm.console.app import ConsoleApp
from polyterm.console.picture import self_contained
from polyterm.console.theming import choose, find_themes
from polyterm.core.snapshot import SnapshotDelta
from tests.console import detail_scenes, scenes
from tests.console.links import CONNECTED, MemoryLink
from tests.console.showcase import EVENTS, SHOWCASE

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs"


KILLED: Final = scenes.with_status(SHOWCASE, trading_state="KILLED", trading_reason="maria, console")


class Picture(msgspec.Struct, frozen=True):
    name: str
    shows: SnapshotDelta
    size: tuple[int, int]
    keys: tuple[str, ...] = ()
    theme: str = "dark"


PICTURES: Final = (
    Picture("main-120x36", SHOWCASE, (120, 36)),
    Picture("main-200x50", SHOWCASE, (200, 50)),
    Picture("conflicts", SHOWCASE, (120, 36), ("3", "z", *["down"] * 11, *["right"] * 2)),
    Picture("strategy", scenes.FULL, (120, 36), ("enter",)),
    Picture("killed-80x24", KILLED, (80, 24)),
    Picture("colour-blind-80x24", SHOWCASE, (80, 24), theme="colour-blind"),
)


async def drawn(picture: Picture) -> str:
    found = find_themes()
    link = MemoryLink(CONNECTED, picture.shows, events=EVENTS)
    link.told = detail_scenes.told
    theme = choose(found, picture.theme)
    app = ConsoleApp(link, theme=theme, themes=found.themes, clock=lambda: 100.0, quit_note="quitting stops the engine")
    async with app.run_test(size=picture.size) as pilot:
        for keys in ((), picture.keys):
            await pilot.press(*keys)
            await _settled(pilot)
        return slim(self_contained(app.export_screenshot(title="polyterm")))


async def _settled(pilot: Pilot[None]) -> None:
    """What was asked is answered and painted; a pane knows its size only once it has been placed."""
    for _ in range(2):
        for worker in [each for each in pilot.app.workers if each.group in {"questions", "window"}]:
            await worker.wait()
        await pilot.pause()
        pilot.app.repaint()
    await pilot.pause()


def slim(svg: str) -> str:
    """What the exporter says of every piece of text and never of use here, said once or not at all."""
    svg = re.sub(r'\s*<clipPath id="[^"]*-line-\d+">.*?</clipPath>', "", svg, flags=re.DOTALL)
    svg = re.sub(r' clip-path="url\(#[^)]*-line-\d+\)"', "", svg)
    svg = svg.replace(' shape-rendering="crispEdges"', "")
    identity = re.search(r"\.(terminal[\w-]*)-matrix", svg)
    if identity is not None:
        svg = svg.replace(identity[1], "t")
    svg = svg.replace("</style>", "    rect { shape-rendering: crispEdges }\n    </style>", 1)
    return "\n".join(line.strip() for line in svg.splitlines() if line.strip()) + "\n"


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(exist_ok=True)
    for picture in PICTURES:
        file = folder / f"{picture.name}.svg"
        file.write_text(asyncio.run(drawn(picture)), encoding="utf-8")
        print(f"{file}: {file.stat().st_size:,} bytes")  # noqa: T201


if __name__ == "__main__":
    main()

"""The pictures of README: all there, none forgotten, small, and needing nothing from elsewhere."""

import re
from pathlib import Path

import pytest

from polyterm.console.picture import self_contained
from tests.console.pictures import FOLDER, PICTURES, drawn

README = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
FILES = sorted(FOLDER.glob("*.svg"))


def test_readme_shows_every_picture_that_the_script_draws() -> None:
    drawn_names = sorted(f"docs/{picture.name}.svg" for picture in PICTURES)
    assert sorted(re.findall(r"\((docs/[^)]+\.svg)\)", README)) == drawn_names
    assert [f"docs/{file.name}" for file in FILES] == drawn_names


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_picture_is_small_and_fetches_nothing(file: Path) -> None:
    svg = file.read_text(encoding="utf-8")
    assert len(svg.encode()) < 150_000
    assert re.findall(r"(?:https?:)?//[^\"' )]+", svg) == ["http://www.w3.org/2000/svg"]
    assert "KILL" in svg


async def test_the_script_draws_the_same_picture_twice() -> None:
    smallest = min(PICTURES, key=lambda picture: picture.size)
    assert await drawn(smallest) == await drawn(smallest)


def test_what_the_exporter_would_fetch_is_left_out() -> None:
    face = '@font-face {\n  src: url("https://b.test/x");\n}'
    svg = f"<svg>\n<!-- Made by https://a.test -->\n<style>\n{face}\n.a {{ fill: #fff }}</style></svg>"
    assert self_contained(svg) == "<svg>\n<style>\n.a { fill: #fff }</style></svg>"

from pathlib import Path

import pytest

from polyterm.console.theming import Roles, choose, find_themes, legible, shipped_folder, variables
from polyterm.errors import ConfigError

DARK = (shipped_folder() / "dark.toml").read_text(encoding="utf-8")


def folder_with(tmp_path: Path, **files: str) -> Path:
    folder = tmp_path / "themes"
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder


def test_dark_and_light_come_with_polyterm() -> None:
    found = find_themes()
    assert {"dark", "light"} <= {theme.name for theme in found.themes}
    assert found.problems == {}
    assert choose(found, "dark").dark
    assert not choose(found, "light").dark


def test_every_role_reaches_the_style_sheet() -> None:
    names = variables(choose(find_themes(), "dark"))
    for role in Roles.__struct_fields__:
        assert role == "heat" or role in names
    assert {"heat-0", "heat-4", "on-danger", "on-heat-4"} <= set(names)


def test_a_users_theme_is_found_and_replaces_one_of_the_same_name(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, sea=DARK, dark=DARK.replace("#10141b", "#000000"))
    found = find_themes(folder)
    assert choose(found, "sea").name == "sea"
    assert choose(found, "dark").roles.background == "#000000"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (DARK.replace('up = "#3fcf8e"\n', ""), ("roles.up", "add a colour")),
        (DARK.replace("#3fcf8e", "green"), ("roles.up", "#rrggbb")),
        (DARK + 'upp = "#ffffff"\n', ("roles.upp", "did you mean 'up'?")),
        (DARK.replace("[roles]", "[colours]"), ("colours",)),
        (DARK.replace('"#2f3552", ', ""), ("roles.heat", "5 colours")),
        (DARK.replace("dark = true", 'dark = "yes"'), ("dark", "true or false")),
        ("dark = ", ("not valid TOML",)),
        ("", ("[roles]",)),
    ],
)
def test_a_broken_file_is_one_sentence_and_falls_back_to_dark(
    tmp_path: Path, text: str, words: tuple[str, ...]
) -> None:
    found = find_themes(folder_with(tmp_path, mine=text))
    assert choose(found, "mine").name == "dark"
    sentence = found.problems["mine"]
    assert str(tmp_path / "themes" / "mine.toml") in sentence
    assert all(word in sentence for word in words)
    assert sentence.endswith((".", "?"))
    assert "\n" not in sentence


def test_a_file_that_is_not_text_is_a_notice(tmp_path: Path) -> None:
    folder = folder_with(tmp_path)
    (folder / "mine.toml").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in find_themes(folder).problems["mine"]


def test_a_users_broken_dark_leaves_the_shipped_one(tmp_path: Path) -> None:
    found = find_themes(folder_with(tmp_path, dark="nonsense"))
    assert choose(found, "dark").roles.background == "#10141b"
    assert "dark.toml" in found.problems["dark"]


def test_an_unknown_name_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no theme 'drak': did you mean 'dark'"):
        choose(find_themes(), "drak")
    with pytest.raises(ConfigError, match="there are dark, light"):
        choose(find_themes(), "zzz")


def test_without_a_usable_fallback_there_is_no_console(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="install polyterm again"):
        find_themes(shipped=folder_with(tmp_path))


@pytest.mark.parametrize(("colour", "text"), [("#ffffff", "#000000"), ("#000000", "#ffffff"), ("#bd1a26", "#ffffff")])
def test_text_on_a_colour_is_whichever_of_black_and_white_contrasts(colour: str, text: str) -> None:
    assert legible(colour) == text


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", ["dark", "light"])
def test_shipped_themes_are_legible(name: str) -> None:
    roles = choose(find_themes(), name).roles
    for role in ("text", "up", "down", "warn", "accent", "flat", "muted"):
        for ground in (roles.background, roles.panel):
            assert contrast(getattr(roles, role), ground) >= 4.5, (role, ground)
    assert contrast(roles.danger, roles.background) >= 4.0
    assert contrast(roles.stale, roles.background) >= 3.0

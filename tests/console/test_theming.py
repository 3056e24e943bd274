from itertools import pairwise
from pathlib import Path

import pytest

from polyterm.console.theming import Roles, choose, find_themes, legible, shipped_folder, variables
from polyterm.errors import ConfigError
from tests.console.colours import contrast, difference, luminance

DARK = (shipped_folder() / "dark.toml").read_text(encoding="utf-8")


def folder_with(tmp_path: Path, **files: str) -> Path:
    folder = tmp_path / "themes"
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder


def test_five_themes_come_with_polyterm() -> None:
    found = find_themes()
    assert [theme.name for theme in found.themes] == ["colour-blind", "dark", "high-contrast", "light", "mono"]
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
    with pytest.raises(ConfigError, match="there are colour-blind, dark, high-contrast, light, mono"):
        choose(find_themes(), "zzz")


def test_without_a_usable_fallback_there_is_no_console(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="install polyterm again"):
        find_themes(shipped=folder_with(tmp_path))


@pytest.mark.parametrize(("colour", "text"), [("#ffffff", "#000000"), ("#000000", "#ffffff"), ("#bd1a26", "#ffffff")])
def test_text_on_a_colour_is_whichever_of_black_and_white_contrasts(colour: str, text: str) -> None:
    assert legible(colour) == text


SHIPPED = ("colour-blind", "dark", "high-contrast", "light", "mono")
INKS = ("text", "muted", "accent", "up", "down", "flat", "stale", "warn", "danger")
NEEDED = {name: 7.0 if name == "high-contrast" else 4.5 for name in SHIPPED}


@pytest.mark.parametrize("name", SHIPPED)
def test_every_text_is_legible_on_everything_it_stands_on(name: str) -> None:
    roles = choose(find_themes(), name).roles
    for ink in INKS:
        for ground in ("background", "panel", "cursor"):
            assert contrast(getattr(roles, ink), getattr(roles, ground)) >= NEEDED[name], (ink, ground)
    assert contrast(roles.heat[4], roles.background) >= 4.5  # glyphs of the narrow heatmap
    assert contrast(roles.background, roles.stale) >= NEEDED[name]  # the badge of an engine that is gone


@pytest.mark.parametrize("name", SHIPPED)
def test_text_upon_a_roles_colour_is_legible(name: str) -> None:
    """Badges, bars and the heatmap's cells."""
    theme = choose(find_themes(), name)
    colours = variables(theme)
    for ground in ("accent", "up", "warn", "danger", *(f"heat-{step}" for step in range(5))):
        assert contrast(colours[f"on-{ground}"], colours[ground]) >= NEEDED[name], ground


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_stale_is_dimmer_than_what_is_not(name: str) -> None:
    roles = choose(find_themes(), name).roles
    brightness = [contrast(getattr(roles, ink), roles.background) for ink in ("stale", "muted", "text")]
    assert brightness == sorted(brightness)


@pytest.mark.parametrize("name", SHIPPED)
def test_heat_is_a_ramp_of_lightness_so_that_it_works_without_colour(name: str) -> None:
    ramp = [luminance(colour) for colour in choose(find_themes(), name).roles.heat]
    assert ramp in (sorted(ramp), sorted(ramp, reverse=True))


@pytest.mark.parametrize("vision", ["protanopia", "deuteranopia"])
def test_the_colour_blind_theme_is_told_apart_by_those_it_is_for(vision: str) -> None:
    roles = choose(find_themes(), "colour-blind").roles
    assert difference(roles.up, roles.down, vision) >= 60  # as far as orange from blue; of dark it is 2 to 30
    assert difference(roles.warn, roles.danger, vision) >= 40  # paused and killed
    for cooler, warmer in pairwise(roles.heat):
        assert difference(cooler, warmer, vision) >= 15


def test_mono_has_no_colour() -> None:
    roles = choose(find_themes(), "mono").roles
    colours = [getattr(roles, name) for name in Roles.__struct_fields__ if name != "heat"]
    assert all(colour[1:3] == colour[3:5] == colour[5:7] for colour in (*colours, *roles.heat))


@pytest.mark.parametrize("vision", ["protanopia", "deuteranopia"])
def test_simulated_blindness_keeps_greys_and_yellow_against_blue_and_loses_red_against_green(vision: str) -> None:
    assert difference("#000000", "#ffffff", vision) == pytest.approx(100, abs=0.1)
    assert difference("#0000ff", "#ffff00", vision) > 100
    assert difference("#d04040", "#5f9f30", vision) < difference("#4070d0", "#d09030", vision) / 2

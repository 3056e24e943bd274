"""The screens that show one thing in full, as their operator uses them."""

from collections.abc import Callable

import msgspec
import pytest
from textual.pilot import Pilot

from polyterm.console.app import ConsoleApp
from polyterm.console.detail_layout import PAGES, Placed, arrange_strategy, arrange_table, arrange_window
from polyterm.console.latest import View
from polyterm.console.layout import fit
from polyterm.console.screens.detail import DetailScreen
from polyterm.console.screens.main import MainScreen
from polyterm.console.screens.strategy import StrategyScreen
from polyterm.console.screens.window import WindowScreen
from polyterm.console.view.plot import Curve, ticks, y_range
from polyterm.console.view.strategy import TRADE_COLUMNS, trade_rows
from polyterm.console.view.why import number
from polyterm.console.widgets.table import Table
from polyterm.core.query import Answer, Failed, Query, StrategyQuery, TradesAnswer, TradesQuery, WhyQuery, WindowQuery
from polyterm.core.snapshot import SnapshotDelta
from tests.console import detail_scenes, scenes
from tests.console.links import CONNECTED, MemoryLink, obedient
from tests.waiting import eventually

Build = Callable[..., ConsoleApp]

OPENING = {"strategy": ("enter",), "window": ("shift+tab", "enter"), "feeds": ("F",), "settings": ("comma",)}


def told_by(answer: Callable[[Query], Answer] = detail_scenes.told) -> MemoryLink:
    link = MemoryLink(CONNECTED, msgspec.structs.replace(scenes.FULL, feeds=detail_scenes.TROUBLED))
    link.told = answer
    link.reply = obedient
    return link


def words(app: ConsoleApp, selector: str) -> str:
    widget = app.screen.query_one(selector)
    return "\n".join(widget.render_line(y).text for y in range(widget.size.height))


async def painted(pilot: Pilot[None]) -> None:
    for _ in range(2):
        for worker in [each for each in pilot.app.workers if each.group in {"questions", "window", "older"}]:
            await worker.wait()
        await pilot.pause()
        pilot.app.repaint()
    await pilot.pause()


async def opened(pilot: Pilot[None], screen: str) -> None:
    await painted(pilot)
    await pilot.press(*OPENING[screen])
    await painted(pilot)
    assert isinstance(pilot.app.screen, DetailScreen)


async def test_kill_and_pause_act_on_each_screen_and_escape_goes_back(console: Build) -> None:
    link = told_by()
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        for screen in OPENING:
            link.commands.clear()
            link.on_snapshot(SnapshotDelta(status=scenes.STATUS))
            await opened(pilot, screen)
            assert "RUNNING" in words(app, "#status")
            await pilot.press("P")
            await eventually(lambda: "PAUSED" in words(app, "#status"))
            await pilot.press("K")
            await eventually(lambda: "KILLED" in words(app, "#status"))
            assert [command.kind for command in link.commands] == ["pause", "kill"]
            while not isinstance(app.screen, MainScreen):  # the receipt goes first, then the screen
                await pilot.press("escape")
                await pilot.pause()
            await pilot.press("2")


async def test_each_screen_leads_back_to_the_main_one(console: Build) -> None:
    app = console(told_by())
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, "strategy")
        await pilot.press("F", "comma", "question_mark")
        await pilot.press("escape")
        assert isinstance(app.screen, DetailScreen)
        await pilot.press("comma")
        assert isinstance(app.screen, MainScreen)


async def test_two_clicks_on_a_row_open_it(console: Build) -> None:
    app = console(told_by())
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        await pilot.click("#leaderboard", offset=(3, 2), times=2)
        await painted(pilot)
        assert isinstance(app.screen, StrategyScreen)
        assert app.screen.strategy == "SpotLag_Confirmed"
        await pilot.press("escape")
        await painted(pilot)
        await pilot.click("#ticks", offset=(3, 2), times=2)
        await painted(pilot)
        assert isinstance(app.screen, WindowScreen)
        assert app.screen.key == scenes.KEYS["eth"]


async def test_a_strategy_says_why_it_waits(console: Build) -> None:
    link = told_by()
    app = console(link)
    async with app.run_test(size=(200, 50)) as pilot:
        await opened(pilot, "strategy")
        assert {query.coin for query in link.questions if isinstance(query, WhyQuery)} == {"btc", "eth", "sol", "xrp"}
        why = words(app, "#why")
        assert "BTC  It holds up and keeps it." in why
        shut = next(line for line in why.splitlines() if "✗ |mid change 4 s|" in line)
        assert shut.split()[-3:] == ["0.41", "0.3", "-0.11"]
        rule = words(app, "#rule")
        assert "lookback_ticks = 5 ticks (at least 2 and at most 121)" in rule
        assert "+52.15" in words(app, "#coins")
        assert "9–10" in words(app, "#minutes")
        assert words(app, "#trades").splitlines()[1].split()[:2] == ["14:22:09", "ETH"]


async def test_gates_follow_the_ticks_and_the_record_follows_the_trades(console: Build) -> None:
    link = told_by()
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, "strategy")
        screen = app.screen
        assert isinstance(screen, StrategyScreen)

        def asked(kind: type) -> int:
            return sum(isinstance(query, kind) for query in link.questions)

        before = asked(WhyQuery), asked(StrategyQuery)
        screen.ask_again()
        await painted(pilot)
        assert (asked(WhyQuery), asked(StrategyQuery)) == (before[0] + 4, before[1])
        rows = tuple(msgspec.structs.replace(row, trades=row.trades + 1) for row in scenes.LEADERBOARD.rows)
        link.on_snapshot(SnapshotDelta(leaderboard=msgspec.structs.replace(scenes.LEADERBOARD, version=2, rows=rows)))
        await painted(pilot)
        screen.ask_again()
        await painted(pilot)
        assert asked(StrategyQuery) == before[1] + 1
        await pilot.press(">")
        await painted(pilot)
        assert link.questions[-2] == StrategyQuery("SpotLag_Fast", "week")


async def test_older_trades_come_as_the_cursor_goes_down(console: Build) -> None:
    every = tuple(detail_scenes.trade(number, 1.0) for number in range(230))

    def many(query: Query) -> Answer:
        if isinstance(query, TradesQuery):
            return TradesAnswer(every[query.offset : query.offset + query.limit], (), 8)
        return detail_scenes.told(query)

    link = told_by(many)
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, "strategy")
        await pilot.press("]", "]", "]")
        await painted(pilot)
        trades = app.screen.query_one("#trades", Table)
        assert trades.rows_below_cursor == 99
        for expected in (100, 30, 0):
            await pilot.press("end")
            await painted(pilot)
            assert trades.rows_below_cursor == expected


async def test_pages_turn_round_and_keep_the_focus_on_what_is_there(console: Build) -> None:
    app = console(told_by())
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, "strategy")
        seen = []
        for _ in range(4):
            assert app.focused is not None
            seen.append(app.focused.id)
            await pilot.press("]")
            await painted(pilot)
        assert seen == ["coins", "why", "rule", "trades"]
        await pilot.press("tab")
        assert app.focused is not None
        assert app.focused.id == "minutes"


async def test_without_a_database_the_rule_is_told_all_the_same(console: Build) -> None:
    def mute(query: Query) -> Answer:
        if isinstance(query, StrategyQuery):
            return detail_scenes.strategy(query.strategy, None, "The database did not answer within 4 s.")
        if isinstance(query, TradesQuery):
            return Failed("The database did not answer within 4 s.")
        return detail_scenes.told(query)

    app = console(told_by(mute))
    async with app.run_test(size=(120, 36)) as pilot:
        await opened(pilot, "strategy")
        assert "The database did not answer within 4 s." in words(app, "#head")
        assert "Buys the side of a move of spot" in words(app, "#rule")


async def test_the_last_windows_can_be_chosen(console: Build) -> None:
    link = told_by()
    app = console(link)
    async with app.run_test(size=(120, 36)) as pilot:
        await opened(pilot, "window")
        assert "BTC 15m 14:15–14:30 UTC" in words(app, "#head")
        assert "1 gap:  ticks 72 s (the engine was late)" in words(app, "#head")
        assert "open: spot_" in words(app, "#trades")
        await pilot.press("down")
        await painted(pilot)
        assert "▲ up won  by gamma, grade official  final 97,016.6 ▲ +0.079%  known 41s after its end" in words(
            app, "#head"
        )
        screen = app.screen
        assert isinstance(screen, WindowScreen)
        for _ in range(2):  # a window that is over is asked for once
            screen.ask_again()
            await painted(pilot)
        assert link.questions.count(WindowQuery(detail_scenes.BEFORE)) == 1
        await pilot.press("]")
        await painted(pilot)
        assert "ETH 15m 14:00–14:15 UTC" in words(app, "#head")
        await pilot.press("[")
        await painted(pilot)
        assert "BTC 15m 14:00–14:15 UTC" in words(app, "#head")


async def test_a_terminal_that_is_too_small_says_so_and_comes_back(console: Build) -> None:
    app = console(told_by())
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, "strategy")
        await pilot.resize_terminal(60, 18)
        await painted(pilot)
        assert "polyterm needs 80×24" in words(app, "#too-small")
        await pilot.resize_terminal(120, 36)
        await painted(pilot)
        assert "BTC  It holds up and keeps it." in words(app, "#why")
        assert app.focused is not None


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50), (300, 80), (119, 60), (160, 35)])
def test_panes_cover_the_screen_without_overlap(size: tuple[int, int]) -> None:
    width, height = size
    arranged: list[Placed | None] = [arrange_strategy(width, height, page) for page in PAGES]
    for placed in (*arranged, arrange_window(width, height), arrange_table(width, height)):
        assert placed is not None
        cells = [
            (x, y)
            for place in placed.places.values()
            for x in range(place.x, place.x + place.width)
            for y in range(place.y, place.y + place.height)
        ]
        assert len(cells) == len(set(cells))
        assert max(x for x, _ in cells) == width - 1
        assert {y for _, y in cells} == set(range(height))
        assert (
            min(place.height for name, place in placed.places.items() if name not in {"head", "footer", "status"}) >= 5
        )
    assert arrange_strategy(79, 24) is None


def test_a_trade_of_another_day_has_its_date() -> None:
    view = View(now=0.0, connection=CONNECTED, market_ms=scenes.NOW_MS)
    columns = fit(TRADE_COLUMNS, 78)
    old = msgspec.structs.replace(detail_scenes.TRADES[0], exit_ms=scenes.NOW_MS - 86_400_000)
    new, dated = trade_rows((detail_scenes.TRADES[0], old), view, columns)
    assert new.cells[0].text.strip() == "14:22:09"
    assert dated.cells[0].text.strip() == "21 Nov"


def test_a_curve_is_broken_where_something_is_missing() -> None:
    curve = Curve(((0, 1.0), (1, 2.0), (2, None), (3, 4.0), (9, 5.0), (10, 6.0)), "accent", gap=3)
    assert curve.stretches() == [[(0, 1.0), (1, 2.0)], [(3, 4.0)], [(9, 5.0), (10, 6.0)]]


def test_ticks_are_round_and_few() -> None:
    assert [label for _, label in ticks(-14.0, 88.0, 6, "{:g}".format)] == ["0", "20", "40", "60", "80"]
    assert [value for value, _ in ticks(96_960.0, 97_160.0, 4, str)] == [97_000.0, 97_050.0, 97_100.0, 97_150.0]
    assert ticks(1.0, 1.0, 5, str) == ()
    assert y_range([None, 5.0], 1.0) == (4.5, 5.5)
    assert y_range([None], 1.0) == (0.0, 1.0)


def test_figures_of_gates_fit_their_column() -> None:
    assert [number(value) for value in (None, 0.0, 331.0, 97_016.6, 0.00034, -2e-7, -0.4246)] == [
        "–", "0", "331", "97,016.6", "0.00034", "-2.0e-07", "-0.4246",
    ]  # fmt: skip

"""The figures as text: what a trader reads, without any widget."""

import msgspec
import pytest

from polyterm.console.latest import Latest, View
from polyterm.console.layout import fit
from polyterm.console.notes import Note
from polyterm.console.view import conflicts as heat
from polyterm.console.view import events, leaderboard, luck, positions, ticks
from polyterm.console.view.cells import Cell, Line, Row, cut, length, short_name, sized
from polyterm.console.view.events import sentence
from polyterm.console.view.feeds import feed_strip
from polyterm.console.view.figures import age, bar, countdown, distance, elapsed, money, price, probability, sparkline
from polyterm.console.view.status import status_bar
from polyterm.core.event import CommandRefused, StrategyDisabled
from polyterm.core.market import MarketKey
from polyterm.core.snapshot import (
    Camp,
    ConflictPair,
    Conflicts,
    Feeds,
    Leaderboard,
    Lineup,
    Positions,
    SnapshotDelta,
    Tally,
    Ticks,
)
from polyterm.service.link.port import Connection
from polyterm.strategies.registry import REGISTRY
from tests.console import scenes
from tests.console.links import CONNECTED

DISCONNECTED = Connection("disconnected", "unix:/x.sock", "no engine is listening", retry_in_s=2.0)


def view_of(delta: SnapshotDelta, connection: Connection = CONNECTED) -> View:
    latest = Latest(lambda: 100.0)
    latest.connect(connection)
    latest.merge(delta)
    return latest.view()


def text(line: Line) -> str:
    return "".join(cell.text for cell in line)


def row_text(row: Row) -> str:
    return text(row.cells)


@pytest.mark.parametrize(
    ("dollars", "cell"),
    [
        (12.345, Cell("+12.35", "up")),
        (-3.2, Cell("-3.20", "down")),
        (0.0, Cell("0.00", "flat")),
        (0.004, Cell("0.00", "flat")),
        (-0.004, Cell("0.00", "flat")),
        (-1234.5, Cell("-1,234.50", "down")),
        (None, Cell("–", "muted")),
    ],
)
def test_money_has_a_sign_and_zero_is_neutral(dollars: float | None, cell: Cell) -> None:
    assert money(dollars) == cell


@pytest.mark.parametrize(
    ("relative", "cell"),
    [
        (0.00123, Cell("▲ +0.123%", "up")),
        (-0.02, Cell("▼ -2.000%", "down")),
        (0.000001, Cell("• 0.000%", "flat")),
        (None, Cell("–", "muted")),
    ],
)
def test_distance_has_sign_and_glyph(relative: float | None, cell: Cell) -> None:
    assert distance(relative) == cell


def test_prices_keep_the_decimals_that_matter() -> None:
    assert [price(value) for value in (117_123.44, 3_412.55, 142.307, 2.12341, None)] == [
        "117,123.4",
        "3,412.55",
        "142.31",
        "2.1234",
        "–",
    ]
    assert [probability(value) for value in (0.62, 0.405, 1.0, 0.0, None)] == ["0.62", "0.405", "1.00", "0.00", "–"]


def test_times() -> None:
    assert [age(seconds) for seconds in (0.24, 9.94, 9.96, 99.0, 190.0, 7200.0, None)] == [
        "0.2s",
        "9.9s",
        "10s",
        "99s",
        "3m",
        "2h",
        "–",
    ]
    assert [elapsed(seconds) for seconds in (0, 41, 99, 610, -3)] == ["0s", "41s", "99s", "10m", "0s"]
    assert [countdown(seconds) for seconds in (451.0, 59.9, 0.0, -4.0, 14_399.0)] == [
        "07:31",
        "00:59",
        "00:00",
        "00:00",
        "3:59:59",
    ]


def test_bar_and_sparkline() -> None:
    assert bar(0.5, 4) == "██··"
    assert bar(0.5 + 1 / 64, 8) == "████▏···"
    assert bar(2.0, 3) == "███"
    assert bar(-1.0, 3) == "···"
    assert sparkline((1.0, 2.0, 3.0), 3) == "▁▅█"
    assert sparkline((1.0, None, 2.0), 3) == "▁·█"
    assert sparkline((5.0, 5.0), 8) == "▄▄"
    assert sparkline((None, None), 4) == "··"
    assert sparkline((), 4) == ""
    assert sparkline((1.0, 9.0, 2.0, 3.0), 2) == "█▁"  # the last of each half: 9 and 3


def test_nothing_that_could_drive_the_terminal_is_let_through() -> None:
    assert sized("a\x1b[31mb", 10) == "a [31mb   "
    assert cut((Cell("line\nbreak"),), 20) == (Cell("line break"),)


def test_what_does_not_fit_ends_in_an_ellipsis() -> None:
    assert sized("Endgame_Conservative", 10) == "Endgame_C…"
    assert sized("日本語", 5) == "日本…"
    assert sized("ab", 0) == ""
    assert text(cut((Cell("abc"), Cell("defg")), 5)) == "abcd…"


def tick_line(coin: str, width: int = 199, connection: Connection = CONNECTED, **changes: object) -> str:
    delta = msgspec.structs.replace(scenes.FULL, ticks=Ticks(1, (scenes.tick_row(coin, **changes),)))
    (row,) = ticks.tick_rows(view_of(delta, connection), fit(ticks.COLUMNS, width))
    return row_text(row)


def test_a_tick_shows_its_market() -> None:
    words = tick_line("btc").split()
    for word in (
        "BTC",
        "97,123.4",
        "97,016.6",
        "▲",
        "+0.090%",
        "0.62",
        "0.63",
        "1.0¢",
        "07:31",
        "oracle",
        "✓",
        "tradable",
    ):
        assert word in words
    assert "97,104.0" in words  # the oracle, as there is no average
    assert "0.3s" in words  # the book: 240 ms at the tick, made 100 ms ago


def test_the_settling_average_comes_before_the_oracles_point_price() -> None:
    assert "97,111.0" in tick_line("btc", twap=97_111.0, twap_age_ms=500)


def test_an_invalid_tick_says_why_in_words() -> None:
    assert "✗ not tradable: the book is stale" in tick_line("btc", width=240, invalid="book_stale")
    assert "✗ the book is stale" in tick_line("btc", invalid="book_stale")
    assert "✗ stale book" in tick_line("btc", width=79, invalid="book_stale")


def test_stale_values_are_marked_and_fresh_ones_are_not() -> None:
    stale_book = tick_line("btc", book_age_ms=6_000)
    assert "*0.62" in stale_book
    assert "*6.1s" in stale_book
    assert "*97,123.4" not in stale_book
    assert "*97,123.4" in tick_line("btc", spot_age_ms=6_000)
    assert "*" not in tick_line("btc")


def test_a_market_that_runs_fast_is_not_stale_for_a_second() -> None:
    fast = scenes.with_status(scenes.FULL, speed=15.0)
    fast = msgspec.structs.replace(fast, ticks=Ticks(1, (scenes.tick_row("btc", book_age_ms=9_000),)))
    (row,) = ticks.tick_rows(view_of(fast), fit(ticks.COLUMNS, 199))
    assert "*" not in row_text(row)


def test_an_old_tick_marks_everything_and_says_since_when() -> None:
    old = tick_line("btc", made_ms=scenes.NOW_MS - 31_000)
    assert "no tick for 31s" in old
    for value in ("*97,123.4", "*0.62", "*0.63", "*97,104.0"):
        assert value in old


def test_without_an_engine_no_tick_looks_live() -> None:
    line = tick_line("btc", connection=DISCONNECTED)
    assert "*97,123.4" in line
    assert "no engine" in line


def test_missing_values_are_dashes() -> None:
    line = tick_line("btc", spot=None, up_bid=None, up_ask=None, strike=None, oracle=None, book_age_ms=None)
    for figure in ("0.5", "97,"):
        assert figure not in line
    assert line.count("–") >= 8


def test_a_series_without_a_tick_says_what_it_waits_for() -> None:
    rows = ticks.tick_rows(view_of(scenes.EMPTY), fit(ticks.COLUMNS, 79))
    assert row_text(rows[0]).split(maxsplit=1) == ["BTC", "looking for its window".ljust(73)]


@pytest.mark.parametrize("width", [79, 119, 199])
@pytest.mark.parametrize("delta", [scenes.FULL, scenes.EMPTY, scenes.FEED_DOWN, scenes.STALE])
def test_no_line_is_wider_than_its_pane(width: int, delta: SnapshotDelta) -> None:
    view = view_of(delta)
    rows = [
        *ticks.tick_rows(view, fit(ticks.COLUMNS, width)),
        *leaderboard.leaderboard_rows(view, fit(leaderboard.COLUMNS, width)),
        *positions.position_rows(view, fit(positions.COLUMNS, width)),
    ]
    assert all(length(row.cells) <= width for row in rows)
    assert length(feed_strip(view, width)) <= width
    for height in (2, 3):
        assert all(length(line) <= width for line in status_bar(view, width, height).lines)


def test_the_leaderboard_ranks_by_costed_and_puts_the_idle_last() -> None:
    rows = leaderboard.leaderboard_rows(view_of(scenes.FULL), fit(leaderboard.COLUMNS, 160))
    assert [row.key for row in rows] == [
        "SpotLag_Fast",
        "SpotLag_Confirmed",
        "Endgame",
        "SpotLagSimple",
        "Endgame_Conservative",
        "Endgame_Aggressive",
        "SpotLag_Aggressive",
        "Endgame_Momentum",
        "Endgame_Safe",
    ]
    shown = row_text(rows[0]).split()
    assert shown[:9] == ["SpotLag_Fast", "SpotLag", "14", "64%", "39–84", "+61.15", "+88.50", "few", "+4.37"]
    assert "▲ 12s spot_lag_detected" in row_text(rows[0])
    assert "disabled: ZeroDivisionError" in row_text(rows[7])


def tally(part: int, trades: int, costed: float, squares: float = 0.0) -> Tally:
    return Tally(part, trades, trades, costed, costed, squares, 0.0)


def test_breakdowns_show_their_own_part_of_the_trades() -> None:
    day = scenes.EPOCH // 86_400
    row = scenes.standing(
        "x", (9, 9), (90.0, 90.0), open=3,
        days=(tally(day, 4, 40.0),), windows=(tally(scenes.EPOCH - 900, 2, 20.0), tally(scenes.EPOCH, 1, 10.0)),
        coins=(tally(0, 5, 50.0), tally(3, 3, 30.0)),
    )  # fmt: skip
    view = view_of(msgspec.structs.replace(scenes.FULL, leaderboard=Leaderboard(1, (row,)), positions=POSITIONS_OF_X))

    def shown(scope: str) -> tuple[int, float, int]:
        (standing,) = leaderboard.standings(view, leaderboard.Choice(scope=scope))
        return standing.tally.trades, standing.tally.costed, standing.open

    assert shown("session") == (9, 90.0, 3)
    assert shown("today") == (4, 40.0, 3)
    assert shown("window") == (1, 10.0, 2)
    assert shown("last window") == (2, 20.0, 1)
    assert shown("btc") == (5, 50.0, 2)
    assert shown("eth") == (0, 0.0, 1)
    tomorrow = msgspec.structs.replace(view, market_ms=(day + 1) * 86_400_000)
    (standing,) = leaderboard.standings(tomorrow, leaderboard.Choice(scope="today"))
    assert standing.tally.trades == 0


LAST_WINDOW = MarketKey("btc", "15m", scenes.EPOCH - 900)
POSITIONS_OF_X = Positions(
    1,
    (
        scenes.holding("x", "btc", "up", (0.5, 0.6)),
        scenes.holding("x", "eth", "up", (0.5, 0.6)),
        scenes.holding("x", "btc", "up", (0.5, None), key=LAST_WINDOW, pending=True),
    ),
)


@pytest.mark.parametrize(
    ("choice", "first"),
    [
        (leaderboard.Choice(), "SpotLag_Fast"),
        (leaderboard.Choice(reverse=True), "SpotLag_Aggressive"),
        (leaderboard.Choice(sort="trades"), "SpotLag_Aggressive"),
        (leaderboard.Choice(sort="strategy"), "Endgame"),
        (leaderboard.Choice(sort="average"), "SpotLag_Confirmed"),
        (leaderboard.Choice(words="end CONS"), "Endgame_Conservative"),
        (leaderboard.Choice(words="spotlag"), "SpotLag_Fast"),
    ],
)
def test_the_leaderboard_can_be_sorted_and_filtered(choice: leaderboard.Choice, first: str) -> None:
    assert leaderboard.standings(view_of(scenes.FULL), choice)[0].row.strategy == first


def test_no_strategy_of_that_name_says_so() -> None:
    choice = leaderboard.Choice(words="[/x]")
    assert leaderboard.standings(view_of(scenes.FULL), choice) == ()
    assert leaderboard.nothing_passes(view_of(scenes.FULL), choice) == (
        "No strategy is called “[/x]”. Esc clears the filter."
    )


def test_wilsons_interval() -> None:
    # Newcombe (1998) gives 81 of 263 as 0.2553 to 0.3662, and 0 of 20 as 0 to 0.1611.
    assert luck.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert luck.wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert luck.wilson(0, 0) is None


def test_a_result_is_luck_until_it_beats_the_best_of_so_many() -> None:
    assert luck.threshold(1) == pytest.approx(1.96, abs=0.005)
    assert luck.threshold(73) == pytest.approx(3.39, abs=0.01)
    # 100 trades of +-10 dollars with a mean of 3: 3 / (sqrt(91 * 100 / 99) / 10) = 3.13 standard errors.
    assert luck.verdict(100, 300.0, 10_000.0, needed=1.96) == luck.Verdict("earns", pytest.approx(3.129, abs=0.001))
    assert luck.verdict(100, 300.0, 10_000.0, needed=3.39).judgement == "luck"
    assert luck.verdict(100, -300.0, 10_000.0, needed=1.96).judgement == "loses"
    assert luck.verdict(29, 300.0, 10_000.0, needed=1.96) == luck.Verdict("few")
    assert luck.verdict(40, 40.0, 40.0, needed=1.96) == luck.Verdict("few")  # all the same: nothing to judge by


def test_events_can_be_chosen_by_kind_and_words() -> None:
    notes = (
        Note(scenes.NOW_MS - 70_000, 0, "conflicts", "warn", "BTC 15m conflict: 3 up against 1 down"),
        Note(scenes.NOW_MS, 1, "feeds", "danger", "binance is down: refused"),
    )
    view = msgspec.structs.replace(view_of(scenes.FULL), events=scenes.EVENTS, notes=notes)
    columns = fit(events.COLUMNS, 99)

    def shown(**choice: str) -> list[str]:
        return [row_text(row).split(maxsplit=1)[1].rstrip() for row in _rows(events.Choice(**choice))]

    def _rows(choice: events.Choice) -> tuple[Row, ...]:
        return events.event_rows(view, columns, choice, "SpotLag_Fast")

    assert len(shown()) == 8
    assert shown()[:2] == [
        "binance is down: refused",
        "» BTC 15m SpotLag_Fast bought 100 up at 0.61: spot_lag_detected",
    ]
    assert shown()[3:5] == ["BTC 15m conflict: 3 up against 1 down", "RUNNING → PAUSED by maria (console): lunch"]
    assert len(shown(kind="trades")) == 2
    assert len(shown(kind="windows")) == 2
    assert len(shown(kind="state")) == 2
    assert shown(kind="feeds") == ["binance is down: refused"]
    assert shown(kind="conflicts") == ["BTC 15m conflict: 3 up against 1 down"]
    assert len(shown(kind="problems")) == 3
    assert len(shown(words="fast BOUGHT")) == 1
    assert shown(words="[") == []
    assert events.nothing_passes(events.Choice("feeds")).startswith("Nothing of this kind has happened yet (feeds)")


def test_positions_newest_first_with_mark_and_end() -> None:
    rows = positions.position_rows(view_of(scenes.FULL), fit(positions.COLUMNS, 98))
    assert [row_text(row).split() for row in rows][:2] == [
        ["SpotLag_Aggressive", "SOL", "▼", "down", "100", "0.38", "–", "–", "–", "3s", "ended", "its", "outcome"],
        ["SpotLag_Fast", "BTC", "▲", "up", "100", "0.61", "0.625", "0.62", "+1.50", "12s", "07:31", "stop", "≤0.37"],
    ]


def test_the_selected_strategys_positions_come_first_and_are_marked() -> None:
    rows = positions.position_rows(view_of(scenes.FULL), fit(positions.COLUMNS, 98), "SpotLagSimple")
    assert row_text(rows[0]).startswith("»SpotLagSimple")
    assert not any(row_text(row).startswith("»") for row in rows[1:])
    assert positions.positions_note(view_of(scenes.FULL), "SpotLag_Fast") == "4, »2"


@pytest.mark.parametrize(
    ("share", "level"), [(0.0, 0), (0.1, 1), (0.15, 1), (0.2, 2), (0.35, 2), (0.5, 3), (0.6, 3), (0.75, 4), (1.0, 4)]
)
def test_heat_has_five_steps(share: float, level: int) -> None:
    assert heat.heat_level(share) == level


def test_a_heat_cell_reads_without_colour() -> None:
    matrix, names = heat.matrix_of(scenes.CONFLICTS, "strategies"), scenes.NAMES
    assert heat.heat_cell(matrix, names[0], names[4], 4).text == "  75"  # 3 of 4
    assert heat.heat_cell(matrix, names[4], names[0], 4).text == "  75"
    assert heat.heat_cell(matrix, names[3], names[6], 3).text == "100"
    assert heat.heat_cell(matrix, names[0], names[1], 4).text == "   0"
    assert heat.heat_cell(matrix, names[5], names[6], 4).text == "    "  # never in one window
    assert heat.heat_cell(matrix, names[0], names[4], 2).text == "██"
    assert heat.heat_cell(matrix, names[0], names[1], 1).text == "·"


def test_only_who_has_traded_stands_on_the_axes_in_the_order_of_the_clusters() -> None:
    assert heat.matrix_of(scenes.CONFLICTS, "strategies").names == scenes.NAMES[:7]
    order = tuple(reversed(scenes.NAMES[:7]))
    clustered = msgspec.structs.replace(scenes.CONFLICTS, order=order)
    assert heat.matrix_of(clustered, "strategies").names == order


def test_camps_pool_the_pairs_of_their_members() -> None:
    names = scenes.NAMES
    camps = (Camp("Lag", names[:4], False), Camp("End", names[4:7], False), Camp("Idle", names[7:], False))
    matrix = heat.matrix_of(msgspec.structs.replace(scenes.CONFLICTS, camps=camps), "camps")
    assert matrix.names == ("Lag", "End")
    # Lag against End: 3 of 4, 2 of 4, 5 of 5, 2 of 5. Within Lag: 0 of 6, 0 of 3, 1 of 6, 1 of 3, 2 of 9.
    assert matrix.at("Lag", "End") == matrix.at("End", "Lag") == ConflictPair("End", "Lag", 18, 12)
    assert matrix.at("Lag", "Lag") == ConflictPair("Lag", "Lag", 27, 4)
    assert text(heat.exact_figures(matrix, "Lag", "Lag", 80)) == "4 of 27 opposed, 15%: within Lag "


def test_neighbours_of_one_colour_are_one_piece_and_the_cursor_stands_out() -> None:
    matrix, names = heat.matrix_of(scenes.CONFLICTS, "strategies"), scenes.NAMES
    line = heat.heat_cells(matrix, names[0], names[1:4], 1, None)
    assert line == (Cell("··", "muted"), Cell("▒", "heat-ink"))
    line = heat.heat_cells(matrix, names[0], names[1:4], 1, names[2])
    assert line == (Cell("·", "muted"), Cell("·", "heat-cursor"), Cell("▒", "heat-ink"))


def test_the_worst_opponents_are_those_that_were_met_often_enough() -> None:
    matrix = heat.matrix_of(scenes.CONFLICTS, "strategies")
    shown = text(heat.opponents_line(matrix, "SpotLag_Fast", 99))
    assert shown == "»SpotLag_Fast opposes Endgame_Aggressive 40% of 5, SpotLag_Aggressive 22% of 9"


def test_a_line_up_names_camps_and_what_is_at_risk() -> None:
    fast = Camp("Fast", ("SpotLagSimple", "SpotLag_Fast"), True)
    lineup = Lineup(scenes.KEYS["btc"], ("SpotLagSimple", "SpotLag_Fast", "Endgame"), ("x",), 300.0, 100.0, 160.0, 40.0)
    conflicts = msgspec.structs.replace(scenes.CONFLICTS, camps=(fast,), lineup=(lineup,))
    (line,) = heat.lineup_lines(conflicts, {"Endgame": "Endgame"}, 80)
    assert text(line) == "BTC now net +200 sh  ▲ 3 Fast 2, Endgame  ▼ 1 x"


def test_the_grid_shrinks_its_cells_before_it_scrolls() -> None:
    assert heat.grid_for(9, 60, 12) == heat.Grid(24, 4, 9, 9)
    assert heat.grid_for(9, 36, 9) == heat.Grid(9, 3, 9, 9)
    assert heat.grid_for(40, 100, 20) == heat.Grid(20, 2, 20, 40)
    assert heat.grid_for(73, 100, 20) == heat.Grid(24, 1, 20, 73)
    assert heat.grid_for(73, 60, 11) == heat.Grid(20, 1, 11, 40)
    assert heat.grid_for(73, 36, 9) == heat.Grid(14, 1, 9, 22)


def test_a_label_never_touches_a_glyph() -> None:
    name = "Endgame_Conservative"
    assert heat.row_label(name, 5, heat.Grid(16, 1, 9, 9), selected=False) == "6 E_Conservati… "
    assert heat.row_label(name, 5, heat.Grid(16, 4, 9, 9), selected=True) == "6»E_Conservative"


def test_exact_figures_and_coin_rates() -> None:
    matrix, names = heat.matrix_of(scenes.CONFLICTS, "strategies"), scenes.NAMES
    assert text(heat.exact_figures(matrix, names[0], names[4], 80)) == "3 of 4 opposed, 75%: SpotLagSimple × Endgame "
    assert text(heat.exact_figures(matrix, names[5], names[6], 80)).startswith("never in one window")
    assert text(heat.coin_rates(scenes.CONFLICTS, 80)) == "both sides bought  BTC 33%  ETH 50%  SOL 0%  XRP –"


def test_short_names_keep_what_differs() -> None:
    assert short_name("SpotLag_Fast", 8) == "SL_Fast"
    assert short_name("Endgame_Conservative", 16) == "E_Conservative"
    assert short_name("SpotLagSimple", 8) == "SpotLag…"
    assert short_name("SpotLag_Fast", 12) == "SpotLag_Fast"


@pytest.mark.parametrize("width", [42, 58, 103])  # of the leaderboard in 80, 120 and 200 columns
def test_every_strategy_can_be_told_from_the_others(width: int) -> None:
    rows = tuple(scenes.standing(entry.name, (1, 1), (1.0, 1.0)) for entry in REGISTRY)
    view = view_of(SnapshotDelta(leaderboard=Leaderboard(1, rows)))
    names = [row.cells[0].text for row in leaderboard.leaderboard_rows(view, fit(leaderboard.COLUMNS, width))]
    assert len(set(names)) == len(REGISTRY)


def test_pairs_without_a_common_window_make_an_empty_matrix() -> None:
    never = Conflicts(1, ("a", "b"), (ConflictPair("a", "b", 0, 0),), (), ())
    assert heat.matrix_of(never, "strategies").empty


def feeds_text(width: int, feeds: Feeds, connection: Connection = CONNECTED, now: float = 100.0) -> str:
    view = view_of(msgspec.structs.replace(scenes.FULL, feeds=feeds), connection)
    return text(feed_strip(msgspec.structs.replace(view, now=now), width))


def test_healthy_feeds_show_age_and_rate_where_there_is_room() -> None:
    assert "● binance 0.2s 412/s  ● polymarket 0.4s 58/s" in feeds_text(120, scenes.FEEDS)
    assert feeds_text(80, scenes.FEEDS).startswith("feeds ● binance 0.2s  ● polymarket 0.4s  ● chainlink 1.8s")


def test_a_feed_that_is_down_comes_first_with_reason_and_retry() -> None:
    wide = feeds_text(200, scenes.FEEDS_DOWN)
    assert wide.startswith("feeds ✗ polymarket down 12s, retry in 4s: cannot connect: connection refused")
    assert "▲ chainlink stale 3m: no data" in wide


def test_where_there_is_no_room_the_worst_keeps_its_reason() -> None:
    shown = feeds_text(80, scenes.FEEDS_DOWN)
    assert shown == "feeds ✗ polymarket down 12s, retry in 4s: cannot connect: connec…  ▲ 1  ● 1  ○ 1"


def test_several_that_are_down_take_turns() -> None:
    down = tuple(scenes.feed(name, state="down", reason=f"{name} refused", age_s=None) for name in ("one", "two"))
    rows = Feeds(3, (*down, *scenes.FEEDS.rows))
    first, second = (feeds_text(60, rows, now=now) for now in (96.0, 100.0))
    assert first.startswith("feeds ✗ one down: one refused")
    assert second.startswith("feeds ✗ two down: two refused")


def bar_text(
    delta: SnapshotDelta, connection: Connection = CONNECTED, width: int = 80, height: int = 2
) -> tuple[str, str]:
    shown = status_bar(view_of(delta, connection), width, height)
    return "\n".join(text(line) for line in shown.lines), shown.tone


def test_the_status_bar_says_state_mode_and_money() -> None:
    words, tone = bar_text(scenes.FULL)
    for word in (
        "RUNNING",
        "PAPER",
        "+97.35 costed",
        "+148.20 touch",
        "$217.00 in 4",
        "07:31",
        "store ok",
        "connected 3 ms",
    ):
        assert word in words
    assert tone == "running"


@pytest.mark.parametrize(
    ("delta", "tone", "words"),
    [
        (scenes.PAUSED, "paused", ("PAUSED", "No entries; exits go on. P resumes", "maria")),
        (scenes.KILLED, "killed", ("KILLED", "No entries, no exits. R resumes, and asks first")),
    ],
)
def test_anything_but_running_is_unmistakable(delta: SnapshotDelta, tone: str, words: tuple[str, ...]) -> None:
    shown, colour = bar_text(delta)
    assert colour == tone
    assert all(word in shown for word in words)


def test_without_an_engine_the_last_state_is_history() -> None:
    words, tone = bar_text(scenes.FULL, DISCONNECTED)
    assert tone == "lost"
    assert "NO ENGINE" in words
    assert "Was RUNNING 0.0s ago, retry in 2s: no engine is listening" in words
    assert "*+97.35" in words


def test_a_silent_engine_is_not_a_running_one() -> None:
    now = [100.0]
    latest = Latest(lambda: now[0])
    latest.connect(CONNECTED)
    latest.merge(scenes.FULL)
    now[0] = 104.0
    shown = status_bar(latest.view(), 80, 2)
    assert "SILENT" in text(shown.lines[0])
    assert "Was RUNNING 4.0s ago: the engine says nothing" in text(shown.lines[1])


def test_a_store_in_trouble_and_an_observer_say_so() -> None:
    slow = scenes.with_status(scenes.FULL, store_state="slow", store_reason="database is locked", store_pending=31)
    assert "store slow 31 pending: database is locked" in bar_text(slow, width=120, height=3)[0]
    away = scenes.with_status(slow, spool_rows=41_200, spool_age_s=340)
    assert (
        "store away, 41,200 rows safe in the spool for 6m: database is locked"
        in (bar_text(away, width=160, height=3)[0])
    )
    paused = scenes.with_status(slow, trading_state="PAUSED")
    words = bar_text(paused, width=120)[0]
    assert "P resumes" in words
    assert "store slow 31 pending" in words
    watching = scenes.with_status(scenes.FULL, role="observer", role_reason="only observes: pid 12 writes its database")
    for width, height in ((80, 2), (120, 3)):
        assert (
            "OBSERVER: this engine only observes: pid 12 writes its database"
            in bar_text(watching, width=width, height=height)[0]
        )


def test_an_observer_says_why_it_has_no_feeds() -> None:
    watching = scenes.with_status(scenes.FULL, role="observer", role_reason="only observes: pid 12 writes its database")
    view = view_of(msgspec.structs.replace(watching, feeds=Feeds(1, ())))
    assert text(feed_strip(view, 80)) == "feeds none: this engine only observes"


def test_events_in_words() -> None:
    words = [sentence(event).text for event in scenes.EVENTS]
    assert words == [
        "BTC 15m window opened, strike 97,016.6 (oracle)",
        "BTC 15m settled up (oracle)",
        "BTC 15m Endgame_Aggressive closed -48.40: expired",
        "RUNNING → PAUSED by maria (console): lunch",
        "PAUSED → RUNNING by maria (console)",
        "BTC 15m SpotLag_Fast bought 100 up at 0.61: spot_lag_detected",
    ]
    refused = CommandRefused(scenes.event_id(7), 0, "c", "maria", "console", "already paused")
    assert sentence(refused).text == "refused maria: already paused"
    disabled = StrategyDisabled(scenes.event_id(8), 0, "Endgame", "KeyError: 'x'")
    assert sentence(disabled).text == "Endgame raised and is out: KeyError: 'x'"


@pytest.mark.parametrize(
    ("width", "words"), [(79, "✗ no market"), (240, "✗ not tradable: gamma is away"), (199, "✗ gamma is away")]
)
def test_a_series_without_a_market_says_so_and_not_that_its_window_is_shut(width: int, words: str) -> None:
    row = scenes.FULL.ticks.rows[0]
    assert row.tick is not None
    shut = msgspec.structs.replace(row.tick, invalid="window_not_open")
    delta = msgspec.structs.replace(
        scenes.FULL, ticks=Ticks(99, (msgspec.structs.replace(row, tick=shut, note="gamma is away"),))
    )
    (shown,) = ticks.tick_rows(view_of(delta), fit(ticks.COLUMNS, width))
    assert words in row_text(shown)

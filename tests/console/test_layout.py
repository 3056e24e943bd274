from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyterm.console.layout import ColumnSpec, Place, arrange, fit, widest
from polyterm.console.view import events, keys, leaderboard, positions, ticks

TABLES = {
    "ticks": ticks.COLUMNS,
    "leaderboard": leaderboard.COLUMNS,
    "positions": positions.COLUMNS,
    "events": events.COLUMNS,
    "help": keys.HELP_COLUMNS,
}


def shown(table: str, width: int, height: int) -> list[str]:
    arranged = arrange(width, height)
    assert arranged is not None
    return [column.key for column in fit(TABLES[table], arranged.places[table].width - 1)]


@pytest.mark.parametrize(
    ("size", "table", "columns"),
    [
        ((80, 24), "ticks", "coin spot path distance bid ask fair edge left state"),
        ((80, 24), "leaderboard", "strategy trades won costed touch"),
        ((80, 24), "positions", "strategy coin side entry mark unrealised held left closes"),
        (
            (120, 36),
            "ticks",
            "coin spot path strike distance bid ask fair edge regime left book_age spot_age state",
        ),
        ((120, 36), "leaderboard", "strategy trades won costed touch luck"),
        ((120, 36), "positions", "strategy coin side entry mark unrealised left"),
        ((200, 50), "ticks", " ".join(spec.key for spec in ticks.COLUMNS)),
        (
            (200, 50),
            "leaderboard",
            "strategy trades won interval costed touch luck average drawdown equity open last",
        ),
        ((200, 50), "positions", "strategy coin side shares entry mark exit unrealised held left closes"),
        ((200, 50), "events", "time what"),
    ],
)
def test_designed_sizes_show_these_columns(size: tuple[int, int], table: str, columns: str) -> None:
    assert shown(table, *size) == columns.split()


@pytest.mark.parametrize(
    ("size", "heights"),
    [
        ((80, 24), "status 2 feeds 1 ticks 5 leaderboard 11 conflicts 11 positions 4 footer 1"),
        ((120, 36), "status 3 feeds 1 ticks 6 leaderboard 17 events 8 conflicts 14 positions 11 footer 1"),
        ((200, 50), "status 3 feeds 1 ticks 6 leaderboard 26 events 13 conflicts 21 positions 18 footer 1"),
    ],
)
def test_designed_sizes_give_panes_these_heights(size: tuple[int, int], heights: str) -> None:
    arranged = arrange(*size)
    assert arranged is not None
    assert " ".join(f"{name} {place.height}" for name, place in arranged.places.items()) == heights


@pytest.mark.parametrize("size", [(79, 24), (80, 23), (1, 1), (0, 0)])
def test_smaller_than_80_by_24_is_not_arranged(size: tuple[int, int]) -> None:
    assert arrange(*size) is None


def overlap(one: Place, other: Place) -> bool:
    across = one.x < other.x + other.width and other.x < one.x + one.width
    return across and one.y < other.y + other.height and other.y < one.y + one.height


@given(st.integers(80, 400), st.integers(24, 150), st.integers(1, 4))
def test_panes_fill_the_screen_and_never_overlap(width: int, height: int, coins: int) -> None:
    arranged = arrange(width, height, coins)
    assert arranged is not None
    places = list(arranged.places.values())
    for place in places:
        assert place.x >= 0
        assert place.y >= 0
        assert place.x + place.width <= width
        assert place.y + place.height <= height
        assert place.width > 0
        assert place.height > 0
    assert not any(overlap(one, other) for one, other in combinations(places, 2))
    # Every line is covered; what is left over is the gap of one column between the two halves.
    covered = sum(place.width * place.height for place in places)
    assert 0 <= width * height - covered <= height


@given(st.sampled_from(sorted(TABLES)), st.integers(0, 500))
def test_columns_never_exceed_the_width(table: str, width: int) -> None:
    columns = fit(TABLES[table], width)
    assert sum(column.width for column in columns) + max(0, len(columns) - 1) <= width


@given(st.sampled_from(sorted(TABLES)), st.integers(0, 300))
def test_the_least_valuable_column_leaves_first(table: str, width: int) -> None:
    kept = {column.key for column in fit(TABLES[table], width)}
    gone = [spec.rank for spec in TABLES[table] if spec.key not in kept]
    if gone:
        assert all(spec.rank > max(gone) for spec in TABLES[table] if spec.key in kept)


def test_a_column_grows_before_a_less_valuable_one_comes_in() -> None:
    specs = (
        ColumnSpec("name", "name", 4, 9, grow=3, grow_rank=8),
        ColumnSpec("extra", "extra", 4, 5),
    )
    assert [(column.key, column.width) for column in fit(specs, 8)] == [("name", 7)]
    assert [(column.key, column.width) for column in fit(specs, 12)] == [("name", 7), ("extra", 4)]


def test_widest_keeps_order_and_drops_the_lowest_rank() -> None:
    items = [(5, 10), (1, 10), (9, 10)]
    assert widest(items, 34, gap=2) == (0, 1, 2)
    assert widest(items, 33, gap=2) == (0, 2)
    assert widest(items, 21, gap=2) == (2,)
    assert widest(items, 9, gap=2) == ()


@pytest.mark.parametrize(
    ("aspect", "columns"),
    [
        ("book", "coin strike bid_size bid ask ask_size spread fair edge state"),
        ("inputs", "coin regime oracle divergence book_age spot_age oracle_age state"),
    ],
)
def test_at_80_columns_the_ticks_can_put_other_columns_first(aspect: ticks.Aspect, columns: str) -> None:
    assert [column.key for column in fit(ticks.columns_for(aspect), 79)] == columns.split()

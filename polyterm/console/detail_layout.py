"""Which pane of a detail screen stands where: functions of the size, and of the page that is open."""

from typing import Final, Literal, get_args

import msgspec

from polyterm.console.layout import MIN_HEIGHT, MIN_WIDTH, WIDE_HEIGHT, WIDE_WIDTH, Place

Page = Literal["overview", "why", "rule", "trades"]
PAGES: Final[tuple[Page, ...]] = get_args(Page)


class Placed(msgspec.Struct, frozen=True):
    """``titled`` as in ``layout.Arrangement``; panes that are not among ``places`` are not shown."""

    titled: bool
    places: dict[str, Place]


class _Frame(msgspec.Struct, frozen=True):
    """What all detail screens share: status on top, then ``head`` lines, then the body from ``y``, then the keys."""

    titled: bool
    width: int
    y: int
    body: int
    places: dict[str, Place]

    def placed(self, **panes: Place) -> Placed:
        return Placed(self.titled, {**self.places, **panes})


def _frame(width: int, height: int, head: int) -> _Frame | None:
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        return None
    titled = width >= WIDE_WIDTH and height >= WIDE_HEIGHT
    status = 3 if titled else 2
    places = {"status": Place(0, 0, width, status), "footer": Place(0, height - 1, width, 1)}
    if head:
        places["head"] = Place(0, status, width, head)
    return _Frame(titled, width, status + head, height - status - head - 1, places)


def arrange_table(width: int, height: int) -> Placed | None:
    """One table, all over the screen."""
    frame = _frame(width, height, 0)
    return None if frame is None else frame.placed(table=Place(0, frame.y, width, frame.body))


def arrange_strategy(width: int, height: int, page: Page = "overview") -> Placed | None:
    """A large screen has everything on its overview; a small one has the results there, and the rest on pages."""
    frame = _frame(width, height, 2)
    if frame is None:
        return None
    y, body = frame.y, frame.body
    if page != "overview":
        return frame.placed(**{page: Place(0, y, width, body)})
    if not frame.titled:
        chart, coins = body - 9, (width - 1) // 2
        return frame.placed(
            equity=Place(0, y, width, chart),
            coins=Place(0, y + chart, coins, 9),
            minutes=Place(coins + 1, y + chart, width - coins - 1, 9),
        )
    left = (width - 1) // 2
    right, x = width - left - 1, left + 1
    why, chart = body * 3 // 5, body * 2 // 5
    totals = max(7, body // 4)
    coins = (right - 1) // 2
    return frame.placed(
        why=Place(0, y, left, why),
        rule=Place(0, y + why, left, body - why),
        equity=Place(x, y, right, chart),
        coins=Place(x, y + chart, coins, totals),
        minutes=Place(x + coins + 1, y + chart, right - coins - 1, totals),
        trades=Place(x, y + chart + totals, right, body - chart - totals),
    )


def arrange_window(width: int, height: int) -> Placed | None:
    """Prices and probabilities beside each other, below them the last windows and who traded in the chosen one."""
    frame = _frame(width, height, 3)
    if frame is None:
        return None
    y, body = frame.y, frame.body
    charts = body * 3 // 5
    left = (width - 1) // 2
    windows = 36 if not frame.titled else min(70, width * 9 // 20)
    return frame.placed(
        price=Place(0, y, left, charts),
        market=Place(left + 1, y, width - left - 1, charts),
        windows=Place(0, y + charts, windows, body - charts),
        trades=Place(windows + 1, y + charts, width - windows - 1, body - charts),
    )

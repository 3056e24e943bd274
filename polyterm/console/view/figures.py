"""Numbers as a trader reads them. Missing is a dash; direction is a sign or a glyph as well as a colour."""

from typing import Final

from polyterm.console.latest import View
from polyterm.console.view.cells import Cell, Role
from polyterm.core.market import Side

DASH: Final = "–"
STALE_MARK: Final = "*"
FROZEN: Final = " FROZEN"
UP: Final = "▲"
DOWN: Final = "▼"
SPARKS: Final = "▁▂▃▄▅▆▇█"
EIGHTHS: Final = " ▏▎▍▌▋▊▉█"

MISSING: Final = Cell(DASH, "muted")


def money(dollars: float | None) -> Cell:
    """Signed dollars; what rounds to zero has no sign and no colour."""
    if dollars is None:
        return MISSING
    text = f"{dollars:+,.2f}"
    if text in {"+0.00", "-0.00"}:
        return Cell("0.00", "flat")
    return Cell(text, "up" if dollars > 0 else "down")


def price(value: float | None) -> str:
    """An asset's price, with the decimals that its size calls for."""
    if value is None:
        return DASH
    decimals = 1 if value >= 10_000 else 2 if value >= 10 else 4
    return f"{value:,.{decimals}f}"


def probability(value: float | None) -> str:
    """A share's price in dollars; the third decimal only where the book uses it."""
    if value is None:
        return DASH
    text = f"{value:.3f}"
    return text.removesuffix("0")


def cents(value: float | None) -> str:
    return DASH if value is None else f"{value * 100:.1f}¢"


def count(number: float) -> str:
    """A number of things in at most five cells."""
    if number < 9_999.5:
        return f"{number:.0f}"
    return f"{number / 1e3:.0f}k" if number < 999_500 else f"{number / 1e6:.1f}M"


def percent(part: int, whole: int) -> str:
    return DASH if whole == 0 else f"{100 * part / whole:.0f}%"


def distance(relative: float | None) -> Cell:
    """Relative distance from the strike as signed percent with a glyph."""
    if relative is None:
        return MISSING
    text = f"{relative * 100:+.3f}%"
    if text in {"+0.000%", "-0.000%"}:
        return Cell("• 0.000%", "flat")
    return Cell(f"{UP} {text}", "up") if relative > 0 else Cell(f"{DOWN} {text}", "down")


def side(which: Side) -> Cell:
    return Cell(f"{UP} up", "up") if which == "up" else Cell(f"{DOWN} down", "down")


def age(seconds: float | None) -> str:
    """How long ago, in at most four cells."""
    if seconds is None:
        return DASH
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    if seconds < 99.5:
        return f"{seconds:.0f}s"
    return f"{seconds / 60:.0f}m" if seconds < 5970 else f"{seconds / 3600:.0f}h"


def elapsed(seconds: int) -> str:
    """``age`` of what is only known to the second."""
    return f"{max(0, seconds)}s" if seconds < 100 else age(seconds)


def rate(per_second: float) -> str:
    return f"{per_second:.1f}/s" if per_second < 9.95 else f"{per_second:.0f}/s"


def countdown(seconds: float) -> str:
    whole = max(0, int(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def clock_time(market_ms: int) -> str:
    """UTC time of day."""
    second = market_ms // 1000 % 86_400
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"


def bar(fraction: float, width: int) -> str:
    """A bar that is ``fraction`` full, in eighths of a cell, over a dotted rest."""
    eighths = round(min(1.0, max(0.0, fraction)) * width * 8)
    full, rest = divmod(eighths, 8)
    text = "█" * full + (EIGHTHS[rest] if rest else "")
    return text + "·" * (width - len(text))


def sparkline(values: tuple[float | None, ...], width: int) -> str:
    """The last value of each of ``width`` equal stretches, lowest to highest; a stretch without one is a dot."""
    if width <= 0 or not values:
        return ""
    count = min(width, len(values))
    picked: list[float | None] = []
    for step in range(count):
        stretch = values[step * len(values) // count : (step + 1) * len(values) // count]
        picked.append(next((value for value in reversed(stretch) if value is not None), None))
    known = [value for value in picked if value is not None]
    if not known:
        return "·" * count
    low, high = min(known), max(known)
    span = high - low
    return "".join(
        "·" if value is None else SPARKS[3] if span == 0 else SPARKS[min(7, int((value - low) / span * 8))]
        for value in picked
    )


def mark(view: View) -> str:
    """What is added to a pane's title while nothing newer can come, or is wanted."""
    if view.frozen_s is not None:
        return FROZEN
    return STALE_MARK if view.lost and view.status is not None else ""


def aged(text: str, role: Role, stale: bool) -> Cell:
    """A value that is marked as well as dimmed once it is stale."""
    return Cell(STALE_MARK + text, "stale") if stale else Cell(text, role)

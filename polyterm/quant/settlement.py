"""Who won a window."""

from polyterm.core.market import Side


def winning_side(strike: float, final: float) -> Side:
    """Up when the final price is the strike or above it: a tie is up."""
    return "up" if final >= strike else "down"

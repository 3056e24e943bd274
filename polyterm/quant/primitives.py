"""What features are made of, in scalar form. A missing value is ``nan`` here and only here."""

import math

NAN = math.nan


def number(value: float | None) -> float:
    """The one door through which a missing value becomes ``nan``."""
    return NAN if value is None else value


def known(value: float) -> float | None:
    """The door back: whatever leaves features is a finite number or None."""
    return value if math.isfinite(value) else None


def ratio(over: float, under: float) -> float:
    """``over / under``; by 0 it is nan, in both forms."""
    return NAN if under == 0 else over / under


def relative_change(new: float, old: float) -> float:
    """new/old - 1, a fraction. Written so and not as (new - old)/old: the two differ in the last bit."""
    return ratio(new, old) - 1


def low(a: float, b: float) -> float:
    """Spelled out, as its column form is: with a nan on either side the answer is ``b``."""
    return a if a < b else b  # noqa: FURB136 - min() hides which one wins against nan


def high(a: float, b: float) -> float:
    """As ``low``: with a nan on either side the answer is ``b``."""
    return a if a > b else b  # noqa: FURB136 - max() hides which one wins against nan


class SlotSeries:
    """The last ``capacity`` market seconds of one value, addressed by slot: O(1) to put and to look back.

    A slot that was never put, or was put as nan, is a gap: looking at it gives nan, and it does not shift its
    neighbours.
    """

    __slots__ = ("_capacity", "_newest", "_slots", "_values")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._slots = [-1] * capacity
        self._values = [NAN] * capacity
        self._newest = -1

    def put(self, slot: int, value: float) -> None:
        """Slots must grow."""
        place = slot % self._capacity
        self._slots[place] = slot
        self._values[place] = value
        self._newest = slot

    def lag(self, slots: int) -> float:
        """The value ``slots`` market seconds before the newest one; 0 is the newest itself.

        Raises:
            ValueError: when the series is too short to remember that far back.
        """
        if not 0 <= slots < self._capacity:
            raise ValueError(f"a look-back of {slots} s does not fit into a series of {self._capacity} s")
        slot = self._newest - slots
        place = slot % self._capacity
        return self._values[place] if slot >= 0 and self._slots[place] == slot else NAN

    def clear(self) -> None:
        self._slots = [-1] * self._capacity
        self._newest = -1

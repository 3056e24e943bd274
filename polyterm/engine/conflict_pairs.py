"""Pairs of strategies, looked up and pooled."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import Any

import numpy.typing as npt

from polyterm.engine.conflict_report import (
    LISTED,
    LISTED_LEAST,
    NEVER_LEAST,
    BetweenReport,
    CampReport,
    PairReport,
)


class Pairs:
    """``tables`` are how often two met, how often on the same side, and what they earned together, by the places of
    ``names``; ``order`` are places, by which pairs are sorted."""

    def __init__(self, names: Sequence[str], tables: npt.NDArray[Any], order: Sequence[int]) -> None:
        self._met, self._agreed, self._pnl = tables
        self._names = names
        self._place = {name: place for place, name in enumerate(names)}
        self._order = order

    def __iter__(self) -> Iterator[PairReport]:
        """Those that met."""
        met = (self._pair(*places) for places in combinations(self._order, 2))
        return (pair for pair in met if pair is not None)

    def _pair(self, one: int, other: int) -> PairReport | None:
        met, agreed = int(self._met[one, other]), int(self._agreed[one, other])
        if not met:
            return None
        pnl = float(self._pnl[one, other])
        return PairReport(self._names[one], self._names[other], met, agreed, met - agreed, pnl)

    def _of(self, names: Iterable[tuple[str, str]]) -> list[PairReport]:
        found = (self._pair(self._place[one], self._place[other]) for one, other in names)
        return [pair for pair in found if pair is not None]

    def camp(self, name: str, members: tuple[str, ...], *, found: bool) -> CampReport:
        pairs = self._of(combinations(members, 2))
        weakest = min(pairs, key=lambda pair: pair.agreed / pair.met, default=None)
        return CampReport(name, members, found, *_pooled(pairs), weakest)

    def between(self, groups: Mapping[str, Sequence[str]]) -> Iterator[BetweenReport]:
        for (first, ours), (second, theirs) in combinations(groups.items(), 2):
            pairs = self._of(product(ours, theirs))
            weakest = min(pairs, key=lambda pair: pair.conflicted / pair.met, default=None)
            yield BetweenReport(first, second, *_pooled(pairs), weakest)


def _pooled(pairs: Sequence[PairReport]) -> tuple[int, int, int]:
    """(met, agreed, conflicted) of all together."""
    met, agreed = sum(pair.met for pair in pairs), sum(pair.agreed for pair in pairs)
    return met, agreed, met - agreed


def never_conflicting(pairs: Iterable[PairReport]) -> tuple[PairReport, ...]:
    wanted = [pair for pair in pairs if pair.met >= NEVER_LEAST and not pair.conflicted]
    return tuple(sorted(wanted, key=lambda pair: -pair.pnl)[:LISTED])


def leading(pairs: Iterable[PairReport], share: Callable[[PairReport], float]) -> tuple[PairReport, ...]:
    """The highest shares; of equal ones those that met more often."""
    wanted = [pair for pair in pairs if pair.met >= LISTED_LEAST]
    return tuple(sorted(wanted, key=lambda pair: (-share(pair), -pair.met))[:LISTED])


def present(groups: Mapping[str, tuple[str, ...]], names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The groups with those of their members that are among ``names``."""
    here = {group: tuple(member for member in members if member in names) for group, members in groups.items()}
    return {group: members for group, members in here.items() if members}

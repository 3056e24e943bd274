"""Who goes with whom: strategies clustered by how often they took the same side.

Two strategies are as far apart as they are likely to take opposite sides next time. By the rule of succession that is
1 - (agreed + 1) / (met + 2): 0.5 for two that never met, and near 0 only after many meetings, so that a camp needs
evidence. Clusters are merged by average linkage. scipy is imported when it is first needed, which takes half a second.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

CAMP_SHARE: Final = 0.9
"""Strategies form a camp while they are expected to agree in at least this share of their meetings, on average."""

Counts = npt.NDArray[Any]
"""Of every pair, by the places of its two strategies: symmetric, whole numbers."""


class Clusters(msgspec.Struct, frozen=True):
    """Places of strategies: ``order`` holds every one, those that agree next to each other; ``camps`` are groups of at
    least two, the one that is closest to the rest of its camp first."""

    order: tuple[int, ...]
    camps: tuple[tuple[int, ...], ...]


def distances(met: Counts, agreed: Counts) -> npt.NDArray[np.float64]:
    apart: npt.NDArray[np.float64] = 1 - (agreed + 1) / (met + 2)
    np.fill_diagonal(apart, 0.0)
    return apart


def clusters(met: Counts, agreed: Counts, share: float = CAMP_SHARE) -> Clusters:
    """How often two strategies met, in how many of those they took the same side, and what makes a camp."""
    size = len(met)
    if size < 2:
        return Clusters(tuple(range(size)), ())
    from scipy.cluster.hierarchy import fcluster, leaves_list, linkage  # noqa: PLC0415 - half a second, 40 MB
    from scipy.spatial.distance import squareform  # noqa: PLC0415

    apart = distances(met, agreed)
    tree = linkage(squareform(apart, checks=False), "average", optimal_ordering=True)
    order = tuple(leaves_list(tree).tolist())
    group_of = fcluster(tree, 1 - share, "distance").tolist()
    groups: dict[int, list[int]] = {}
    for place in order:
        groups.setdefault(group_of[place], []).append(place)
    return Clusters(order, tuple(_led(group, apart) for group in groups.values() if len(group) > 1))


def _led(group: Sequence[int], apart: npt.NDArray[np.float64]) -> tuple[int, ...]:
    centre = min(group, key=lambda place: float(apart[place, group].sum()))
    return centre, *(place for place in group if place != centre)


def camp_name(members: Sequence[str]) -> str:
    """A camp that was found is called by its first member, and by how many are with it."""
    return f"{members[0]} +{len(members) - 1}"

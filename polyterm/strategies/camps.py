"""The camps that the field has named, with the strategies that it counts among them."""

from typing import Final

CAMPS: Final[dict[str, tuple[str, ...]]] = {
    "FairValue": ("FairValue_EWMA", "FairValue_RealizedVol", "FairValue_WithDrift"),
    "SpotLag": ("SpotLag_Fast", "SpotLag_Aggressive", "SpotLag_300sec", "SpotLag_Confirmed"),
    "Contrarian": ("Contrarian", "Contrarian_Scalp", "Contrarian_Strong"),
    "Drift": ("FV_Drift_4H", "FV_Drift_24H"),
}

ALONE: Final[dict[str, tuple[str, ...]]] = {"TimeConditional": ("TimeConditional",)}
"""Strategies of no camp whose conflicts with the camps are spoken of."""

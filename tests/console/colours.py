"""Colours as eyes see them: contrast, the two kinds of red-green blindness, and how far apart two colours look."""

from collections.abc import Sequence
from typing import Final

Matrix = tuple[tuple[float, float, float], ...]

# Severity 1.0, on linear RGB: G. M. Machado, M. M. Oliveira, L. A. F. Fernandes, "A Physiologically-based Model for
# Simulation of Color Vision Deficiency", IEEE Trans. Vis. Comput. Graph. 15(6), 2009, table 1.
VISIONS: Final[dict[str, Matrix]] = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
}
_TO_XYZ: Final[Matrix] = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
_WHITE: Final = (0.9505, 1.0, 1.089)


def _linear(colour: str) -> list[float]:
    """sRGB (IEC 61966-2-1)."""
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]


def _times(matrix: Matrix, vector: Sequence[float]) -> list[float]:
    return [sum(factor * value for factor, value in zip(row, vector, strict=True)) for row in matrix]


def luminance(colour: str) -> float:
    return _times(_TO_XYZ, _linear(colour))[1]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2: 1 to 21; 4.5 is asked of text at level AA, 7 at AAA."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _lab(colour: str, vision: str) -> tuple[float, float, float]:
    seen = [min(1.0, max(0.0, channel)) for channel in _times(VISIONS[vision], _linear(colour))]
    x, y, z = (_lab_curve(value / white) for value, white in zip(_times(_TO_XYZ, seen), _WHITE, strict=True))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _lab_curve(ratio: float) -> float:
    return ratio ** (1 / 3) if ratio > 216 / 24389 else (24389 / 27 * ratio + 16) / 116


def difference(one: str, other: str, vision: str) -> float:
    """CIE 1976 colour difference for somebody with that vision; 2.3 is just noticeable, black and white are 100."""
    pairs = zip(_lab(one, vision), _lab(other, vision), strict=True)
    return sum((a - b) ** 2 for a, b in pairs) ** 0.5

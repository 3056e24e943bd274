"""On what a session's numbers were computed: the same inputs give the same events only on the same platform."""

import math
import struct
from hashlib import blake2b

import msgspec


class Platform(msgspec.Struct, frozen=True):
    """``numbers`` is ``numeric_fingerprint()``; the others are names for people."""

    numbers: str
    python: str
    libm: str
    cpu: str

    def differences(self, other: "Platform") -> tuple[str, ...]:
        """The fields in which ``other`` is another platform."""
        return tuple(name for name in self.__struct_fields__ if getattr(self, name) != getattr(other, name))


def numeric_fingerprint() -> str:
    """Hex digest of the bits of 1,000 values each of log, exp and erfc, whose last bit differs between libraries."""
    values: list[float] = []
    for step in range(1, 1001):
        x = step * 0.013718281828459045
        values += (math.log(x), math.exp(x - 7.0), math.erfc((x - 7.0) / 3.0))
    return blake2b(struct.pack(f"<{len(values)}d", *values), digest_size=8).hexdigest()

"""How long to wait before trying again."""

import random

import msgspec


class Backoff(msgspec.Struct, frozen=True):
    """Exponential back-off with a ceiling, in machine seconds."""

    base_s: float = 1.0
    cap_s: float = 30.0

    def ceiling(self, failures: int) -> float:
        """``base_s`` after the first failure in a row, doubled by each further one up to ``cap_s``."""
        doublings = min(max(failures, 1) - 1, 32)  # far beyond any cap, and 2.0**1024 would overflow
        return min(self.cap_s, self.base_s * 2.0**doublings)

    def delay(self, failures: int, rng: random.Random) -> float:
        """Between half and all of the ceiling: many clients spread out, and none comes back at once."""
        ceiling = self.ceiling(failures)
        return rng.uniform(ceiling / 2, ceiling)

    def wait(self, failures: int, rng: random.Random, asked_s: float | None) -> float:
        """``asked_s`` where the other side said how long, but no less than the usual once that has failed: "at once"
        may not loop."""
        usual_s = self.delay(failures, rng)
        if asked_s is None:
            return usual_s
        return asked_s if failures == 1 else max(asked_s, usual_s)

"""The platform's fingerprint: the same here each time, and telling others apart."""

import math

from polyterm.quant import fingerprint
from polyterm.quant.fingerprint import Platform, numeric_fingerprint
from polyterm.service.host import this_platform


def test_the_same_platform_gives_the_same_fingerprint() -> None:
    assert numeric_fingerprint() == numeric_fingerprint()
    assert this_platform() == this_platform()
    assert this_platform().differences(this_platform()) == ()
    assert this_platform().numbers == numeric_fingerprint()


def test_one_last_bit_of_one_function_is_another_platform(monkeypatch) -> None:
    here, exact = numeric_fingerprint(), math.exp

    class Library:
        log, erfc = staticmethod(math.log), staticmethod(math.erfc)

        @staticmethod
        def exp(x: float) -> float:
            value = exact(x)
            return math.nextafter(value, math.inf) if value < 1e-2 else value

    monkeypatch.setattr(fingerprint, "math", Library)
    assert numeric_fingerprint() != here


def test_what_differs_is_named() -> None:
    first = Platform("ab", "CPython 3.11.7", "glibc 2.36", "x86_64")
    assert first.differences(Platform("cd", "CPython 3.13.0", "glibc 2.36", "x86_64")) == ("numbers", "python")

"""The names of the platform that this process runs on."""

import platform
from pathlib import Path
from typing import Final

from polyterm.quant.fingerprint import Platform, numeric_fingerprint

_CPU_INFO: Final = Path("/proc/cpuinfo")


def this_platform() -> Platform:
    libm = " ".join(part for part in platform.libc_ver() if part) or f"{platform.system()} {platform.release()}"
    return Platform(
        numbers=numeric_fingerprint(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        libm=libm,
        cpu=" ".join(part for part in (platform.machine(), _cpu_model()) if part),
    )


def _cpu_model() -> str:
    """As the kernel names it; empty where it does not say."""
    try:
        lines = _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":") for line in lines)
    return next((value.strip() for name, _, value in named if name.strip() == "model name"), "")

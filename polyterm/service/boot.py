"""Which run of this machine's system this is: what was written without waiting for the disk outlives a process, but not
a power cut."""

import logging
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

_LINUX: Final = Path("/proc/sys/kernel/random/boot_id")
_MACOS: Final = ("/usr/sbin/sysctl", "-n", "kern.bootsessionuuid")
_PATIENCE_S: Final = 2.0

log = logging.getLogger(__name__)


@cache
def boot_id() -> str | None:
    """Another one after every start of the machine; None where it cannot be told."""
    try:
        if sys.platform == "darwin":
            run = subprocess.run(_MACOS, capture_output=True, check=True, text=True, timeout=_PATIENCE_S)  # noqa: S603
            told = run.stdout
        else:
            told = _LINUX.read_text(encoding="ascii")
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        log.warning("when this machine was started cannot be told: %s", error)
        return None
    return told.strip() or None

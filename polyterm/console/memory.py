"""What the console remembers from one start to the next: the theme that was kept, and whether the tour was taken."""

import os
from pathlib import Path

import msgspec


class Remembered(msgspec.Struct, frozen=True):
    theme: str | None = None
    toured: bool = False


class Memory:
    """A small JSON file; ``path`` None remembers nothing beyond this run.

    Losing it costs nothing but habits, so trouble with the file is a sentence to show and never an error.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self.problem = ""
        self.now = self._read()

    def _read(self) -> Remembered:
        if self._path is None:
            return Remembered(toured=True)
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Remembered)
        except FileNotFoundError:
            return Remembered()
        except (OSError, msgspec.MsgspecError) as error:
            self.problem = f"What the console remembered cannot be read ({self._path}: {error}): it begins anew."
            return Remembered(toured=True)

    def keep(self, *, theme: str | None = None, toured: bool | None = None) -> None:
        """Remember what is given; ``problem`` says why it will be forgotten when it cannot be written."""
        known = self.now if self._path is None else self._read()  # another console may have remembered something since
        self.now = Remembered(theme or known.theme, known.toured if toured is None else toured)
        self.problem = ""
        if self._path is None:
            return
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            beside.write_bytes(msgspec.json.encode(self.now))
            beside.replace(self._path)
        except OSError as error:
            self.problem = f"This will be forgotten: {self._path} cannot be written ({error.strerror})."

"""What becomes of a command whose output nobody takes any more."""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import click

from polyterm.errors import EXIT_OK, ConfigError

_OF_WRITING: Final = {errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


@contextmanager
def told_in_a_sentence(is_of_output: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """For commands that write to stdout alone, which is asked after the error. One whose reader is gone, like ``head``,
    ends quietly.

    Raises:
        ConfigError: what stdout is cannot be written.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        if error.errno not in _OF_WRITING or error.filename is not None or not is_of_output():
            raise
        _let_go()
        if error.errno == errno.EPIPE:
            raise click.exceptions.Exit(EXIT_OK) from None
        raise ConfigError(f"The output cannot be written: {os.strerror(error.errno)}.") from None


def _let_go() -> None:
    """What is still to be flushed goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)

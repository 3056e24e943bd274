"""Errors, named by what they make the program do.

PolytermError
├── ConfigError      stop: say what, where and what to do, exit code 2
├── FeedError        reconnect, with back-off
├── StoreError       keep collecting, say so, try again
├── LeaseLost        stop at once and write nothing: the database has another owner
└── LinkError        the engine cannot be reached: say how to start or find it, exit code 2
"""

from typing import Final

EXIT_OK: Final = 0
EXIT_BAD_INPUT: Final = 2


class PolytermError(Exception):
    """The message is one sentence for the person at the terminal."""


class ConfigError(PolytermError):
    """Something that the user gave is wrong."""


class FeedError(PolytermError):
    """A venue could not be reached, or said no."""


class StoreError(PolytermError):
    """The database refused or failed."""


class LeaseLost(PolytermError):
    """Another instance has become the writer of the database."""


class LinkError(PolytermError):
    """A running engine could not be reached, or hung up."""

"""The one place that names the concrete feeds."""

from polyterm.service.sources import Emit, Sources
from polyterm.settings import Settings
from polyterm.transport.clock import Clock


def venues(settings: Settings, clock: Clock, emit: Emit) -> Sources:
    raise NotImplementedError

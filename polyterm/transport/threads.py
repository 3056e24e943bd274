"""Threads for what blocks inside libraries, the look-up of a name above all."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Thread
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class UnawaitedThreads(ThreadPoolExecutor):
    """A default executor of an event loop whose threads nobody waits for, neither the loop's end nor the process's.

    A look-up that no name server answers blocks its thread for half a minute and cannot be cancelled. Every call gets a
    thread of its own, so that such ones do not stand in the way of others; each feed makes only a few. Not for work
    that must be finished, like writing to a disk.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - it goes to who asked
                future.set_exception(error)
            else:
                future.set_result(result)

        Thread(target=work, name="unawaited", daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Returns at once, whatever is asked for."""

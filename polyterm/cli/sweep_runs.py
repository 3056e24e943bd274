"""Where the pieces of a sweep are worked off: here, in processes of this machine, or on a Dask cluster."""

import importlib
import signal
from collections.abc import Generator, Sequence
from typing import Any, Final

from polyterm.engine.sweep import Piece, SweptRecording
from polyterm.engine.sweep_results import VariantTrades
from polyterm.errors import ConfigError

Done = tuple[Piece, list[VariantTrades]]

CONNECT_TIMEOUT_S: Final = 10.0
PATIENCE_S: Final = 600.0

_recordings: Sequence[SweptRecording] = ()
"""What this worker process was given when it began."""


def run_here(recordings: Sequence[SweptRecording], pieces: Sequence[Piece]) -> Generator[Done]:
    for piece in pieces:
        yield piece, recordings[piece.place].run(piece.entries)


def run_in_processes(recordings: Sequence[SweptRecording], pieces: Sequence[Piece], jobs: int) -> Generator[Done]:
    """Pieces as they are done, in any order. When it is left early, pieces that have not begun are dropped."""
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from multiprocessing import get_context

    executor = ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=_begin, initargs=(tuple(recordings),)
    )
    try:
        futures = {executor.submit(_work, piece): piece for piece in pieces}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _begin(recordings: Sequence[SweptRecording]) -> None:
    global _recordings  # noqa: PLW0603 - a worker process serves one sweep
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C goes to every process; the one that counts them decides
    _recordings = recordings


def _work(piece: Piece) -> list[VariantTrades]:
    return _recordings[piece.place].run(piece.entries)


def run_on_cluster(recordings: Sequence[SweptRecording], pieces: Sequence[Piece], address: str) -> Generator[Done]:
    """As ``run_in_processes``, on the workers of the scheduler at ``address``; recordings are sent to them once.

    Raises:
        ConfigError: ``distributed`` is not installed, nobody answers or works there, or nothing came for ten minutes.
    """
    distributed = _distributed()
    with _connected(distributed, address) as client:
        if not client.scheduler_info()["workers"]:
            raise ConfigError(f"The cluster at {address} has no workers.")
        sent = client.scatter(list(recordings), broadcast=True, hash=False)
        pending = {client.submit(_work_on, sent[piece.place], piece, pure=False): piece for piece in pieces}
        try:
            while pending:
                done = distributed.wait(list(pending), timeout=PATIENCE_S, return_when="FIRST_COMPLETED").done
                for future in done:
                    yield pending.pop(future), future.result()
        except TimeoutError:
            raise ConfigError(f"The cluster at {address} finished nothing for {PATIENCE_S:.0f} seconds.") from None
        finally:
            client.cancel(list(pending))


def _distributed() -> Any:
    try:
        return importlib.import_module("distributed")
    except ImportError:
        raise ConfigError("A cluster needs Dask's distributed: pip install 'polyterm-console[cluster]'") from None


def _connected(distributed: Any, address: str) -> Any:
    try:
        return distributed.Client(address, timeout=CONNECT_TIMEOUT_S)
    except (OSError, TimeoutError, ValueError) as error:
        raise ConfigError(f"The cluster at {address} cannot be reached: {error}.") from None


def _work_on(recording: SweptRecording, piece: Piece) -> list[VariantTrades]:
    return recording.run(piece.entries)

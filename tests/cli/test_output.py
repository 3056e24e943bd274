"""Where a command's output goes may be full, or gone."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from polyterm.store.location import SqliteFile
from tests.store.reported import store_example

COMMANDS = (["trades"], ["export", "ticks", "--format", "csv"], ["export", "ticks", "--format", "parquet"])


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("output") / "polyterm.db"
    asyncio.run(store_example(SqliteFile(path)))
    return path


def ended(arguments: Sequence[str], output: int) -> tuple[int, str]:
    """Exit code and what was said of it."""
    result = subprocess.run(
        [sys.executable, "-m", "polyterm", *arguments], stdout=output, stderr=subprocess.PIPE, check=False, timeout=30
    )
    return result.returncode, result.stderr.decode()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_output_that_cannot_be_written_is_told_in_a_sentence(arguments: Sequence[str], database: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        told = ended([*arguments, "--db", str(database)], full.fileno())
    assert told == (2, "polyterm: The output cannot be written: No space left on device.\n")


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_reader_that_has_seen_enough_ends_it_quietly(arguments: Sequence[str], database: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert ended([*arguments, "--db", str(database)], writing) == (0, "")
    finally:
        os.close(writing)

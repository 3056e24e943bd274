"""Fixtures for all tests: nothing of the developer's own machine, settings or terminal reaches a test."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.postgres import Cluster, find_binaries


def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as there are cores: many tests wait for a process or a socket."""
    return max(1, (os.cpu_count() or 1) * 3 // 2)


RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def isolated_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name == "TEXTUAL_SNAPSHOT_TEMPDIR":  # the picture plugin's own
            continue
        if name.startswith(("POLYTERM_", "POLYMARKET_", "TEXTUAL", "RAILWAY_")) or name in {
            "NO_COLOR", "COLORTERM", "FORCE_COLOR", "DATABASE_URL", "PORT", "DASHBOARD_PORT",
        }:  # fmt: skip
            monkeypatch.delenv(name)
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
        folder = tmp_path / name.lower()
        folder.mkdir(mode=0o700)
        monkeypatch.setenv(name, str(folder))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Recorded market data; it is not part of this repository, so tests that read it skip where it is absent."""
    if not RECORDINGS.is_dir():
        pytest.skip(
            f"the recorded market data is not beside this checkout ({RECORDINGS.parent.name}/{RECORDINGS.name})"
        )
    return RECORDINGS


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running PostgreSQL server, one in each test process. Who stops it starts it again."""
    try:
        find_binaries()
    except LookupError as error:
        pytest.skip(str(error))
    server = Cluster()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def postgres(cluster: Cluster) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    name = cluster.create()
    yield cluster.url(name)
    cluster.thaw()
    cluster.start()
    cluster.drop(name)


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Note a figure that the run should tell when it is over."""

    def note(figure: str) -> None:
        request.node.user_properties.append(("measured", figure))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    figures = [text for report in reports for name, text in report.user_properties if name == "measured"]
    if figures:
        terminalreporter.section("measured")
        for figure in sorted(figures):
            terminalreporter.write_line(figure)

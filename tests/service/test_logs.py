import io
import json
import logging
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from polyterm.service import logs
from polyterm.service.logs import log_to_stdout

log = logging.getLogger("polyterm.test")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root, ours = logging.getLogger(), logging.getLogger("polyterm")
    before = root.handlers, root.level, ours.level
    stream = io.StringIO()
    log_to_stdout(stream=stream)
    yield stream
    root.handlers = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_the_fields_given(stream: io.StringIO) -> None:
    log.info("opened %s", "btc", extra={"feed": "binance", "tries": 2})
    (line,) = lines(stream)
    assert {key: line[key] for key in ("level", "logger", "message", "feed", "tries")} == {
        "level": "info", "logger": "polyterm.test", "message": "opened btc", "feed": "binance", "tries": 2,
    }  # fmt: skip


def test_a_traceback_stays_on_its_line(stream: io.StringIO) -> None:
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        log.exception("failed\nbadly")
    (line,) = lines(stream)
    assert "ZeroDivisionError" in str(line["traceback"])


def test_repeats_are_left_out_but_not_the_first_errors(stream: io.StringIO) -> None:
    for number in range(5):
        log.warning("down again: %d", number, extra={"feed": "binance"})
    log.warning("down again: %d", 0, extra={"feed": "gamma"})
    log.error("lost")
    log.error("lost")
    assert [line["message"] for line in lines(stream)] == ["down again: 0", "down again: 0", "lost", "lost"]


def test_a_flood_of_errors_is_counted_instead(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(500):
        log.error("lost")
    assert len(lines(stream)) == 10
    monkeypatch.setattr(logs, "REPEAT_WITHIN_S", 0.0)  # half a minute later
    log.error("lost")
    assert lines(stream)[-1]["left_out"] == 490


def test_what_says_always_is_never_left_out(stream: io.StringIO) -> None:
    for state in ("KILLED", "RUNNING", "KILLED"):
        log.warning("trading is %s", state, extra={"always": True})
    assert [line["message"] for line in lines(stream)] == [
        "trading is KILLED",
        "trading is RUNNING",
        "trading is KILLED",
    ]
    assert "always" not in lines(stream)[0]


def test_libraries_speak_from_warnings_up(stream: io.StringIO) -> None:
    logging.getLogger("httpx").info("GET https://host/?key=secret")
    assert lines(stream) == []


def test_a_secret_that_is_logged_by_mistake_stays_hidden(stream: io.StringIO) -> None:
    log.info("starting", extra={"token": SecretStr("hunter2")})
    assert "hunter2" not in stream.getvalue()

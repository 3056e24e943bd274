"""What ``polyterm replay`` takes as a source, and which part of it."""

import datetime
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from polyterm.cli.sources import merged, parse_span
from polyterm.core.input import Outcome, Payload, WindowEnded, WindowOpened
from polyterm.core.tick import Tick
from polyterm.errors import ConfigError
from polyterm.store.span import Span

EPOCH = 1_770_000_300


def line(second: int, coin: str = "btc", epoch: int = EPOCH) -> dict[str, Any]:
    return {
        "timestamp_ms": (epoch + second) * 1000, "crypto": coin, "window_epoch": epoch,
        "up_bid": 0.49, "up_ask": 0.5, "spot_price": 1000.0, "price_to_beat": 1000.0,
    }  # fmt: skip


def end(coin: str = "btc", epoch: int = EPOCH) -> dict[str, Any]:
    return {"type": "window_end", "ts": (epoch + 900) * 1000, "crypto": coin, "epoch": epoch, "outcome": "up"}


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Two windows of btc and, between their rows, one of eth."""
    rows = [row for second in range(1, 6) for row in (line(second), line(second, "eth"))]
    rows += [end(), end("eth"), *(line(second, epoch=EPOCH + 900) for second in range(1, 4)), end(epoch=EPOCH + 900)]
    path = tmp_path / "ticks.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read(source: Path | str, span: Span) -> list[Payload]:
    failures: list[str] = []
    found = [payload for _, payload in merged([str(source)], {}, span, failures)]
    assert failures == []
    return found


def kinds(payloads: list[Payload]) -> list[str]:
    return [type(payload).__name__ for payload in payloads]


def test_coins_leave_the_others_out(recording: Path) -> None:
    found = read(recording, parse_span(None, None, "eth"))
    assert kinds(found) == ["WindowOpened", *["Tick"] * 5, "WindowEnded", "Outcome"]
    assert {payload.key.coin for payload in found if isinstance(payload, Tick)} == {"eth"}


def test_a_span_keeps_the_ends_and_outcomes_of_the_windows_that_it_touches(recording: Path) -> None:
    found = read(recording, parse_span(str(EPOCH + 3), str(EPOCH + 900), "btc"))
    slots = [payload.slot - EPOCH for payload in found if isinstance(payload, Tick)]
    assert slots == [3, 4, 5]
    assert {type(payload) for payload in found} == {Tick, WindowOpened, WindowEnded, Outcome}
    assert {payload.key.epoch for payload in found if not isinstance(payload, Tick)} == {EPOCH}


def test_a_span_may_be_given_as_dates() -> None:
    span = parse_span("2026-02-02", "2026-02-02T12:00", "xrp,btc")
    noon = datetime.datetime(2026, 2, 2, 12, tzinfo=datetime.UTC)
    assert span == Span(int(noon.timestamp() - 43_200) * 1000, int(noon.timestamp()) * 1000, ("btc", "xrp"))


@pytest.mark.parametrize(
    ("start", "end_", "coins", "sentence"),
    [
        ("2026-02-02", "2026-02-01", None, "--from 2026-02-02 is not before --to 2026-02-01"),
        ("soon", None, None, "'soon' is no time"),
        (None, None, "btc,doge", "Unknown coin 'doge'"),
    ],
)
def test_a_span_that_makes_no_sense_is_refused(start: str, end_: str, coins: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        parse_span(start, end_, coins)


def test_a_database_url_that_is_not_supported_says_so_and_the_rest_goes_on(recording: Path) -> None:
    failures: list[str] = []
    found = list(merged(["mysql://u:secret@h/db", str(recording)], {}, Span(), failures))
    assert len(found) > 10
    (failure,) = failures
    assert "mysql" in failure
    assert "secret" not in failure


def parquet(path: Path) -> Path:
    """The recording's rows of btc as a Parquet file."""
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.Table.from_pylist([{**line(second), "timestamp": None, "note": "x"} for second in range(1, 6)])
    pytest.importorskip("pyarrow.parquet").write_table(table, path)
    return path


def test_parquet_rows_are_the_ticks_that_json_lines_would_be(recording: Path, tmp_path: Path) -> None:
    same = [payload for payload in read(parquet(tmp_path / "a.parquet"), Span()) if isinstance(payload, Tick)]
    span = parse_span(None, str(EPOCH + 900), "btc")
    assert same == [payload for payload in read(recording, span) if isinstance(payload, Tick)]


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 and so on PAR1")
    failures: list[str] = []
    assert list(merged([str(path)], {}, Span(), failures)) == []
    assert failures == [f"{path} is a Parquet file, which needs pyarrow: pip install 'polyterm-console[parquet]'."]


def test_a_damaged_parquet_file_is_a_sentence(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 and so on PAR1")
    failures: list[str] = []
    assert list(merged([str(path)], {}, Span(), failures)) == []
    assert failures[0].startswith(f"{path} cannot be read after row 0: ")


def test_a_command_without_a_source_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "polyterm", "replay"], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "Missing argument 'SOURCE...'" in done.stderr

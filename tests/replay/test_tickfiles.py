"""Recordings as inputs: one tick a second, windows, strikes, outcomes, and files that are no recordings."""

import gzip
import json
import lzma
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import zstandard

from polyterm.core.input import Outcome, Payload, WindowEnded, WindowOpened
from polyterm.core.market import MarketKey, Reference
from polyterm.core.tick import Tick
from polyterm.engine.engine import Engine
from polyterm.engine.replay import replay
from polyterm.errors import ConfigError
from polyterm.store.tickfiles import read_ticks

EPOCH = 1_770_000_300
KEY = MarketKey("btc", "15m", EPOCH)
HEADER = (
    "ts_ms,coin,tf,window,up_bid,up_bid_sz,up_ask,up_ask_sz,down_bid,down_bid_sz,down_ask,down_ask_sz,spot,spot_src,"
    "oracle,price_to_beat"
)


def csv_row(ms: int, *, coin: str = "BTC", tf: int = 900, window: int = EPOCH, up: str = "0.49,,0.5,",
            spot: str = "1000", oracle: str = "", strike: str = "") -> str:  # fmt: skip
    """A row ``ms`` after the start of the window."""
    return f"{EPOCH * 1000 + ms},{coin},{tf},{window},{up},,,,,{spot},binance,{oracle},{strike}"


def json_row(second: int, **fields: object) -> str:
    base = {
        "type": "tick", "timestamp_ms": (EPOCH + second) * 1000, "crypto": "btc", "window_epoch": EPOCH,
        "up_bid": 0.49, "up_ask": 0.5, "spot_price": 1000.0, "price_to_beat": 999.0,
    }  # fmt: skip
    return json.dumps(base | fields)


def end_row(**fields: object) -> str:
    base = {"type": "window_end", "ts": (EPOCH + 900) * 1000, "crypto": "btc", "epoch": EPOCH, "price_to_beat": 999.0}
    return json.dumps(base | fields)


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(*lines: str, name: str = "ticks") -> Path:
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


def payloads(path: Path, outcomes: Path | None = None) -> list[Payload]:
    return [payload for _, payload in read_ticks(path, outcomes)]


def ticks(path: Path, outcomes: Path | None = None) -> list[Tick]:
    return [payload for payload in payloads(path, outcomes) if isinstance(payload, Tick)]


def test_rows_of_one_second_become_one_tick_made_of_the_last(write: Write) -> None:
    path = write(
        HEADER,
        csv_row(1001, up="0.40,,0.5,"),
        csv_row(1700, up="0.41,,0.5,"),
        csv_row(2000, up="0.42,,0.5,"),
        csv_row(2001, up="0.43,,0.5,"),
    )
    assert [(tick.slot - EPOCH, tick.up_bid, tick.book_age_ms) for tick in ticks(path)] == [
        (2, 0.42, 0),
        (3, 0.43, 999),
    ]


def test_a_second_without_a_row_gets_no_tick_and_a_missing_spot_stays_missing(write: Write) -> None:
    path = write(HEADER, csv_row(0), csv_row(5000, spot=""))
    first, second = ticks(path)
    assert (first.slot, second.slot) == (EPOCH, EPOCH + 5)
    assert (second.spot, second.invalid) == (None, "spot_missing")


def test_rows_outside_their_window_are_not_ticks_of_it(write: Write) -> None:
    path = write(HEADER, csv_row(-1000), csv_row(-900), csv_row(899_000), csv_row(899_001), csv_row(950_000))
    assert [tick.slot - EPOCH for tick in ticks(path)] == [0, 899]


def test_rows_of_several_markets_go_second_by_second_in_the_order_of_coins(write: Write) -> None:
    path = write(
        HEADER,
        csv_row(1000, coin="XRP"), csv_row(2000, coin="XRP"), csv_row(1100, coin="BTC", tf=300), csv_row(2000),
        csv_row(1000, coin="ETH"), csv_row(1500, coin="BTC", tf=300),
    )  # fmt: skip
    assert [(tick.slot - EPOCH, tick.key.coin, tick.key.horizon) for tick in ticks(path)] == [
        (1, "eth", "15m"), (1, "xrp", "15m"), (2, "btc", "5m"), (2, "btc", "15m"), (2, "xrp", "15m"),
    ]  # fmt: skip


def test_the_strike_is_the_recorded_one(write: Write) -> None:
    first, second = ticks(write(HEADER, csv_row(0), csv_row(1000, strike="1001.5")))
    assert first.strike == Reference(1000.0, "binance", "spot", EPOCH * 1000)
    assert second.strike == Reference(1001.5, "file", "stream", EPOCH * 1000)


def test_the_spot_of_the_first_two_seconds_is_the_last_resort(write: Write) -> None:
    (second,) = ticks(write(HEADER, csv_row(2000)))
    assert second.strike == Reference(1000.0, "binance", "spot", EPOCH * 1000 + 2000)
    (third,) = ticks(write(HEADER, csv_row(2001)))
    assert (third.strike, third.invalid) == (None, "strike_missing")


OUTCOMES = "coin,tf,window,price_to_beat,final_price,outcome,outcome_source,repo,note"


def test_strike_final_and_outcome_come_from_the_outcomes_file(write: Write) -> None:
    known = write(OUTCOMES, f"BTC,900,{EPOCH},998.5,1003,Up,gamma_resolved,,", "DOGE,900,1,,,Up,,,", name="windows.csv")
    opened, tick, ended, outcome = payloads(write(HEADER, csv_row(10_000)), known)
    assert opened == WindowOpened(KEY, Reference(998.5, "gamma_resolved", "stream", EPOCH * 1000))
    assert isinstance(tick, Tick)
    assert ended == WindowEnded(KEY, Reference(1003.0, "gamma_resolved", "stream", KEY.end * 1000))
    assert outcome == Outcome(KEY, "up", "official", "gamma_resolved", 1003.0)


@pytest.mark.parametrize(
    ("source", "grade"),
    [
        ("gamma_outcome_price", "official"),
        ("derived_from_chainlink_1hz", "stream"),
        ("inferred_from_last_quote", "spot"),
    ],
)
def test_an_outcome_is_as_good_as_its_source(write: Write, source: str, grade: str) -> None:
    known = write(OUTCOMES, f"BTC,900,{EPOCH},,,Down,{source},,", name="windows.csv")
    *_, outcome = payloads(write(HEADER, csv_row(10_000)), known)
    assert outcome == Outcome(KEY, "down", grade, source)


def test_recorded_prices_settle_a_window_that_nothing_else_will(write: Write) -> None:
    whole = write(HEADER, csv_row(0, spot="1000"), csv_row(899_500, spot="1000"))
    *_, outcome = payloads(whole)
    assert outcome == Outcome(KEY, "up", "spot", "recorded prices", 1000.0), "a tie is up"
    against_oracle = write(HEADER, csv_row(0, strike="1000"), csv_row(899_500, spot="1002", oracle="999.9"))
    *_, outcome = payloads(against_oracle)
    assert outcome == Outcome(KEY, "down", "stream", "recorded prices", 999.9)
    cut_short = write(HEADER, csv_row(0), csv_row(800_000))
    assert isinstance(payloads(cut_short)[-1], Tick)


def test_a_window_ends_when_time_has_passed_it(write: Write) -> None:
    path = write(json_row(899), json_row(900, window_epoch=EPOCH + 900), end_row(outcome="down"))
    stamped = list(read_ticks(path))
    assert [type(payload).__name__ for _, payload in stamped] == [
        "WindowOpened", "Tick", "WindowEnded", "WindowOpened", "Tick", "Outcome",
    ]  # fmt: skip
    assert [at_ms for at_ms, _ in stamped] == sorted(at_ms for at_ms, _ in stamped)


def test_a_line_that_ends_a_window(write: Write) -> None:
    *_, ended, outcome = payloads(write(json_row(899), end_row(final_price=999.0)))
    assert ended == WindowEnded(KEY, Reference(999.0, "file", "spot", KEY.end * 1000))
    assert outcome == Outcome(KEY, "up", "spot", "file", 999.0), "a tie is up"


def test_empty_sides_are_missing_quotes(write: Write) -> None:
    (tick,) = ticks(write(json_row(1, up_bid=0, up_bid_size=0, up_ask=0.02, down_bid=0.98, down_ask=1, up_ask_size=7)))
    assert (tick.up_bid, tick.up_bid_size, tick.up_ask, tick.up_ask_size) == (None, None, 0.02, 7.0)
    assert (tick.down_bid, tick.down_ask, tick.invalid) == (0.98, None, "book_one_sided")


def test_the_basis_follows_the_recorded_oracle(write: Write) -> None:
    rows = [csv_row(1000 * second, spot="1001", oracle="1000", strike="1000") for second in range(1, 12)]
    *_, last = ticks(write(HEADER, *rows))
    assert last.spot_basis == pytest.approx(0.0009995)
    assert last.distance == pytest.approx(0.0, abs=1e-12)
    assert ticks(write(HEADER, csv_row(1000, strike="1000")))[0].distance is None


def in_two_members(data: bytes) -> bytes:
    return gzip.compress(data[:9]) + gzip.compress(data[9:])


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, zstandard.compress, in_two_members])
def test_compression_is_told_by_content(write: Write, tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    plain = write(*(json_row(second) for second in range(1, 5)))
    packed = tmp_path / "ticks.jsonl"
    packed.write_bytes(compress(plain.read_bytes()))
    assert payloads(packed) == payloads(plain)


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, zstandard.compress])
def test_a_cut_off_file_gives_what_it_holds_and_then_says_so(
    write: Write, tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    plain = write(*(json_row(second, spot_price=1000 + second**7 % 997 / 7) for second in range(1, 800)))
    packed = tmp_path / "ticks.jsonl.gz"
    packed.write_bytes(compress(plain.read_bytes())[:-20])
    seen = []
    with pytest.raises(ConfigError, match=r"ticks\.jsonl\.gz is cut off after line (\d+): fetch") as caught:  # noqa: PT012
        for _, payload in read_ticks(packed):
            if isinstance(payload, Tick):
                seen.append(payload.slot - EPOCH)
    assert f"after line {len(seen)}:" in str(caught.value)
    assert seen == list(range(1, len(seen) + 1))


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([""], "line 1: neither ticks nor recorded books: no column coin, tf"),
        (["hello"], "line 1: neither ticks nor recorded books: no column coin, tf"),
        ([json_row(1), "{"], "line 2: input data was truncated; repair or remove the line."),
        ([json_row(1), "nonsense"], "line 2: JSON is malformed"),
        ([json_row(1, crypto="doge")], "line 1: invalid enum value 'doge'"),
        ([json_row(1, up_bid="much")], "line 1: expected `float | null`, got `str`"),
        ([json_row(1, up_bid=1.5)], "line 1: up_bid 1.5 is no price between 0 and 1"),
        ([json_row(1, spot_price=-4)], "line 1: spot_price -4 is no price"),
        ([json_row(1, timestamp_ms=None)], "line 1: a tick needs timestamp_ms and window_epoch"),
        ([json_row(1, window_epoch=EPOCH + 1)], f"line 1: {EPOCH + 1} is not the start of a 15m window"),
        ([json_row(1, type="trade")], "line 1: invalid enum value 'trade'"),
        ([json_row(5), json_row(2)], "line 2: 3 s before the line above it; repair or remove the line."),
        ([HEADER, csv_row(0) + ",1"], "line 2: 17 cells instead of 16"),
        ([HEADER, csv_row(0), csv_row(1000, coin="doge")], "line 3: coin 'doge' is not one of btc, eth, sol, xrp"),
        ([HEADER, csv_row(0, tf=60)], "line 2: tf 60 is not one of 300, 900, 3600, 14400 seconds"),
        ([HEADER, csv_row(0, spot="nan")], "line 2: spot 'nan' is not a finite number"),
        ([HEADER, csv_row(0, spot="dear")], "line 2: spot 'dear' is not a number"),
        ([HEADER, csv_row(0, up="49,,50,")], "line 2: up_bid 49 is no price between 0 and 1"),
        ([HEADER.replace("up_ask,", "ask,")], "line 1: neither ticks nor recorded books: no column up_ask."),
    ],
)
def test_nonsense_is_one_sentence_with_its_line(write: Write, lines: list[str], says: str) -> None:
    path = write(*lines)
    with pytest.raises(ConfigError) as caught:
        payloads(path)
    text = str(caught.value)
    assert text.startswith(f"{path}, ")
    assert text.lower().startswith(f"{path}, {says}".lower())
    assert "\n" not in text


def test_everything_but_the_nonsense_is_used(write: Write) -> None:
    wrong = ("x", json_row(3, spot_price=0), json_row(3, up_bid=1.5), json_row(2), json_row(4, price_to_beat=0))
    path = write(json_row(1), json_row(3), *wrong, json_row(5))
    seen = []
    with pytest.raises(ConfigError) as raised:  # noqa: PT012
        for _, payload in read_ticks(path):
            seen.append(payload.slot - EPOCH if isinstance(payload, Tick) else type(payload).__name__)
    assert seen == ["WindowOpened", 1, 3, 5]
    assert "line 3: " in str(raised.value)
    assert "4 more lines were left out." in str(raised.value)


def test_files_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        payloads(tmp_path / "absent.csv")
    with pytest.raises(ConfigError, match="cannot be read"):
        payloads(tmp_path)
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(ConfigError, match=r"empty is empty\."):
        payloads(empty)
    binary = tmp_path / "binary"
    binary.write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(ConfigError, match="line 1: not text in UTF-8"):
        payloads(binary)
    damaged = tmp_path / "damaged.gz"
    damaged.write_bytes(b"\x1f\x8b" + b"\x99" * 50)
    with pytest.raises(ConfigError, match="is damaged after line 0"):
        payloads(damaged)


@pytest.mark.parametrize("line", ["BTC,900,7,,,Up,,,", f"BTC,900,{EPOCH},,,Sideways,,,", f"BTC,900,{EPOCH},x,,Up,,,"])
def test_a_wrong_outcomes_file_is_named(write: Write, line: str) -> None:
    known = write(OUTCOMES, line, name="windows.csv")
    with pytest.raises(ConfigError, match=r"windows\.csv, line 2: "):
        payloads(write(HEADER, csv_row(0)), known)


def test_a_gap_in_the_recording_is_a_gap_in_the_features(write: Write) -> None:
    """Spot jumps after two missing seconds: five samples are five seconds, not five lines."""
    lines = [json_row(second) for second in (1, 2, 3, 6)] + [json_row(7, spot_price=1001.0)]
    events = list(replay(Engine("gap"), read_ticks(write(*lines))))
    opened = {event.position.strategy for event in events if type(event).__name__ == "PositionOpened"}
    lags = {"SpotLagSimple", "SpotLag_Fast", "SpotLag_Confirmed", "SpotLag_Aggressive"}
    assert opened & lags == {"SpotLag_Fast"}, "4 s back is second 3, which is there; 7, 9 and 14 s back are not"


def test_every_recording_replays_to_its_end(recordings: Path) -> None:
    files = sorted((recordings / "ticks").glob("*.csv.gz"))
    assert len(files) == 6
    for file in files:
        engine = Engine(file.stem)
        stamped = list(read_ticks(file, recordings / "windows" / "windows.csv.gz"))
        assert all(before[0] <= after[0] for before, after in pairwise(stamped))
        slots = [(payload.key, payload.slot) for _, payload in stamped if isinstance(payload, Tick)]
        assert len(slots) == len(set(slots)) > 200
        for _ in replay(engine, stamped):
            pass
        assert all(row.disabled is None for row in engine.leaderboard_rows())

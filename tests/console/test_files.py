"""Files that the operator asked for: none is lost, and a picture without dollars has none."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from polyterm.console.files import masked, save

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


def test_two_files_of_one_second_are_two_files(tmp_path: Path) -> None:
    first, second = (save(tmp_path / "new", "screen", ".svg", text, NOON) for text in ("one", "two"))
    assert first.name == "polyterm-screen-20261122-120000.svg"
    assert second.name == "polyterm-screen-20261122-120000-2.svg"
    assert (first.read_text(), second.read_text()) == ("one", "two")


@pytest.mark.parametrize("amount", ["+61.15", "-1,234.50", "-51", "$2,714.55", "-$89.00", "-50"])
def test_amounts_are_blotted_out(amount: str) -> None:
    shown = masked(f'<text x="12.20">P&amp;L&#160;{amount}&#160;costed</text>')
    assert not set("0123456789") & set(shown.partition(">")[2].replace("&#160;", ""))
    assert shown.startswith('<text x="12.20">P&amp;L&#160;')


@pytest.mark.parametrize("public", ["97,123.4", "0.625", "+0.090%", "-1.4¢", "+11.1bp", "btc-15m", "2026-11-22", "64%"])
def test_what_everybody_knows_stays(public: str) -> None:
    assert masked(f"<text>{public}</text>") == f"<text>{public}</text>"

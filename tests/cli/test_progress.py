import pytest

from polyterm.cli.progress import Progress


def after(total: int, read: int, ticks: int) -> Progress:
    progress = Progress(total)
    progress.read(read)
    for _ in range(ticks):
        progress.tick()
    return progress


def test_a_quarter_read_in_three_seconds_leaves_nine() -> None:
    assert after(1000, 250, 6_000).line(3.0) == "██████·················· " + " 25%  6,000 ticks  2,000/s  ETA 0:09"


def test_more_than_announced_is_all() -> None:
    assert " 100%  " in after(1000, 1500, 10).line(1.0)
    assert after(1000, 1500, 10).line(1.0).endswith("ETA 0:00")


@pytest.mark.parametrize("total", [0, 1000])
def test_without_a_share_there_is_no_bar(total: int) -> None:
    assert after(total, 0, 500).line(0.5) == "500 ticks  1,000/s"

"""The garbage collector must not stop the screen, and must find again what a console has left behind."""

import gc

import pytest

from polyterm.console.pauses import short_pauses, uncollected
from tests.waiting import eventually


@pytest.fixture(autouse=True)
def thawed():
    gc.unfreeze()
    yield
    gc.enable()
    gc.unfreeze()


def test_what_is_imported_is_out_of_the_collectors_sight():
    with uncollected():
        assert not gc.isenabled()
        imported = [[]]
    assert gc.isenabled()
    assert not any(found is imported for found in gc.get_objects())


def test_an_import_that_fails_leaves_the_collector_on():
    with pytest.raises(ImportError), uncollected():
        raise ImportError
    assert gc.isenabled()


async def test_after_a_console_everything_is_collected_again():
    with short_pauses(settled_after_s=0.0):
        held = [[]]
        await eventually(lambda: gc.get_freeze_count() > 0, 5)
        assert not any(found is held for found in gc.get_objects())
    assert gc.get_freeze_count() == 0

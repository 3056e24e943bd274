"""The table of strategies holds what the field knows under these names."""

from polyterm.strategies.registry import REGISTRY


def test_names_families_and_order() -> None:
    assert [(entry.name, entry.family) for entry in REGISTRY] == [
        ("SpotLagSimple", "SpotLag"),
        ("SpotLag_Fast", "SpotLag"),
        ("SpotLag_Confirmed", "SpotLag"),
        ("SpotLag_Aggressive", "SpotLag"),
        ("Endgame", "Endgame"),
        ("Endgame_Conservative", "Endgame"),
        ("Endgame_Aggressive", "Endgame"),
        ("Endgame_Safe", "Endgame"),
        ("Endgame_Momentum", "Endgame"),
    ]


def test_every_entry_makes_a_strategy_of_its_own() -> None:
    for entry in REGISTRY:
        assert entry.make() is not entry.make()

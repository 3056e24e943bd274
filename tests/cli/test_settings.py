from pathlib import Path

import pytest

from polyterm.errors import ConfigError
from polyterm.settings import config_path, load


def write_config(text: str) -> Path:
    path = config_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_defaults_need_no_file_and_never_trade_live() -> None:
    settings = load()
    assert settings.coins == ("btc", "eth", "sol", "xrp")
    assert settings.horizon == "15m"
    assert settings.service.host == "127.0.0.1"
    assert settings.service.port is None
    assert not settings.credentials.complete


def test_each_source_overrides_the_one_below(monkeypatch: pytest.MonkeyPatch) -> None:
    write_config('horizon = "5m"\n[console]\ntheme = "light"\n')
    assert load().horizon == "5m"
    monkeypatch.setenv("POLYTERM_HORIZON", "4h")
    assert load().horizon == "4h"
    assert load({"horizon": "15m"}).horizon == "15m"
    assert load({"horizon": "15m"}).console.theme == "light"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[consle]\ntheme = "dark"\n', "unknown key consle: did you mean 'console'?"),
        ('[console]\nthem = "dark"\n', "unknown key console.them: did you mean 'theme'?"),
        ("horizon = \n", "is not valid TOML"),
    ],
)
def test_a_mistake_in_the_config_file_names_file_and_key(text: str, sentence: str) -> None:
    path = write_config(text)
    with pytest.raises(ConfigError) as raised:
        load()
    assert str(path) in str(raised.value)
    assert sentence in str(raised.value)


def test_a_config_file_that_is_named_must_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "live.toml"
    monkeypatch.setenv("POLYTERM_CONFIG", str(path))
    with pytest.raises(ConfigError, match="is not there") as raised:
        load()
    assert str(path) in str(raised.value)
    path.write_text('horizon = "5m"\n')
    assert load().horizon == "5m"


def test_a_value_of_the_wrong_kind_names_the_key() -> None:
    write_config('horizon = "7m"\n')
    with pytest.raises(ConfigError, match="The setting horizon is not valid"):
        load()


def test_a_mistyped_variable_is_refused_with_the_nearest_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYTERM_CONSOLE__THEM", "dark")
    with pytest.raises(
        ConfigError, match=r"POLYTERM_CONSOLE__THEM is not a setting: did you mean POLYTERM_CONSOLE__THEME"
    ):
        load()


def test_customary_names_are_read_and_an_empty_one_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8080")
    monkeypatch.setenv("DATABASE_URL", "")
    assert load().service.port == 8080
    assert load().db is None


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYMARKET_API_KEY", "key-1234")
    monkeypatch.setenv("POLYMARKET_SECRET", "secret-1234")
    monkeypatch.setenv("POLYMARKET_PASSPHRASE", "phrase-1234")
    settings = load()
    assert settings.credentials.complete
    assert "1234" not in repr(settings)
    assert "1234" not in str(settings.model_dump())
    assert "1234" not in repr(load({"db": "postgresql://me:1234@here/polyterm"}))


def test_a_dot_env_file_is_read_under_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(
        "POLYMARKET_API_KEY=a\nPOLYMARKET_SECRET=b\nPOLYMARKET_PASSPHRASE=c\nPORT=7\nDATABASE_URL=low.db\nEDITOR=vi\n"
    )
    assert load().credentials.complete
    assert (load().service.port, load().db) == (7, "low.db")
    monkeypatch.setenv("PORT", "8")
    monkeypatch.setenv("POLYTERM_DB", "high.db")
    assert (load().service.port, load().db) == (8, "high.db")


def test_a_mistyped_name_in_a_dot_env_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("POLYTERM_HORIZN=5m\n")
    with pytest.raises(ConfigError, match="POLYTERM_HORIZN is not a setting: did you mean POLYTERM_HORIZON"):
        load()


@pytest.mark.parametrize(
    ("name", "value"), [("POLYTERM_COINS", "btc,eth"), ("POLYTERM_FEEDS__POLYGON_RPC", "https://rpc.test/secret")]
)
def test_a_list_that_is_not_json_is_told_how_to_be_written(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match="lists are JSON") as raised:
        load()
    assert value not in str(raised.value)

"""The settings in effect: what `cds-service config` prints, what it hides, and their table."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from cds_service import cli
from cds_service.commands.config import HIDDEN, NOTHING, effective, table, with_table
from cds_service.settings import VARIABLES, read_settings
from tests.test_settings import READ

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
Ended = tuple[int, str, str]


@pytest.fixture
def config(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ended]:
    """Run `cds-service config` in an environment of its own: exit code, output, errors."""
    for name in [each for each in os.environ if each.startswith("CDS_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str, **environment: str) -> Ended:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        code = cli.main(["config", *arguments])
        return code, *capsys.readouterr()

    return run


def rows(out: str) -> dict[str, list[str]]:
    """Return by name where a setting comes from, and its value."""
    return {name: rest for name, *rest in (line.split(maxsplit=2) for line in out.splitlines())}


def test_every_setting_with_its_default(config: Callable[..., Ended]) -> None:
    code, out, err = config()
    assert (code, err) == (0, "")
    told = rows(out)
    assert list(told) == list(VARIABLES)
    assert told["CDS_BIND"] == ["default", "127.0.0.1:8000"]
    assert told["CDS_MAX_BODY"] == ["default", "10MiB"]
    assert told["CDS_FHIR_DEADLINE"] == ["default", "3"]
    assert told["CDS_HASH_KEY"] == ["default", "none"]
    assert told["CDS_DATABASE_URL"] == ["default", "sqlite:///cds-service.db"]


def test_whence_a_value_comes(config: Callable[..., Ended], tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("0123456789abcdef0123456789abcdef\n")
    code, out, _ = config("--json", CDS_OPEN="yes", CDS_HASH_KEY_FILE=str(key))
    told: dict[str, Any] = orjson.loads(out)
    assert code == 0
    assert told["CDS_OPEN"] == {"value": "yes", "from": "environment"}
    assert told["CDS_HASH_KEY"] == {"value": HIDDEN, "from": "file"}
    assert told["CDS_CODES"] == {"value": None, "from": "default"}


SECRETS = {
    "a password": ("postgresql://cds:pa55word@db/cds", f"postgresql://cds:{HIDDEN}@db/cds"),
    "no password": ("postgresql://cds@db/cds", "postgresql://cds@db/cds"),
    "no user": ("postgresql://:pa55word@db/cds", f"postgresql://:{HIDDEN}@db/cds"),
    "signs of an address in it": (
        "postgresql://cds:pa55word/@:?pa55word@db/cds",
        f"postgresql://cds:{HIDDEN}@db/cds",
    ),
    "in the query": (
        "postgresql://db/cds?user=cds&password=pa55word&sslmode=require",
        f"postgresql://db/cds?user={HIDDEN}&password={HIDDEN}&sslmode=require",
    ),
    "nowhere": ("none", NOTHING),
}


@pytest.mark.parametrize(("url", "shown"), SECRETS.values(), ids=SECRETS)
def test_a_password_in_an_address_is_hidden(
    config: Callable[..., Ended], url: str, shown: str
) -> None:
    _, out, _ = config(CDS_DATABASE_URL=url)
    assert rows(out)["CDS_DATABASE_URL"] == ["environment", shown]
    assert "pa55word" not in out


@pytest.mark.parametrize("name", [name for name, each in VARIABLES.items() if each.secret])
def test_a_secret_is_not_shown_whatever_it_looks_like(
    config: Callable[..., Ended], name: str
) -> None:
    secret = "postgresql://pa55word:pa55word@x"
    for arguments in ([], ["--json"]):
        code, out, _ = config(*arguments, **{name: secret})
        assert code == 0
        assert HIDDEN in out
        assert ":pa55word" not in out
        assert VARIABLES[name].address or "pa55word" not in out


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, value, *_ in READ if not VARIABLES[name].secret]
)
def test_what_is_shown_sets_the_same(name: str, value: str) -> None:
    settings = read_settings({name: value})
    (shown,) = (each.value for each in effective(settings, {name: value}) if each.name == name)
    field = VARIABLES[name].field
    assert getattr(read_settings({name: shown or ""}), field) == getattr(settings, field)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("CDS_CARD", "x", "CDS_CARD is not a setting of this service"),
        ("CDS_OPEN", "1", "CDS_OPEN cannot be used: write yes or no"),
    ],
)
def test_what_would_not_start_is_refused(
    config: Callable[..., Ended], name: str, value: str, words: str
) -> None:
    code, out, err = config(**{name: value})
    assert (code, out) == (2, "")
    assert err.startswith(f"cds-service: {words}")


def test_the_page_has_the_table_of_all_settings() -> None:
    # The table is written in a checkout, wherever the package itself is taken from.
    page = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    assert with_table(page) == page, "run `make settings`"
    assert all(f"| `{name}` | {each.help} | `" in table() for name, each in VARIABLES.items())
    assert "| `CDS_HASH_KEY` | " in page

"""config: the settings in effect, for people and programs, and where each value comes from."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from cds_service.commands.output import print_json
from cds_service.security.allowed import Base, read_base
from cds_service.settings import IN_FILE, VARIABLES, read_settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from cds_service.settings import Settings

HIDDEN = "(hidden)"
NOTHING = "none"
# The page that lists every setting, and what its table stands between.
PAGE = Path(__file__).parent.parent.parent / "docs" / "operate.md"
BEGIN, END = "<!-- written by `make settings` -->\n", "<!-- to here -->\n"

_KIB, _MIB = 1024, 1024 * 1024
# A user and a password before a host, however the password was written; and what may stand in a
# query without being one.
_CREDENTIALS = re.compile(r"(?<=://)([^:@/?]*):.*@", re.DOTALL)
_QUERY = re.compile(r"([?&])([^=&]*)=([^&]*)")
_TOLD = frozenset({"application_name", "connect_timeout", "sslmode", "target_session_attrs"})


class Origin(StrEnum):
    """Where the value of a setting comes from."""

    DEFAULT = "default"
    ENVIRONMENT = "environment"
    FILE = "file"


class Effective(NamedTuple):
    """One setting as it takes effect; None where it is left out or empty."""

    name: str
    value: str | None
    origin: Origin


def add_to(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    config = add_parser(
        "config",
        help="print the settings in effect",
        description="Print every setting, its value, and where it comes from: default, environment "
        "or file. Secrets are not shown, nor are passwords inside addresses. A name or a value "
        "that cannot be used ends with 2, as it would for serve.",
    )
    config.add_argument("--json", action="store_true", help="print it as JSON")
    config.set_defaults(run=_run)


def _run(asked: argparse.Namespace, settings: Settings) -> int:
    found = effective(settings, os.environ)
    if asked.json:
        print_json({each.name: {"value": each.value, "from": each.origin} for each in found})
        return 0
    wide = max(len(each.name) for each in found)
    for each in found:
        sys.stdout.write(f"{each.name:{wide}}  {each.origin:11}  {each.value or NOTHING}\n")
    return 0


def effective(settings: Settings, environment: Mapping[str, str]) -> list[Effective]:
    """Return every setting as it takes effect, in the order of the table, secrets hidden."""
    found = []
    for name, variable in VARIABLES.items():
        value = _written(getattr(settings, variable.field))
        if variable.secret and value is not None:
            value = _address(value) if variable.address else HIDDEN
        found.append(Effective(name, value, _origin(name, environment)))
    return found


def _origin(name: str, environment: Mapping[str, str]) -> Origin:
    if name in environment:
        return Origin.ENVIRONMENT
    return Origin.FILE if f"{name}{IN_FILE}" in environment else Origin.DEFAULT


def _address(url: str) -> str:
    """Return an address without its password, nor what may be one in its query."""
    shown = _CREDENTIALS.sub(rf"\1:{HIDDEN}@", url)
    return _QUERY.sub(
        lambda part: part[0] if part[2] in _TOLD else f"{part[1]}{part[2]}={HIDDEN}", shown
    )


def _written(value: object) -> str | None:
    """Return a value as one would set it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return _size(value)
    if isinstance(value, ZoneInfo):
        return value.key
    if isinstance(value, Mapping):
        parts = (f"{name}={_joined(each)}" for name, each in value.items())
        return ", ".join(parts) or None
    if isinstance(value, Base | tuple):
        listed = value if isinstance(value, tuple) else (value,)
        return ", ".join(_base(each) if isinstance(each, Base) else each for each in listed) or None
    return f"{value:g}" if isinstance(value, float) else None if value is None else str(value)


def _joined(value: str | frozenset[str]) -> str:
    return value if isinstance(value, str) else "+".join(sorted(value))


def _base(base: Base) -> str:
    """Return a base URL, with where it may stand unless the URL itself says that."""
    if base == read_base(str(base)):
        return str(base)
    return f"{base} at {', '.join(str(network) for network in base.networks)}"


def _size(count: int) -> str:
    for unit, name in ((_MIB, "MiB"), (_KIB, "KiB")):
        if count % unit == 0:
            return f"{count // unit}{name}"
    return str(count)


def table() -> str:
    """Return the table of all settings, as docs/operate.md shows it."""
    lines = ["| name | what it is for | if left out | secret |", "|---|---|---|---|"]
    for each in effective(read_settings({}), {}):
        variable = VARIABLES[each.name]
        secret = f"yes; also `{each.name}{IN_FILE}`" if variable.secret else "no"
        lines.append(f"| `{each.name}` | {variable.help} | `{each.value or NOTHING}` | {secret} |")
    return "\n".join(lines) + "\n"


def with_table(page: str) -> str:
    """Return a page with the table of all settings between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

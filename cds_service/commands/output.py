"""How commands print: complaints, paragraphs as wide as the terminal, and JSON."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import Any

import orjson

from cds_service.render.terminal import clean

_MAX_WIDTH = 100


def complain(text: str) -> None:
    """Say on standard error what is wrong."""
    sys.stderr.write(f"cds-service: {clean(text)}\n")


def plural(noun: str, count: int) -> str:
    """Return a noun as it is said of so many."""
    if count == 1:
        return noun
    return {"criterion": "criteria"}.get(noun, f"{noun}s")


def paragraph(text: str, rest: str = " " * 5) -> None:
    """Print a paragraph, its further lines indented by ``rest``."""
    width = min(shutil.get_terminal_size().columns, _MAX_WIDTH)
    wrapped = textwrap.fill(
        text, width, initial_indent=" " * 5, subsequent_indent=rest, break_on_hyphens=False
    )
    sys.stdout.write(f"{wrapped}\n")


def print_json(value: dict[str, Any]) -> None:
    """Print JSON as UTF-8, whatever the terminal's encoding is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.buffer.flush()

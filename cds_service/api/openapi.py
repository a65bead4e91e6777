"""The OpenAPI document of the HTTP interface, as it was written at the last change of a schema."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

FILE = Path(str(files("cds_service") / "api" / "openapi.json"))


@cache
def document() -> dict[str, Any]:
    """Return the document."""
    parsed: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return parsed

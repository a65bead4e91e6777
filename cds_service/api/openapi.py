"""The OpenAPI document of the HTTP interface, built from the schemas that check the requests."""

from __future__ import annotations

import json
import sys
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

FILE = Path(str(files("cds_service") / "api" / "openapi.json"))


@cache
def document() -> dict[str, Any]:
    """Return the document as it was written at the last change of a schema."""
    parsed: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return parsed


def main() -> None:
    """Write the document anew. `make openapi` runs this; a test holds it in step."""
    from cds_service.api.openapi_builder import build  # noqa: PLC0415  apispec is for development

    FILE.write_text(json.dumps(build(), indent=1, sort_keys=False) + "\n", encoding="utf-8")
    sys.stdout.write(f"written {FILE.name}\n")


if __name__ == "__main__":
    main()

"""Writes what the image consists of as CycloneDX JSON, the same for the same lock.

    python .ci/sbom.py FILE

`make sbom` calls this. Names, licences and what needs what come from the environment, as
cyclonedx-py finds them; which of it the image gets, and the hashes, from the image's lock.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements" / "image.txt"
SCHEMA = SchemaVersion.V1_6
FIND = ("-m", "cyclonedx_py", "environment", "--pyproject", "pyproject.toml",
        "--output-reproducible", "--spec-version", "1.6", sys.executable)  # fmt: skip

Json = dict[str, Any]


def locked() -> dict[str, list[str]]:
    """Return the packages that the lock has for this machine, each with the hashes of its files."""
    packages: dict[str, list[str]] = {}
    for entry in re.split(r"\n(?=\S)", LOCK.read_text(encoding="utf-8")):
        pinned = re.sub(r"\\\n|--hash=\S+|^#.*", " ", entry, flags=re.MULTILINE).strip()
        if not pinned:
            continue
        requirement = Requirement(pinned)
        if requirement.marker is None or requirement.marker.evaluate():
            packages[canonicalize_name(requirement.name)] = re.findall(r"sha256:(\w+)", entry)
    return packages


def narrowed(found: Json, packages: dict[str, list[str]]) -> Json:
    """Return a bill with only these packages in it. Raises KeyError for one that is not found."""
    by_name: dict[str, Json] = {
        canonicalize_name(each["name"]): each for each in found["components"]
    }
    kept = {name: by_name[name] for name in packages}
    for name, each in kept.items():
        each["externalReferences"] = [*_pages(each), _files(each, packages[name])]
    references = {each["bom-ref"] for each in kept.values()}
    references.add(found["metadata"]["component"]["bom-ref"])
    needs = [
        {**each, "dependsOn": [ref for ref in each.get("dependsOn", []) if ref in references]}
        for each in found["dependencies"]
        if each["ref"] in references
    ]
    return {**found, "components": list(kept.values()), "dependencies": needs}


def _pages(component: Json) -> list[Json]:
    return [each for each in component.get("externalReferences", []) if each["type"] == "vcs"]


def _files(component: Json, hashes: list[str]) -> Json:
    """Return what the lock takes for a package: any file of these hashes, from wherever it is."""
    return {
        "type": "distribution",
        "url": component["purl"],
        "hashes": [{"alg": "SHA-256", "content": each} for each in hashes],
    }


def main(target: Path) -> int:
    """Write the bill, and hold it to its schema."""
    ran = subprocess.run([sys.executable, *FIND], capture_output=True, check=True, cwd=ROOT)  # noqa: S603  arguments of our own
    bill = json.dumps(narrowed(json.loads(ran.stdout), locked()), indent=2)
    wrong = JsonStrictValidator(SCHEMA).validate_str(bill)
    if wrong is not None:
        sys.stderr.write(f"sbom: it is not CycloneDX: {wrong}\n")
        return 1
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(f"{bill}\n", encoding="utf-8")
    sys.stdout.write(f"wrote {target}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

"""What the image consists of, as a bill that scanners read; and what an audit comes to."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SBOM, AUDIT = script("sbom"), script("audit")


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Write the bill twice, as `make sbom` does; it is the same."""
    folder = tmp_path_factory.mktemp("sbom")
    texts = set()
    for number in range(2):
        target = folder / str(number) / "sbom.json"
        ran = subprocess.run(
            [sys.executable, ROOT / ".ci" / "sbom.py", target], capture_output=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        texts.add(target.read_text(encoding="utf-8"))
    (text,) = texts
    written: dict[str, Any] = json.loads(text)
    return written


def test_the_bill_has_what_the_image_is_locked_to(bill: dict[str, Any]) -> None:
    """Against the lock as text: every version in it, and every hash."""
    lock = (ROOT / "requirements" / "image.txt").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)", lock, re.MULTILINE))
    for component in bill["components"]:
        name = re.sub(r"[._-]+", "-", component["name"]).lower()
        assert pinned[name] == component["version"]
        (files,) = (e for e in component["externalReferences"] if e["type"] == "distribution")
        assert files["hashes"]
        assert all(f"sha256:{each['content']}" in lock for each in files["hashes"])
        assert component["licenses"], name
    named = {re.sub(r"[._-]+", "-", each["name"]).lower() for each in bill["components"]}
    elsewhere = set(re.findall(r"^([\w.-]+)==\S+ ; ", lock, re.MULTILINE))
    assert named | elsewhere == set(pinned)


def test_the_bill_says_what_needs_what(bill: dict[str, Any]) -> None:
    root = bill["metadata"]["component"]
    assert (root["name"], root["licenses"][0]["license"]["id"]) == ("cds-service", "Apache-2.0")
    references = {each["bom-ref"] for each in bill["components"]} | {root["bom-ref"]}
    needs = {each["ref"]: each["dependsOn"] for each in bill["dependencies"]}
    assert set(needs) == references
    assert {ref for refs in needs.values() for ref in refs} <= references
    assert any(ref.startswith("Flask==") for ref in needs[root["bom-ref"]])


def test_what_the_environment_lacks_is_no_bill() -> None:
    found = {"components": [], "dependencies": [], "metadata": {"component": {"bom-ref": "r"}}}
    with pytest.raises(KeyError, match="flask"):
        SBOM.narrowed(found, {"flask": ["0"]})


CLEAN = {"name": "flask", "version": "3.1.3", "vulns": []}
WEAK = {
    "name": "urllib3",
    "version": "2.0.0",
    "vulns": [
        {"id": "CVE-2099-1", "fix_versions": ["2.0.1"]},
        {"id": "CVE-2099-2", "fix_versions": []},
    ],
}
UNKNOWN = {"name": "flask", "skip_reason": "Dependency not found"}
AUDITS: dict[str, tuple[list[dict[str, Any]] | None, int, str]] = {
    "no weakness": ([CLEAN], 0, "no known weakness\n1 of 1 locked packages audited"),
    "some are not known": (
        [CLEAN, UNKNOWN],
        0,
        "no known weakness\n1 of 2 locked packages audited",
    ),
    "a weakness": (
        [CLEAN, WEAK],
        1,
        (
            "urllib3 2.0.0: CVE-2099-1, mended in 2.0.1\n"
            "urllib3 2.0.0: CVE-2099-2, mended in no version yet\n2 of 2 locked packages audited"
        ),
    ),
    "none is known": ([UNKNOWN], 0, "not audited, the index has no advisories: Dependency not"),
    "nothing is locked": ([], 0, "not audited, the index has no advisories: the lock is empty"),
    "no way there": (None, 0, "not audited, the advisories are out of reach: ConnectionError: x"),
}


@pytest.mark.parametrize(("found", "code", "words"), AUDITS.values(), ids=AUDITS)
def test_an_audit(found: list[dict[str, Any]] | None, code: int, words: str) -> None:
    out = "" if found is None else json.dumps({"dependencies": found, "fixes": []})
    ended, lines = AUDIT.verdict(out, "Traceback\nConnectionError: x\n")
    assert ended == code
    assert "\n".join(lines).startswith(words)


def test_an_audit_that_says_nothing() -> None:
    words = ["not audited, the advisories are out of reach: it said nothing"]
    assert AUDIT.verdict("", "") == (0, words)


def test_an_audit_asks_of_every_lock() -> None:
    whole = set(re.findall(r"sha256:\w+", (ROOT / AUDIT.LOCK).read_text(encoding="utf-8")))
    for lock in (ROOT / "requirements").glob("*.txt"):
        hashes = re.findall(r"sha256:\w+", lock.read_text(encoding="utf-8"))
        assert hashes
        assert set(hashes) <= whole, lock.name

"""Asks whether a locked version has a known weakness; 1 where one has, 0 where none can be told.

`.ci/run` calls this. Without a way to the advisories it says so and lets the rest go on: no machine
without a network could run the checks otherwise.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

# The lock that all others are parts of.
LOCK = "requirements/dev.txt"
ASK = ("-m", "pip_audit", "--disable-pip", "--require-hashes", "--format", "json",
       "--progress-spinner", "off", "--timeout", "10", "--requirement", LOCK)  # fmt: skip


def verdict(out: str, err: str) -> tuple[int, list[str]]:
    """Return the exit code for what pip-audit said, and the lines that say why."""
    try:
        asked: list[dict[str, Any]] = json.loads(out)["dependencies"]
    except (ValueError, KeyError):
        last = err.strip().splitlines()[-1:] or ["it said nothing"]
        return 0, [f"not audited, the advisories are out of reach: {last[0][:200]}"]
    told = [each for each in asked if "skip_reason" not in each]
    if not told:
        why = asked[0]["skip_reason"] if asked else "the lock is empty"
        return 0, [f"not audited, the index has no advisories: {why}"]
    found = [
        f"{each['name']} {each['version']}: {weakness['id']}, "
        f"mended in {', '.join(weakness['fix_versions']) or 'no version yet'}"
        for each in told
        for weakness in each["vulns"]
    ]
    lines = found or ["no known weakness"]
    return int(bool(found)), [*lines, f"{len(told)} of {len(asked)} locked packages audited"]


def main() -> int:
    """Ask, and say what was found."""
    ran = subprocess.run([sys.executable, *ASK], capture_output=True, text=True, check=False)  # noqa: S603  arguments of our own
    code, lines = verdict(ran.stdout, ran.stderr)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return code


if __name__ == "__main__":
    sys.exit(main())

"""nginx from Debian's packages with the configuration of deploy/, before services on loopback."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.waiting import WAIT, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CONFIGURATION = Path(__file__).parents[2] / "deploy/nginx/nginx.conf"


def why_not() -> str | None:
    """Say why no proxy can be started here, or None."""
    return None if shutil.which("nginx") else "nginx is missing (Debian: apt-get install nginx)"


def configuration(port: int, services: Sequence[int], folder: Path) -> str:
    """Return the configuration of deploy/ for one machine: other places, nothing else.

    Debian's nginx 1.22 cannot ask a name again while it runs (`resolve`), so the services stand
    there by address, as the name would be resolved.
    """
    text = CONFIGURATION.read_text(encoding="utf-8")
    servers = "\n".join(f"        server 127.0.0.1:{each} \\1;" for each in services)
    for pattern, instead in (
        (r"^ *resolver .*\n", ""),
        (r"^ *server service:8000 resolve (.*);", servers),
        (r"listen 8080;", f"listen 127.0.0.1:{port};"),
        (r"/tmp/", f"{folder}/"),  # noqa: S108  where the file has it
        (r"/dev/std(err|out)", rf"{folder}/\1.log"),
    ):
        text, times = re.subn(pattern, instead, text, flags=re.MULTILINE)
        assert times, f"{CONFIGURATION} has no {pattern}"
    return text


@contextmanager
def proxy(port: int, services: Sequence[int], folder: Path) -> Iterator[None]:
    """Run nginx on a port until the block ends."""
    file = folder / "nginx.conf"
    file.write_text(configuration(port, services, folder), encoding="utf-8")
    command = ["nginx", "-p", str(folder), "-c", str(file), "-g", "daemon off;"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        until(lambda: _listens(port, process), f"nginx on port {port}: {folder}")
        yield
    finally:
        process.terminate()
        process.wait(WAIT)


def _listens(port: int, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "nginx does not start"
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

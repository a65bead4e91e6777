"""gunicorn, configured as it was measured, serving the application."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication

from cds_service.app import create_app
from cds_service.security.edge import is_loopback
from cds_service.settings import SettingsError
from cds_service.worker import BoundedWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.settings import Settings

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  gunicorn's heartbeat files, not ours


def serve(settings: Settings, workers: int | None = None) -> None:
    """Serve until stopped. Raises SettingsError where it would be open to strangers."""
    if not (settings.open or settings.clients) and not is_loopback(settings.host):
        msg = (
            f"CDS_BIND {settings.bind} can be reached from beyond this machine, and nobody is "
            "asked who calls. Name those who may in CDS_CLIENTS, bind to 127.0.0.1, or set "
            "CDS_OPEN=yes where something in front keeps strangers out."
        )
        raise SettingsError(msg)
    options = gunicorn_options(settings, workers or os.cpu_count() or 1)
    Server(options, lambda: create_app(settings)).run()


def gunicorn_options(settings: Settings, workers: int) -> dict[str, Any]:
    """Return how gunicorn runs, whatever application it serves."""
    options: dict[str, Any] = {
        "bind": settings.bind,
        "workers": workers,
        "worker_class": BoundedWorker,
        "threads": 4,
        "preload_app": True,
        "timeout": 30,
        "graceful_timeout": 20,
        "keepalive": 5,
        "limit_request_line": 4094,
        "limit_request_fields": 50,
        "limit_request_field_size": 8190,
        "control_socket_disable": True,
        "loglevel": settings.log_level.lower(),
        "pre_fork": _freeze,
    }
    if _SHARED_MEMORY.is_dir():
        options["worker_tmp_dir"] = str(_SHARED_MEMORY)
    return options


def _freeze(_arbiter: object, _worker: object) -> None:
    """Leave to all workers what the application holds by now: it is shared and never freed."""
    gc.freeze()


class Server(BaseApplication):
    """gunicorn with our options, serving what ``build`` makes in the master process."""

    def __init__(self, options: dict[str, Any], build: Callable[[], Callable[..., Any]]) -> None:
        """Keep the options; gunicorn asks for the application when it is ready to fork."""
        self._options, self._build = options, build
        super().__init__()

    def load_config(self) -> None:
        """Hand the options to gunicorn, which refuses those it does not know."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Callable[..., Any]:
        """Build the application."""
        return self._build()

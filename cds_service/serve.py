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

if TYPE_CHECKING:
    from flask import Flask

    from cds_service.settings import Settings

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  gunicorn's heartbeat files, not ours


def serve(settings: Settings, workers: int | None = None) -> None:
    """Serve until stopped. Raises SettingsError where it would be open to strangers."""
    if not settings.open and not is_loopback(settings.host):
        msg = (
            f"CDS_BIND {settings.bind} can be reached from beyond this machine, and nobody is "
            "asked who calls. Bind to 127.0.0.1, or set CDS_OPEN=yes where something in front "
            "keeps strangers out."
        )
        raise SettingsError(msg)
    _Server(settings, workers or os.cpu_count() or 1).run()


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn is not typed
    def __init__(self, settings: Settings, workers: int) -> None:
        self._settings, self._workers = settings, workers
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": self._settings.bind,
            "workers": self._workers,
            "worker_class": "gthread",
            "threads": 4,
            "preload_app": True,
            "timeout": 30,
            "graceful_timeout": 20,
            "keepalive": 5,
            "limit_request_line": 4094,
            "limit_request_fields": 50,
            "limit_request_field_size": 8190,
            "control_socket_disable": True,
            "loglevel": self._settings.log_level.lower(),
            # What the application holds by now is shared by all workers and never freed.
            "pre_fork": lambda *_: gc.freeze(),
        }
        if _SHARED_MEMORY.is_dir():
            options["worker_tmp_dir"] = str(_SHARED_MEMORY)
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return create_app(self._settings)

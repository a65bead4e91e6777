"""gunicorn, configured as it was measured, serving the application."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication

from cds_service.logs import configuration, own_level
from cds_service.security.edge import is_loopback
from cds_service.settings import SettingsError
from cds_service.tracing import tracing
from cds_service.worker import BoundedWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    from gunicorn.workers.base import Worker

    from cds_service.settings import Settings

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  heartbeats and counts: fast, and gone at a restart
_YOUNG = 10_000
_COUNTS = "PROMETHEUS_MULTIPROC_DIR"


def serve(settings: Settings, workers: int | None = None) -> None:
    """Serve until stopped. Raises SettingsError where it would be open to strangers."""
    if not (settings.open or settings.clients) and not is_loopback(settings.host):
        msg = (
            f"CDS_BIND {settings.bind} can be reached from beyond this machine, and nobody is "
            "asked who calls. Name those who may in CDS_CLIENTS, bind to 127.0.0.1, or set "
            "CDS_OPEN=yes where something in front keeps strangers out."
        )
        raise SettingsError(msg)
    if settings.smart_issuers and settings.database is None and workers != 1:
        msg = (
            "CDS_SMART_ISSUERS is set and CDS_DATABASE_URL is none: sessions of a launch would be "
            "known to one worker only. Name a database, or serve with --workers 1."
        )
        raise SettingsError(msg)
    options = gunicorn_options(settings, workers or os.cpu_count() or 1)
    options |= {"child_exit": _forget, "worker_exit": _leave}
    os.environ[_COUNTS] = counts = _folder_of_counts()
    master = os.getpid()
    try:
        Server(options, lambda: _build(settings)).run()
    finally:
        # A worker ends by the same way: the folder is not its own.
        if os.getpid() == master:
            shutil.rmtree(counts, ignore_errors=True)
            del os.environ[_COUNTS]


def _folder_of_counts() -> str:
    """Make the folder where worker processes leave their counts: a new one for each master."""
    memory = str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None
    return tempfile.mkdtemp(prefix="cds-service-counts-", dir=memory)


def _build(settings: Settings) -> Callable[..., Any]:
    # prometheus-client looks for the folder of counts when it is imported, so not before it is set.
    from cds_service.app import create_app  # noqa: PLC0415  for that reason

    return create_app(settings, tracing=tracing(os.environ))


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
        # Nothing that a caller says of itself is believed, not even from this machine.
        "forwarded_allow_ips": "",
        "forwarder_headers": "",
        "secure_scheme_headers": {},
        "header_map": "drop",
        # The one parser and protocol that was tried, whatever else is installed.
        "http_parser": "python",
        "http_protocols": "h1",
        "http2_cleartext": "off",
        "control_socket_disable": True,
        "loglevel": own_level(settings.log_level).lower(),
        "logconfig_dict": configuration(settings.log_level),
        "pre_fork": _settle,
    }
    if _SHARED_MEMORY.is_dir():
        options["worker_tmp_dir"] = str(_SHARED_MEMORY)
    return options


def settle() -> None:
    """Let the collector of garbage look at less, and less often.

    What the application holds by now is shared by all workers and never freed. A request makes a
    thousand objects and lets go of them all: the young are looked at when ten times as many are
    left, and not in the middle of each request.
    """
    gc.freeze()
    gc.set_threshold(_YOUNG)


def _settle(_arbiter: object, _worker: object) -> None:
    settle()


def _forget(_arbiter: object, worker: Worker) -> None:
    """Leave a worker that ended out of what is measured of the present."""
    from cds_service.metrics import forget_process  # noqa: PLC0415  as in _build

    forget_process(int(worker.pid))


def _leave(_arbiter: object, worker: Worker) -> None:
    """Bring in what a worker that ends has written ahead, and close its store."""
    application: Any = worker.wsgi
    journal = application.extensions["journal"]
    if journal is not None:
        journal.close()


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

"""The service as a process of its own: it starts, answers, stops, and refuses what is unsafe."""

from __future__ import annotations

import gc
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import closing, suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask

from cds_service import serve as serve_module
from cds_service.security.allowed import read_base
from cds_service.serve import Server, gunicorn_options, serve
from cds_service.settings import Settings, SettingsError
from tests.processes import children
from tests.protocol import check_cards, check_discovery, check_outcome
from tests.records import SERVICE, condition, fever, hook_request, topics, whole_prefetch
from tests.signing import ISS, PUBLIC_URL, claims, signer, write_clients
from tests.waiting import WAIT, free_port, until, until_it_answers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMAND = [sys.executable, "-m", "cds_service"]


def environment(**settings: str) -> dict[str, str]:
    """Return the environment of this process, with no settings but these and no store."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
    return others | {"CDS_DATABASE_URL": "none"} | settings


class Running:
    """A service, on a free port unless CDS_BIND names one; it is asked until it answers."""

    def __init__(self, log: Path, *options: str, **settings: str) -> None:
        bind = settings.get("CDS_BIND") or f"127.0.0.1:{free_port()}"
        self.port = int(bind.rpartition(":")[2])
        self.log = log
        with log.open("ab") as stream:
            self.process = subprocess.Popen(
                [*COMMAND, "serve", "--bind", bind, "--workers", "1", *options],
                env=environment(**settings),
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        until_it_answers(self.process, log, lambda: self.request("GET", "/healthz"))

    def request(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any, http.client.HTTPMessage]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            text = response.read()
            return response.status, json.loads(text) if text else None, response.headers
        finally:
            connection.close()

    def raw(self, request: bytes, *, over: bool = False) -> bytes:
        """Send bytes as they are, ``over`` as the last; return the first line of the answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=WAIT) as connection:
            connection.sendall(request)
            if over:
                connection.shutdown(socket.SHUT_WR)
            return connection.makefile("rb").readline().strip()

    def workers(self) -> list[int]:
        """Return the process ids of the workers that live."""
        return children(self.process.pid)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    service = Running(tmp_path_factory.mktemp("serve") / "log", CDS_MAX_BODY="64KiB")
    yield service
    if service.process.poll() is None:
        service.stop()


JSON = {"Content-Type": "application/json"}
CALL = json.dumps(hook_request(whole_prefetch(condition(), fever(39.4)))).encode()


def test_discovery_and_a_call(running: Running) -> None:
    status, body, headers = running.request("GET", "/cds-services")
    assert status == 200
    check_discovery(body)
    assert headers["Access-Control-Allow-Origin"] == "*"
    status, body, _ = running.request("POST", SERVICE, CALL, JSON)
    assert status == 200
    check_cards(body)
    assert topics(body)  # today is not the day that the record is of; which card is another test


def test_discovery_by_a_plain_client(running: Running) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{running.port}/cds-services/") as answer:
        check_discovery(json.load(answer))


def test_preflight_with_a_double_slash_is_no_redirect(running: Running) -> None:
    status, _, headers = running.request("OPTIONS", f"/{SERVICE}")
    assert status == 200
    assert headers["Access-Control-Allow-Methods"] == "GET, POST, OPTIONS"


def test_a_chunked_body_is_taken(running: Running) -> None:
    chunks = (CALL[place : place + 1_000] for place in range(0, len(CALL), 1_000))
    status, body, _ = running.request("POST", SERVICE, chunks, JSON)
    assert status == 200
    check_cards(body)


def test_a_chunked_body_over_the_limit_is_refused(running: Running) -> None:
    chunks = (b" " * 1_000 for _ in range(70))
    status, body, _ = running.request("POST", SERVICE, chunks, JSON)
    assert status == 413
    check_outcome(body, status)


def test_no_body_and_no_length(running: Running) -> None:
    head = f"POST {SERVICE} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    assert running.raw(f"{head}\r\n".encode()).startswith(b"HTTP/1.1 411 ")
    assert running.raw(f"{head}Content-Length: 0\r\n\r\n".encode()).startswith(b"HTTP/1.1 400 ")


def test_a_body_that_ends_before_its_length_is_refused(running: Running) -> None:
    """It may happen to be JSON: what was cut off behind it is not known."""
    head = (
        f"POST {SERVICE} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(CALL) + 1}\r\n\r\n"
    )
    assert running.raw(head.encode() + CALL, over=True).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "chunks", [b"zz\r\n{}\r\n0\r\n\r\n", b"2\r\n{}XX0\r\n\r\n", b"-2\r\n{}\r\n0\r\n\r\n"]
)
def test_malformed_chunks_are_refused(running: Running, chunks: bytes) -> None:
    head = (
        f"POST {SERVICE} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    assert running.raw(head.encode() + chunks).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("header", ["SCRIPT_NAME", "PATH_INFO", "Script-Name", "X_Forwarded_Proto"])
def test_no_header_says_what_was_called(running: Running, header: str) -> None:
    status, discovery, _ = running.request("GET", "/cds-services", headers={header: "/elsewhere"})
    assert status == 200
    check_discovery(discovery)


def test_a_proxy_is_refused(running: Running) -> None:
    status, body, _ = running.request("GET", "/cds-services", headers={"X-Forwarded-For": "x"})
    assert status == 403
    check_outcome(body, status)


def test_nothing_of_a_patient_is_in_the_log(running: Running) -> None:
    running.request("POST", SERVICE, CALL, JSON)
    running.request("POST", SERVICE, json.dumps(hook_request()).encode(), JSON)
    log = running.log.read_text()
    assert "p1" not in log
    assert "Practitioner" not in log


def test_who_may_call_is_asked_and_the_token_is_not_in_the_log(tmp_path: Path) -> None:
    file = write_clients(tmp_path)
    service = Running(tmp_path / "log", CDS_CLIENTS=str(file), CDS_PUBLIC_URL=PUBLIC_URL)
    token = signer().sign(claims(time.time(), jti="used-once"))
    with_token = JSON | {"Authorization": f"bearer {token}", "X-Forwarded-For": "10.0.0.1"}
    answers = [
        service.request("POST", SERVICE, CALL, headers)
        for headers in (JSON, with_token, with_token)
    ]
    assert [status for status, _, _ in answers] == [401, 200, 401]
    assert answers[2][1] is None
    assert answers[2][2]["WWW-Authenticate"] == "Bearer"
    assert service.stop() == 0
    log = service.log.read_text()
    assert f"(replayed): it was used before; iss '{ISS}', jti 'used-once', kid '" in log
    assert "(missing): there is no Authorization header; iss none, jti none, kid none" in log
    assert not [part for part in token.split(".") if part in log]


def test_it_stops_cleanly(tmp_path: Path) -> None:
    service = Running(tmp_path / "log")
    assert service.stop() == 0
    log = service.log.read_text()
    assert "Shutting down" in log
    assert "Traceback" not in log


# --- what it keeps ---


@pytest.mark.parametrize("durability", ["normal", "full"])
def test_it_keeps_what_it_judged_and_counts_over_all_workers(
    tmp_path: Path, durability: str
) -> None:
    address = f"sqlite:///{tmp_path}/store.db"
    service = Running(tmp_path / "log", CDS_DATABASE_URL=address, CDS_STORE_DURABILITY=durability)
    _, body, _ = service.request("POST", SERVICE, CALL, JSON)
    entry = {
        "card": body["cards"][0]["uuid"],
        "outcome": "accepted",
        "outcomeTimestamp": "2026-11-20T12:00:00Z",
    }
    sent = json.dumps({"feedback": [entry]}).encode()
    assert service.request("POST", f"{SERVICE}/feedback", sent, JSON)[:2] == (200, {})
    _, ready, _ = service.request("GET", "/readyz")
    assert ready["store"] == {"reachable": True, "spooled": 0, "lost": 0}
    with urllib.request.urlopen(f"http://127.0.0.1:{service.port}/metrics") as answer:
        counts = answer.read().decode()
    assert 'cds_calls_total{service="back-pain-patient-view",status="200"} 1.0' in counts
    assert len(re.findall(r"^cds_content_info\{.*\} 1\.0$", counts, flags=re.MULTILINE)) == 1
    assert "cds_store_reachable 1.0" in counts
    second = refuse("serve", "--bind", "127.0.0.1:0", CDS_DATABASE_URL=address)
    assert (second.returncode, "another service runs on" in second.stderr) == (2, True)
    assert service.stop() == 0
    with closing(sqlite3.connect(tmp_path / "store.db")) as database:
        joined = "SELECT outcome FROM feedback JOIN cards ON cards.uuid = feedback.card"
        assert database.execute(joined).fetchall() == [("accepted",)]
        assert database.execute("SELECT count(*) FROM decisions").fetchall() == [(1,)]
        outcomes = "SELECT topic, name, count FROM daily_counts WHERE kind = 'outcome'"
        topic = body["cards"][0]["source"]["topic"]["code"]
        assert database.execute(outcomes).fetchall() == [(topic, "accepted", 1)]
    assert "Traceback" not in service.log.read_text()


def test_what_a_worker_has_written_ahead_is_in_the_database_when_it_has_stopped(
    tmp_path: Path,
) -> None:
    address = f"sqlite:///{tmp_path}/store.db"
    service = Running(tmp_path / "log", CDS_DATABASE_URL=address)
    for _ in range(5):
        assert service.request("POST", SERVICE, CALL, JSON)[0] == 200
    assert service.stop() == 0
    with closing(sqlite3.connect(tmp_path / "store.db")) as database:
        assert database.execute("SELECT count(*) FROM decisions").fetchall() == [(5,)]
    assert list((tmp_path / "store.db.spool").glob("*.ndjson")) == []


def test_what_a_killed_worker_left_is_brought_in_by_the_next(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/store.db"
    service = Running(tmp_path / "log", CDS_DATABASE_URL=address)
    (worker,) = service.workers()
    for _ in range(5):
        assert service.request("POST", SERVICE, CALL, JSON)[0] == 200
    os.kill(worker, signal.SIGKILL)

    def kept() -> int:
        with suppress(OSError):  # the next worker may not have begun
            service.request("GET", "/readyz")
        with closing(sqlite3.connect(tmp_path / "store.db")) as database:
            ((count,),) = database.execute("SELECT count(*) FROM decisions").fetchall()
        return int(count)

    until(lambda: kept() >= 5, "what the killed worker left")
    assert kept() == 5
    assert service.stop() == 0


# --- what it refuses ---


def refuse(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=WAIT,
        check=False,
    )


@pytest.mark.parametrize(
    "bind",
    ["0.0.0.0:8000", "[::]:8000", "192.0.2.1:8000", "ehr.example.org:80"],
)
def test_a_public_address_is_refused(bind: str) -> None:
    with pytest.raises(SettingsError, match="CDS_OPEN=yes"):
        serve(Settings(bind=bind))


def test_launches_without_a_database_take_one_worker() -> None:
    settings = Settings(
        smart_client_id="x",
        smart_issuers=(read_base("https://ehr.example.org/fhir"),),
        public_url=PUBLIC_URL,
    )
    with pytest.raises(SettingsError, match="--workers 1"):
        serve(settings, workers=2)


REFUSED: dict[str, tuple[list[str], dict[str, str], str]] = {
    "clients in a file of another kind": (["serve"], {"CDS_CLIENTS": __file__}, "is not JSON"),
    "a public address": (["serve"], {"CDS_BIND": "0.0.0.0:0"}, "set CDS_OPEN=yes"),
    "a public address by hand": (["serve", "--bind", "0.0.0.0:0"], {}, "set CDS_OPEN=yes"),
    "no address": (["serve", "--bind", "8000"], {}, "HOST:PORT"),
    "a setting nobody knows": (["serve"], {"CDS_CARD": "x"}, "CDS_CARD is not a setting"),
    "a setting of no use": (["serve"], {"CDS_OPEN": "1"}, "CDS_OPEN cannot be used"),
    "no folder of cards": (["serve"], {"CDS_CARDS": "/nope"}, "no such folder"),
    "a profile nobody knows": (["serve"], {"CDS_PROFILE": "x"}, "CDS_PROFILE 'x'"),
}


@pytest.mark.parametrize(("arguments", "settings", "words"), REFUSED.values(), ids=REFUSED)
def test_refused_with_one_line_and_exit_code_2(
    arguments: list[str], settings: dict[str, str], words: str
) -> None:
    ended = refuse(*arguments, **settings)
    assert ended.returncode == 2, ended.stderr
    (line,) = [line for line in ended.stderr.splitlines() if not line.startswith("[")]
    assert line.startswith("cds-service: ")
    assert words in line


def test_a_public_address_where_callers_are_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Server, "run", lambda server: server.load())
    file = write_clients(tmp_path)
    serve(Settings(bind="0.0.0.0:0", clients=file, public_url=PUBLIC_URL))
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ, "the folder of counts is gone"
    with pytest.raises(SettingsError, match="set CDS_PUBLIC_URL to the address that callers use"):
        serve(Settings(bind="0.0.0.0:0", clients=file))


def test_bad_content_is_refused_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "findings").mkdir()
    (tmp_path / "findings" / "pain.yaml").write_text("back-pain:\n  colour: red\n")
    ended = refuse("serve", "--bind", "127.0.0.1:0", CDS_CARDS=str(tmp_path))
    assert ended.returncode == 2, ended.stderr
    assert "nothing was started" in ended.stderr
    assert "Traceback" not in ended.stderr


# --- how gunicorn runs ---


def test_options_of_gunicorn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(serve_module, "_SHARED_MEMORY", tmp_path)
    options = gunicorn_options(Settings(bind="127.0.0.1:9", log_level="ERROR"), workers=3)
    assert (options["bind"], options["workers"], options["loglevel"]) == ("127.0.0.1:9", 3, "error")
    assert options["worker_tmp_dir"] == str(tmp_path)
    quiet = gunicorn_options(Settings(log_level="DEBUG"), workers=1)
    assert quiet["loglevel"] == "info", "at debug it repeats what it could not read"
    assert quiet["logconfig_dict"]["loggers"]["gunicorn.error"]["level"] == "INFO"
    monkeypatch.setattr(serve_module, "_SHARED_MEMORY", tmp_path / "nope")
    assert "worker_tmp_dir" not in gunicorn_options(Settings(), workers=1)


def test_serve_hands_its_application_to_gunicorn(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran: list[Server] = []

    def keep(server: Server) -> None:
        ran.append(server)

    monkeypatch.setattr(Server, "run", keep)
    monkeypatch.setattr(serve_module, "_SHARED_MEMORY", tmp_path)
    serve(Settings(bind="0.0.0.0:0", open=True), workers=2)
    assert list(tmp_path.iterdir()) == [], "the folder of counts is gone with the master"
    (server,) = ran
    assert server.cfg.settings["workers"].get() == 2
    assert isinstance(server.load(), Flask)
    before = gc.get_threshold()
    try:
        server.cfg.settings["pre_fork"].get()(None, None)
        assert gc.get_threshold()[0] > before[0], "not in the middle of every request"
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    server.cfg.settings["child_exit"].get()(None, SimpleNamespace(pid=1))

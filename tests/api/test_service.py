"""Health, counts, and what is remembered of an assessment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from prometheus_client import values

from cds_service import metrics
from cds_service.app import create_app
from cds_service.journal import Health
from cds_service.settings import Settings, SettingsError
from tests.protocol import CheckedClient
from tests.records import ASSESS, NOW, SERVICE, condition, hook_request, record, whole_prefetch

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

    from cds_service.journal import Judged


class Memory:
    """A journal that keeps calls in a list, and is as well as it is told."""

    sessions = counts = None  # for pages, which are not asked for here

    def __init__(self) -> None:
        self.calls: list[Judged] = []
        self.state = Health(reachable=True)

    def judged(self, call: Judged) -> None:
        self.calls.append(call)

    def health(self) -> Health:
        return self.state


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def keeping(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setattr("cds_service.app.open_store", lambda *_, **__: memory)
    app = create_app(Settings(database="sqlite:///any.db"), now=lambda: NOW)
    app.test_client_class = CheckedClient
    return app.test_client()


def test_an_assessment_is_remembered_without_a_patient(
    keeping: FlaskClient, memory: Memory
) -> None:
    cards = keeping.post(ASSESS, json=record(condition())).get_json()["cards"]
    assert keeping.post(ASSESS, json={"findings": {}}).status_code == 412
    judged, not_judged = memory.calls
    assert (judged.service, judged.patient, judged.encounter) == ("assessment", None, None)
    assert [each.uuid for each in judged.cards] == [each["uuid"] for each in cards]
    assert not not_judged.decision.judged


def test_ready_while_judged_calls_are_kept_somewhere(keeping: FlaskClient, memory: Memory) -> None:
    assert keeping.get("/readyz").get_json()["store"] == {
        "reachable": True,
        "spooled": 0,
        "lost": 0,
    }
    memory.state = Health(reachable=False, spooled=3)
    answer = keeping.get("/readyz")
    assert answer.status_code == 200
    assert answer.get_json()["store"] == {"reachable": False, "spooled": 3, "lost": 0}


def test_not_ready_while_they_are_lost(keeping: FlaskClient, memory: Memory) -> None:
    memory.state = Health(reachable=False, lost=7, keeping=False)
    answer = keeping.get("/readyz")
    assert answer.status_code == 503
    assert "7 are lost" in answer.get_json()["issue"][0]["details"]["text"]


def test_ready_without_a_store(client: FlaskClient) -> None:
    assert "store" not in client.get("/readyz").get_json()


def test_a_store_that_must_not_be_used_refuses_to_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="CDS_HASH_KEY is not set"):
        create_app(Settings(database="postgresql://h/n"))
    app = create_app(Settings(database=f"sqlite:///{tmp_path}/s.db", durability="full"))
    with pytest.raises(SettingsError, match="another service runs on"):
        create_app(Settings(database=f"sqlite:///{tmp_path}/s.db"))
    app.extensions["journal"].close()


def counts(client: FlaskClient) -> dict[str, float]:
    lines = client.get("/metrics").get_data(as_text=True).splitlines()
    pairs = [line.rsplit(" ", 1) for line in lines if line and not line.startswith("#")]
    return {name: float(value) for name, value in pairs}


def test_calls_and_cards_are_counted(client: FlaskClient) -> None:
    def call(status: int, service: str = "back-pain-patient-view") -> str:
        return f'cds_calls_total{{service="{service}",status="{status}"}}'

    before = counts(client)
    client.post(SERVICE, json=hook_request(whole_prefetch(condition())))
    client.post(SERVICE, json={})
    client.post("/cds-services/Amelia-Example", json={})
    client.post(f"{SERVICE}/feedback", json={})
    client.post(SERVICE, json={}, headers={"Forwarded": "for=x"})
    after = counts(client)
    for name in (
        call(200),
        call(400),
        call(403),
        call(404, "unknown"),
        call(400, "back-pain-patient-view/feedback"),
        'cds_cards_total{service="back-pain-patient-view",topic="redflagcheck"}',
    ):
        assert after[name] == before.get(name, 0) + 1, name
    timed = 'cds_call_seconds_count{service="back-pain-patient-view"}'
    assert after[timed] == before.get(timed, 0) + 2
    assert not any("Amelia" in name for name in after)


def test_every_count_says_what_it_means(client: FlaskClient) -> None:
    text = client.get("/metrics").get_data(as_text=True)
    told = dict(re.findall(r"^# HELP (cds_\w+) (.+)$", text, flags=re.MULTILINE))
    assert {"cds_calls_total", "cds_store_spooled_total", "cds_store_lost_total"} <= set(told)


def test_counts_of_several_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process leaves a file; what ended keeps what it counted."""
    monkeypatch.setenv(metrics.FOLDER, str(tmp_path))
    kept = values.MultiProcessValue(lambda: 4711)("counter", "cds_x", "cds_x_total", (), (), "X")  # type: ignore[no-untyped-call]  # the library has no types there
    kept.inc(3)
    metrics.forget_process(4711)
    body, kind = metrics.exposition()
    assert b"cds_x_total 3.0" in body
    assert kind.startswith("text/plain")

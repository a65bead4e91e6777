"""Before and while a site goes live: topics switched off, shadow mode, checks set aside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from prometheus_client import REGISTRY

from cds_service.app import create_app
from cds_service.clinical.decision import Decision
from cds_service.clinical.truth import Truth
from cds_service.content.load import load
from cds_service.desk import Desk
from cds_service.fhir.judge import Judge
from cds_service.hooks.fhir_server import FhirServers
from cds_service.hooks.views import hooks
from cds_service.render.cards import CardWriter
from cds_service.settings import Settings, SettingsError, read_settings
from tests.hooks.calls import HOOKS, appointment, bundle, call, order, post, request_of
from tests.protocol import CheckedClient
from tests.records import CAUDA_EQUINA, NOW, condition, fever, topics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.testing import FlaskClient

    from cds_service.journal import Feedback, Health, Judged


def client_of(settings: Settings) -> FlaskClient:
    app = create_app(settings, now=lambda: NOW)
    app.test_client_class = CheckedClient
    return app.test_client()


# --- topics off ---------------------------------------------------------------------------------


def test_a_topic_that_is_off_for_a_service() -> None:
    off = read_settings(
        {"CDS_DATABASE_URL": "none", "CDS_TOPICS_OFF": "back-pain-patient-view=review+redflagcheck"}
    )
    record = (condition(since=20),)
    assert topics(call(client_of(off), "patient-view", *record)) == ["physiotherapy"]
    assert "review" in topics(call(client_of(off), "encounter-start", *record))


def test_a_topic_that_is_off_for_every_service() -> None:
    off = "*=redflagcheck, back-pain-order-sign=imagingnotindicated"
    client = client_of(read_settings({"CDS_DATABASE_URL": "none", "CDS_TOPICS_OFF": off}))
    image = bundle(order("MRI lumbar spine"))
    assert call(client, "patient-view", condition()) == {"cards": []}
    assert call(client, "order-sign", condition(), draftOrders=image) == {"cards": []}
    selected = {"draftOrders": image, "selections": ["ServiceRequest/order-1"]}
    body = call(client, "order-select", condition(), **selected)
    assert topics(body) == ["imagingnotindicated"]


@pytest.mark.parametrize("hook", HOOKS)
def test_nothing_urgent_is_ever_off(hook: str) -> None:
    every = "imaging+imagingnotindicated+review+neurology+physiotherapy+contributing+selfcare"
    client = client_of(
        read_settings({"CDS_DATABASE_URL": "none", "CDS_TOPICS_OFF": f"*={every}+redflagcheck"})
    )
    assert topics(call(client, hook, condition(CAUDA_EQUINA))) == ["emergency"]
    assert topics(call(client, hook, condition(), fever(38.4))) == ["imaging"]
    assert call(client, hook, condition(since=20)) == {"cards": []}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("*=emergency", "emergency: an emergency card is never switched off; use one of"),
        ("*=review+emergency", "emergency: an emergency card is never switched off"),
        ("*=advice", "advice: there is no such topic; use one of: contributing"),
        ("patient-view=review", "patient-view: there is no such service; use \\* for every"),
    ],
)
def test_what_cannot_be_off_refuses_to_start(value: str, why: str) -> None:
    with pytest.raises(SettingsError, match=f"^CDS_TOPICS_OFF: {why}"):
        create_app(read_settings({"CDS_DATABASE_URL": "none", "CDS_TOPICS_OFF": value}))


# --- shadow mode --------------------------------------------------------------------------------


def shadowed(service: str, topic: str) -> float:
    labels = {"service": service, "topic": topic}
    return REGISTRY.get_sample_value("cds_cards_shadowed_total", labels) or 0


@pytest.fixture(scope="module")
def shadow() -> FlaskClient:
    return client_of(Settings(shadow=True))


@pytest.mark.parametrize("hook", HOOKS)
def test_in_shadow_mode_cards_are_counted_and_not_sent(shadow: FlaskClient, hook: str) -> None:
    before = shadowed(f"back-pain-{hook}", "emergency")
    assert call(shadow, hook, condition(CAUDA_EQUINA)) == {"cards": []}
    assert shadowed(f"back-pain-{hook}", "emergency") == before + 1


def test_in_shadow_mode_a_call_that_cannot_be_judged_says_so(shadow: FlaskClient) -> None:
    assert post(shadow, request_of("patient-view", {})).status_code == 412


def test_shadow_mode_shows_in_discovery_and_readiness(
    shadow: FlaskClient, client: FlaskClient
) -> None:
    for service in shadow.get("/cds-services").get_json()["services"]:
        assert service["usageRequirements"].startswith("In shadow mode: ")
        assert service["extension"] == {"org.backpain-cds.shadow": {"shadow": True}}
    for service in client.get("/cds-services").get_json()["services"]:
        assert "shadow" not in str(service)
    assert shadow.get("/readyz").get_json()["shadow"] is True
    assert client.get("/readyz").get_json()["shadow"] is False


# --- a red-flag check that was set aside --------------------------------------------------------


@dataclass
class Memory:
    """A journal that only remembers on what verdicts a card was set aside."""

    aside: dict[tuple[str, str, str], dict[str, Truth]] = field(default_factory=dict)
    last: Decision | None = None

    def set_aside(self, patient: str, encounter: str, topic: str) -> None:
        assert self.last is not None
        self.aside[patient, encounter, topic] = dict(self.last.truths)

    def dismissed(self, patient: str, encounter: str, topic: str, decision: Decision) -> bool:
        return self.aside.get((patient, encounter, topic)) == decision.truths

    def judged(self, call: Judged) -> None:
        self.last = call.decision

    def feedback(self, entries: Sequence[Feedback]) -> None: ...

    def first_use(self, *_: object) -> bool:
        raise NotImplementedError

    def health(self) -> Health:
        raise NotImplementedError


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def remembering(memory: Memory) -> FlaskClient:
    content = load()
    desk = Desk(
        Judge(content),
        CardWriter(content),
        profile="documents",
        now=lambda: NOW,
        journal=memory,
    )
    app = Flask("remembering")
    app.register_blueprint(hooks(desk, FhirServers((), {}, seconds=1, max_bytes=1)))
    return app.test_client()


VISIT = {"encounterId": "Encounter/e1"}


def test_a_check_that_was_set_aside_is_not_repeated_in_the_encounter(
    remembering: FlaskClient, memory: Memory
) -> None:
    record = (condition(),)
    before = topics(call(remembering, "patient-view", *record, **VISIT))
    assert before == ["redflagcheck"]
    memory.set_aside("p1", "e1", "redflagcheck")
    after = topics(call(remembering, "encounter-start", *record, **VISIT))
    assert after == []
    again = topics(call(remembering, "patient-view", *record, encounterId="e2"))
    assert again == before
    assert topics(call(remembering, "patient-view", *record)) == before


def test_it_comes_back_where_it_must_stand(remembering: FlaskClient, memory: Memory) -> None:
    record = (condition(),)
    call(remembering, "patient-view", *record, **VISIT)
    memory.set_aside("p1", "e1", "redflagcheck")
    treatment = {"draftOrders": bundle(order("Physiotherapy")), **VISIT}
    selected = {"selections": ["ServiceRequest/order-1"], **treatment}
    visit = {"appointments": bundle(appointment("Physiotherapy")), **VISIT}
    for hook, context in (
        ("encounter-discharge", VISIT),
        ("order-sign", treatment),
        ("order-select", selected),
        ("appointment-book", visit),
    ):
        assert topics(call(remembering, hook, *record, **context)) == ["redflagcheck"], hook
    assert topics(call(remembering, "patient-view", *record, **VISIT)) == []


def test_it_stands_while_physiotherapy_waits_for_it(
    remembering: FlaskClient, memory: Memory
) -> None:
    record = (condition(since=20),)
    before = topics(call(remembering, "patient-view", *record, **VISIT))
    assert {"physiotherapy", "redflagcheck"} <= set(before)
    memory.set_aside("p1", "e1", "redflagcheck")
    assert topics(call(remembering, "patient-view", *record, **VISIT)) == before


def test_it_is_asked_again_when_the_facts_have_changed(
    remembering: FlaskClient, memory: Memory
) -> None:
    call(remembering, "patient-view", condition(since=20), **VISIT)
    memory.set_aside("p1", "e1", "redflagcheck")
    changed = call(remembering, "patient-view", condition(since=20), fever(38.4), **VISIT)
    assert topics(changed)[:1] == ["imaging"]
    assert "redflagcheck" in topics(changed)


def test_nothing_else_is_ever_held_back(remembering: FlaskClient, memory: Memory) -> None:
    call(remembering, "patient-view", condition(since=20), fever(38.4), **VISIT)
    for topic in ("imaging", "review", "emergency", "redflagcheck"):
        memory.set_aside("p1", "e1", topic)
    shown = topics(call(remembering, "patient-view", condition(since=20), fever(38.4), **VISIT))
    assert shown == ["imaging", "review"]
    assert topics(call(remembering, "patient-view", condition(CAUDA_EQUINA), **VISIT)) == [
        "emergency"
    ]

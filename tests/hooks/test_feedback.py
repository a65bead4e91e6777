"""Feedback over HTTP: as specified, as clients send it, and never a silent 200."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cds_service.app import create_app
from cds_service.hooks.feedback import read_feedback
from cds_service.journal import UnreachableError
from cds_service.settings import Settings
from tests.protocol import CheckedClient
from tests.records import NOW, SERVICE, condition, fever, hook_request, whole_prefetch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.testing import FlaskClient

    from cds_service.journal import Feedback, Judged
    from tests.records import Json

FEEDBACK = f"{SERVICE}/feedback"
CARD = "4e0a3a1e-3283-4575-ab82-028d55fe2719"
AT = "2026-11-20T12:00:00Z"
EPIC = "com.epic.cdshooks.feedback.overrideReason."


class Memory:
    """A journal that keeps what it is given in a list."""

    sessions = counts = None  # for pages, which are not asked for here

    def __init__(self) -> None:
        self.calls: list[Judged] = []
        self.entries: list[Feedback] = []
        self.away = False

    def judged(self, call: Judged) -> None:
        self.calls.append(call)

    def feedback(self, entries: Sequence[Feedback]) -> None:
        if self.away:
            raise UnreachableError
        self.entries.extend(entries)


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    journal = Memory()
    monkeypatch.setattr("cds_service.app.open_store", lambda *_, **__: journal)
    return journal


@pytest.fixture
def keeping(memory: Memory) -> FlaskClient:
    assert not memory.calls
    app = create_app(Settings(database="sqlite:///any.db"), now=lambda: NOW)
    app.test_client_class = CheckedClient
    return app.test_client()


def entry(**more: object) -> Json:
    return {"card": CARD, "outcome": "overridden", "outcomeTimestamp": AT, **more}


def read(**more: object) -> Feedback:
    (one,) = read_feedback({"feedback": [entry(**more)]}, "s")
    return one


def test_accepted_and_overridden_in_one_batch(keeping: FlaskClient, memory: Memory) -> None:
    accepted = entry(outcome="accepted", acceptedSuggestions=[{"id": "u1"}, {"id": "u2"}])
    response = keeping.post(FEEDBACK, json={"feedback": [accepted, entry()]})
    assert (response.status_code, response.get_json()) == (200, {})
    first, second = memory.entries
    assert (first.card, first.outcome, first.at, first.service) == (
        CARD,
        "accepted",
        NOW,
        "back-pain-patient-view",
    )
    assert first.suggestions == ("u1", "u2")
    assert (second.outcome, second.suggestions) == ("overridden", ())


def test_a_card_nobody_knows_is_taken(keeping: FlaskClient, memory: Memory) -> None:
    assert keeping.post(FEEDBACK, json={"feedback": [entry(card="X-1")]}).status_code == 200
    assert memory.entries[0].card == "x-1"


def test_an_unknown_service_is_not(keeping: FlaskClient) -> None:
    response = keeping.post("/cds-services/nobody/feedback", json={"feedback": [entry()]})
    assert response.status_code == 404


@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        ({"system": "http://x", "code": "c", "display": "d"}, ("http://x", "c", "d")),
        ({"code": "c"}, (None, "c", None)),
        ({"code": "c", "system": None, "display": None}, (None, "c", None)),
        ({}, (None, None, None)),
        (None, (None, None, None)),
    ],
)
def test_reasons(reason: object, kept: tuple[str | None, ...]) -> None:
    for name in ("overrideReason", "overrideReasons"):
        one = read(**{name: {"reason": reason, "userComment": "no"}})
        assert (one.reason_system, one.reason_code, one.reason_display) == kept
        assert one.comment == "no"


def test_the_reason_that_epic_puts_in_an_extension() -> None:
    told = {f"{EPIC}reasonCategory": "45", f"{EPIC}reasonTitle": "Not met", "org.x": {"a": 1}}
    one = read(overrideReasons={"extension": told, "userComment": "no"})
    assert (one.reason_system, one.reason_code, one.reason_display, one.comment) == (
        f"{EPIC}reasonCategory",
        "45",
        "Not met",
        "no",
    )
    other = read(overrideReasons={"extension": {"org.x": "y"}})
    assert other.reason_code is None


def test_what_clients_leave_out_or_add() -> None:
    one = read(overrideReason=None, acceptedSuggestions=None, extension={"x": 1}, more=[1])
    assert (one.reason_code, one.suggestions, one.comment) == (None, (), None)


@pytest.mark.parametrize(
    "moment",
    [
        "2026-11-20T12:00:00Z",
        "2026-11-20t12:00:00z",
        "2026-11-20T14:00:00+02:00",
        "2026-11-20 07:00:00.000-05:00",
        "2026-11-20T12:00:00.0000000Z",
    ],
)
def test_moments_in_any_zone(moment: str) -> None:
    assert read(outcomeTimestamp=moment).at == NOW


def test_a_leap_second() -> None:
    assert read(outcomeTimestamp="2016-12-31T23:59:60Z").at.second == 59


MALFORMED: dict[str, tuple[Any, str]] = {
    "nothing": ({}, "feedback"),
    "no list": ({"feedback": {}}, "feedback"),
    "too many": ({"feedback": [entry()] * 1001}, "feedback"),
    "no entry": ({"feedback": ["x"]}, "feedback.0._schema"),
    "no card": ({"feedback": [entry(), entry(card=None)]}, "feedback.1.card"),
    "an empty card": ({"feedback": [entry(card="")]}, "feedback.0.card"),
    "no such outcome": ({"feedback": [entry(outcome="ignored")]}, "feedback.0.outcome"),
    "a number": ({"feedback": [entry(outcomeTimestamp=1)]}, "feedback.0.outcomeTimestamp"),
    "no suggestion": (
        {"feedback": [entry(acceptedSuggestions=[{}])]},
        "feedback.0.acceptedSuggestions.0.id",
    ),
    "no reason": (
        {"feedback": [entry(overrideReason={"reason": "x"})]},
        "feedback.0.overrideReason.reason._schema",
    ),
}


@pytest.mark.parametrize(("body", "path"), MALFORMED.values(), ids=MALFORMED)
def test_malformed(keeping: FlaskClient, memory: Memory, body: Json, path: str) -> None:
    response = keeping.post(FEEDBACK, json=body)
    assert response.status_code == 400
    assert response.get_json()["issue"][0]["expression"] == [path]
    assert memory.entries == []


@pytest.mark.parametrize(
    "moment",
    [
        "2026-11-20",
        "2026-11-20T12:00:00",
        "2026-W47-5T12:00:00Z",
        "2026-13-20T12:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "2026-11-20T12:00Z",
        "",
    ],
)
def test_moments_of_no_use(keeping: FlaskClient, moment: str) -> None:
    response = keeping.post(FEEDBACK, json={"feedback": [entry(outcomeTimestamp=moment)]})
    assert response.status_code == 400
    assert "such as 2026-11-20T09:00:00Z" in response.get_json()["issue"][0]["details"]["text"]


def test_storage_that_is_away_is_never_a_silent_200(keeping: FlaskClient, memory: Memory) -> None:
    memory.away = True
    response = keeping.post(FEEDBACK, json={"feedback": [entry()]})
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "2"
    assert response.get_json()["issue"][0]["code"] == "transient"


def test_a_service_that_keeps_nothing_says_so(client: FlaskClient) -> None:
    response = client.post(FEEDBACK, json={"feedback": [entry()]})
    assert response.status_code == 503
    assert "Retry-After" not in response.headers


# --- what is remembered of a call ---


def test_a_call_and_its_cards(keeping: FlaskClient, memory: Memory) -> None:
    request = hook_request(whole_prefetch(condition(), fever(39.4)), encounterId="e1")
    cards = keeping.post(SERVICE, json=request).get_json()["cards"]
    (call,) = memory.calls
    assert (call.at, call.service, call.patient, call.encounter) == (
        NOW,
        "back-pain-patient-view",
        "p1",
        "e1",
    )
    assert [(each.uuid, each.topic, each.indicator) for each in call.cards] == [
        (each["uuid"], each["source"]["topic"]["code"], each["indicator"]) for each in cards
    ]
    assert call.seconds > 0


def test_a_call_that_cannot_be_judged_is_remembered_too(
    keeping: FlaskClient, memory: Memory
) -> None:
    assert keeping.post(SERVICE, json=hook_request()).status_code == 412
    (call,) = memory.calls
    assert (call.decision.judged, call.cards) == (False, ())


def test_a_malformed_call_is_not(keeping: FlaskClient, memory: Memory) -> None:
    assert keeping.post(SERVICE, json={}).status_code == 400
    assert memory.calls == []

"""Every emergency and same-day criterion from the form alone: yes, no, and never asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cds_service.content.load import load
from tests.forms import NO, YES, day, degrees, filled, items, the_form
from tests.records import ASSESS, SERVICE, hook_request, record, topics, whole_prefetch

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    Json = dict[str, Any]

PAIN = {"back-pain": YES}
TRACE = "org.backpain-cds.trace"
NEW, OLD = {"back-pain.onset": day(5)}, {"back-pain.onset": day(90)}
# What a patient answers who has nothing but this criterion.
SAID: dict[str, Json] = {
    "E01": {"bladder-control-lost": YES, "bladder-control-lost.onset": day(1)},
    "E02": {"saddle-numbness": YES},
    "E03": {"leg-weakness": YES, "legs-paralysed": YES},
    "R02": {"progressive-neurology": YES},
    "E04": {"severe-abdominal-pain": YES},
    "E05": {"fever-unmeasured": YES, "fever": YES, "fever.value": degrees(39.4)},
    "E06": {"breathing-difficulty": YES},
    "E07": {"major-trauma": YES, "major-trauma.onset": day(2)},
    "E08": {"flank-pain": YES, "blood-in-urine": YES},
    "E09": {"severe-pain": YES, "no-position-helps": YES},
    "E10": {"cancer": YES, **NEW},
    "E11": {"after-lifting": YES, "severe-pain": YES, "back-pain.onset": day(1)},
    "R04": {"fever-unmeasured": YES, "fever": YES, "fever.value": degrees(38.3)},
    "R05": {"weight-loss": YES},
    "R06": {"cancer": YES, **OLD},
    "R07": {"night-pain": YES},
}
CARD = dict.fromkeys(SAID, "emergency") | dict.fromkeys(("R04", "R05", "R06", "R07"), "imaging")
# Absent where a whole record does not speak of them; alone, a form says nothing by silence.
SETTLED_BY_A_RECORD = {"E10", "R06"}


def denied(said: Json) -> Json:
    """Return the same answers with every yes but the pain itself turned into a no."""
    return {
        name: NO if answer is YES else answer
        for name, answer in said.items()
        if answer is YES or name.startswith("back-pain.")
    }


def all_denied() -> Json:
    asked = {name: NO for name, each in items(the_form()).items() if each["type"] == "choice"}
    return asked | PAIN | NEW


def judged(client: FlaskClient, said: Json, how: str) -> dict[str, Json]:
    """Return the cards by topic, for a form that comes alone, in a Bundle, or in a prefetch."""
    form = filled(PAIN | said)
    if how == "prefetch":
        answer = client.post(SERVICE, json=hook_request(whole_prefetch(form)))
    else:
        answer = client.post(ASSESS, json=form if how == "alone" else record(form))
    body = answer.get_json()
    assert answer.status_code == 200, body
    return dict(zip(topics(body), body["cards"], strict=True))


def states(card: Json) -> dict[str, str]:
    return {each["id"]: each["state"] for each in card["extension"][TRACE]["criteria"]}


def test_no_emergency_or_same_day_criterion_is_forgotten() -> None:
    protocol = load().protocols["documents"]
    assert list(SAID) == sorted(
        (protocol.criteria[place].id for place in protocol.dangers), key=list(SAID).index
    )


@pytest.mark.parametrize("how", ["alone", "bundle", "prefetch"])
@pytest.mark.parametrize("name", SAID)
def test_yes_brings_the_card(client: FlaskClient, name: str, how: str) -> None:
    card = judged(client, SAID[name], how)[CARD[name]]
    assert states(card)[name] == "met"
    cited = card["extension"][TRACE]["criteria"][0]["evidence"][0]
    assert cited["reference"].startswith("QuestionnaireResponse")
    assert "answer to “" in cited["says"]


@pytest.mark.parametrize("how", ["alone", "bundle", "prefetch"])
@pytest.mark.parametrize("name", SAID)
def test_no_does_not(client: FlaskClient, name: str, how: str) -> None:
    cards = judged(client, denied(SAID[name]), how)
    assert not {"emergency", "imaging"} & set(cards)
    assert "selfcare" not in cards, "the other red flags are not asked"


@pytest.mark.parametrize("how", ["alone", "bundle", "prefetch"])
@pytest.mark.parametrize("name", SAID)
def test_never_asked_is_asked_for(client: FlaskClient, name: str, how: str) -> None:
    pain = {key: each for key, each in SAID[name].items() if key == "back-pain.onset"}
    asked = states(judged(client, pain, how)["redflagcheck"])
    if how == "alone" or name not in SETTLED_BY_A_RECORD:
        assert asked[name] == "unknown"
    else:
        assert name not in asked


@pytest.mark.parametrize("how", ["alone", "bundle", "prefetch"])
def test_all_denied_reassures(client: FlaskClient, how: str) -> None:
    cards = judged(client, all_denied(), how)
    assert "selfcare" in cards
    assert not {"emergency", "imaging", "redflagcheck"} & set(cards)


def test_the_form_need_not_say_that_the_back_hurts(client: FlaskClient) -> None:
    form = filled({"saddle-numbness": YES})
    for sent in (form, record(form)):
        assert topics(client.post(ASSESS, json=sent).get_json()) == ["emergency"]


def test_a_form_alone_without_back_pain_shuts_the_gate(client: FlaskClient) -> None:
    body = client.post(ASSESS, json=filled({"back-pain": NO, "chest-pain": YES})).get_json()
    assert body["gate"]["state"] == "shut"
    assert body["cards"] == []


def test_an_empty_form_alone_cannot_be_judged(client: FlaskClient) -> None:
    assert client.post(ASSESS, json=filled({})).status_code == 412

"""What is kept, on either database: all that was promised, and nothing else of a patient."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cds_service.journal import Feedback, Health
from cds_service.store.opening import open_store
from cds_service.store.tables import CARDS, DECISIONS, FEEDBACK, TOKENS
from tests.records import NOW
from tests.store.calls import KEY, card, decision, feedback, judged, rows

if TYPE_CHECKING:
    from pathlib import Path

    from cds_service.store.store import Store


def test_a_judged_call_and_its_cards(opened: Store) -> None:
    call = judged(client="https://ehr.example/fhir", shadow=True)
    opened.judged(call)
    (row,) = rows(opened, DECISIONS)
    assert row["at"] == "2026-11-20T12:00:00.000000+00:00" or row["at"] == NOW.isoformat()
    assert row["uuid"][14] == "7"
    criteria = json.loads(row["criteria"])
    assert criteria["met"] == list(call.decision.met)
    assert sum(map(len, criteria.values())) == len(call.decision.truths)
    assert json.loads(row["topics"]) == [each.topic for each in call.decision.recommendations]
    assert json.loads(row["unanswered"]) == [each.finding for each in call.decision.unanswered]
    expected = {
        "service": "back-pain-patient-view",
        "client": "https://ehr.example/fhir",
        "gate": "open",
        "judged": True,
        "profile": "documents",
        "digest": call.decision.digest,
        "seconds": 0.0125,
        "shadow": True,
    }
    assert {name: row[name] for name in expected} == expected
    kept = {each["uuid"]: each for each in rows(opened, CARDS)}
    assert set(kept) == {each.uuid for each in call.cards}
    first = kept[call.cards[0].uuid]
    assert first["decision"] == row["uuid"]
    assert (first["topic"], first["indicator"]) == ("imaging", "warning")
    assert json.loads(row["cards"])[0]["suggestions"] == list(call.cards[0].suggestions)


def test_a_call_without_cards_or_a_patient(opened: Store) -> None:
    opened.judged(judged(cards=(), patient=None, encounter=None))
    (row,) = rows(opened, DECISIONS)
    assert (row["patient"], row["encounter"]) == (None, None)
    assert rows(opened, CARDS) == []


def test_patients_are_known_by_a_keyed_hash_only(opened: Store) -> None:
    for patient in ("p1", "p1", "p2"):
        opened.judged(judged(patient=patient, encounter="p1"))
    hashes = [row["patient"] for row in rows(opened, DECISIONS)]
    assert len(set(hashes)) == 2
    assert all(len(each) == 32 for each in hashes)
    # A patient and an encounter of the same number are not the same hash.
    assert {row["encounter"] for row in rows(opened, DECISIONS)}.isdisjoint(hashes)
    assert "p1" not in [value for row in rows(opened, DECISIONS) for value in row.values()]


def test_feedback_counts_once_however_often_it_is_sent(opened: Store) -> None:
    sent = card()
    entry = Feedback(
        sent.uuid, "overridden", NOW, "s", "c", ("u1",), "http://x", "no", "Nein", "a\0b"
    )
    opened.feedback([entry, entry])
    opened.feedback([entry])
    (row,) = rows(opened, FEEDBACK)
    assert (row["card"], row["outcome"], row["comment"]) == (sent.uuid, "overridden", "ab")
    assert (row["reason_system"], row["reason_code"], row["reason_display"]) == (
        "http://x",
        "no",
        "Nein",
    )
    assert json.loads(row["suggestions"]) == ["u1"]


def test_a_card_may_be_reported_several_times(opened: Store) -> None:
    opened.feedback([feedback("c"), feedback("c", minutes=1), feedback("c", "accepted")])
    opened.feedback([])
    assert len(rows(opened, FEEDBACK)) == 3


def test_a_token_is_used_once(opened: Store) -> None:
    until = NOW + timedelta(minutes=5)
    assert opened.first_use("ehr", "t1", until)
    assert not opened.first_use("ehr", "t1", until)
    assert opened.first_use("ehr", "t2", until)
    assert opened.first_use("another", "t1", until)
    opened.purge(until)
    assert len(rows(opened, TOKENS)) == 3
    opened.purge(until + timedelta(seconds=1))
    assert rows(opened, TOKENS) == []


def test_dismissed_on_the_same_verdicts_only(opened: Store) -> None:
    shown = card("redflagcheck")
    opened.judged(judged(card(), shown))
    ask = ("p1", "e1", "redflagcheck", decision())
    assert not opened.dismissed(*ask)
    opened.feedback([feedback(shown.uuid, "accepted")])
    assert not opened.dismissed(*ask)
    opened.feedback([feedback(shown.uuid)])
    assert opened.dismissed(*ask)
    assert not opened.dismissed("p1", "e1", "imaging", decision())
    assert not opened.dismissed("p1", "e2", "redflagcheck", decision())
    assert not opened.dismissed("p2", "e1", "redflagcheck", decision())
    assert decision().truths != decision(36.6).truths
    assert not opened.dismissed("p1", "e1", "redflagcheck", decision(36.6))


def test_health(opened: Store) -> None:
    assert opened.health() == Health(reachable=True)


@pytest.mark.parametrize("durable", [True, False])
def test_durability(address: str, tmp_path: Path, *, durable: bool) -> None:
    store = open_store(address, key=KEY, spool=tmp_path / "spool", durable=durable, attended=False)
    asked = "PRAGMA synchronous" if address.startswith("sqlite") else "SHOW synchronous_commit"
    store.feedback([feedback("c")])  # kept for good in any case, and then all is as before
    with store.line.engine.connect() as connection:
        said = connection.exec_driver_sql(asked).scalar()
    assert said in ({2, "on"} if durable else {1, "local"})
    store.close()


def test_a_store_opens_again_with_what_it_held(address: str, tmp_path: Path) -> None:
    for times in (1, 2):
        store = open_store(address, key=KEY, spool=tmp_path / "spool", attended=False)
        store.judged(judged())
        assert len(rows(store, DECISIONS)) == times
        assert len({row["patient"] for row in rows(store, DECISIONS)}) == 1
        store.close()

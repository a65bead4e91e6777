"""Daily counts: what each call and each feedback adds, whoever brings it in, and only once."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, event, text

from cds_service import metrics
from cds_service.clinical.decision import Gate
from cds_service.counts import EDGES
from cds_service.identity import new_uuid, uuid_at
from cds_service.journal import Card, Feedback
from cds_service.store import filling
from cds_service.store.opening import open_store
from cds_service.store.rows import decision_row
from cds_service.store.tables import DAILY_COUNTS
from tests.records import NOW
from tests.store.calls import KEY, PATIENT_VIEW, decision, judged, rows
from tests.waiting import WAIT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cds_service.journal import Judged
    from cds_service.store.store import Store

DAY = "2026-11-20"
REASONS = frozenset({"patient-refuses", "already-asked"})


@pytest.fixture(params=[True, False], ids=["full", "normal"])
def store(address: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    opened = open_store(
        address,
        key=KEY,
        spool=tmp_path / "spool",
        durable=request.param,
        reasons=REASONS,
        attended=False,
    )
    yield opened
    opened.close()


def card(topic: str = "imaging", indicator: str = "warning") -> Card:
    return Card(new_uuid(), topic, indicator)


def counts(store: Store, *kinds: str) -> dict[tuple[str, ...], int]:
    store.tend()
    return {
        tuple(row[name] for name in ("day", "kind", "service", "topic", "name")): row["count"]
        for row in rows(store, DAILY_COUNTS)
        if not kinds or row["kind"] in kinds
    }


def test_a_call_counts_what_was_decided(store: Store) -> None:
    call = judged(card(), card("redflagcheck", "info"), card("redflagcheck", "info"))
    store.judged(call)
    store.judged(judged(at=NOW + timedelta(hours=13), cards=()))
    found = counts(store)
    assert found[DAY, "call", PATIENT_VIEW, "", "judged"] == 1
    assert found["2026-11-21", "call", PATIENT_VIEW, "", "judged"] == 1
    assert {key[3:]: count for key, count in found.items() if key[1] == "card"} == {
        ("imaging", "warning"): 1,
        ("redflagcheck", "info"): 2,
    }
    expected = Counter(call.decision.met)
    assert {key[4]: n for key, n in found.items() if key[:2] == (DAY, "criterion")} == expected
    asked = Counter(each.finding for each in call.decision.unanswered)
    assert {key[4]: n for key, n in found.items() if key[:2] == (DAY, "unanswered")} == asked
    assert all(key[2] == PATIENT_VIEW for key in found)


def test_what_could_not_be_judged_and_what_was_kept_back(store: Store) -> None:
    unknown = replace(decision(), gate=Gate.UNKNOWN, judged=False)
    store.judged(judged(decision=unknown, cards=()))
    store.judged(judged(card(), shadow=True))
    found = counts(store, "call", "card", "shadowed")
    assert found == {
        (DAY, "call", PATIENT_VIEW, "", "gate"): 1,
        (DAY, "call", PATIENT_VIEW, "", "judged"): 1,
        (DAY, "shadowed", PATIENT_VIEW, "imaging", "warning"): 1,
    }


BUCKETS = {0.0: "0.001", 0.001: "0.001", 0.0011: "0.0025", 0.9: "1.0", 29.0: "30.0", 31.0: "+Inf"}


def test_a_call_counts_in_the_one_bucket_that_it_fits(store: Store) -> None:
    for seconds in BUCKETS:
        store.judged(judged(seconds=seconds))
    found = {key[4]: count for key, count in counts(store, "latency").items()}
    assert found == Counter(BUCKETS.values())


def test_the_buckets_are_those_of_the_metric_and_more() -> None:
    (metric,) = metrics.SECONDS.labels(PATIENT_VIEW).collect()
    edges = [each.labels["le"] for each in metric.samples if each.name.endswith("_bucket")]
    assert [str(edge) for edge in EDGES[: len(edges) - 1]] == edges[:-1]
    assert EDGES[-1] == 30.0


# --- feedback ---


def entry(uuid: str, outcome: str = "overridden", minutes: int = 0, **more: Any) -> Feedback:  # noqa: ANN401  any field of feedback
    return Feedback(uuid, outcome, NOW + timedelta(minutes=minutes), "another-service", **more)


def outcomes(store: Store) -> dict[tuple[str, ...], int]:
    return {(key[1], *key[3:]): n for key, n in counts(store, "outcome", "reason").items()}


def test_feedback_counts_for_the_day_the_service_and_the_topic_of_its_card(store: Store) -> None:
    cards = [card(), card("redflagcheck"), card("review")]
    store.judged(judged(*cards))
    store.feedback([entry(cards[1].uuid, reason_code="patient-refuses"), entry(cards[2].uuid)])
    store.feedback([entry(cards[0].uuid, "accepted")])
    assert counts(store, "outcome", "reason") == {
        (DAY, "outcome", PATIENT_VIEW, "imaging", "accepted"): 1,
        (DAY, "outcome", PATIENT_VIEW, "redflagcheck", "overridden"): 1,
        (DAY, "outcome", PATIENT_VIEW, "review", "overridden"): 1,
        (DAY, "reason", PATIENT_VIEW, "redflagcheck", "patient-refuses"): 1,
    }


REASON_NAMES: dict[str, tuple[dict[str, Any], str | None]] = {
    "a code of ours": ({"reason_code": "already-asked", "comment": "x"}, "already-asked"),
    "a code of theirs": ({"reason_code": "Amelia Example"}, "other"),
    "words only": ({"reason_display": "Amelia Example says no"}, "other"),
    "a comment only": ({"comment": "Amelia Example says no"}, "other"),
    "nothing": ({}, None),
    "accepted": ({"outcome": "accepted", "reason_code": "already-asked"}, None),
}


@pytest.mark.parametrize(("given", "name"), REASON_NAMES.values(), ids=REASON_NAMES)
def test_a_reason_is_named_by_a_code_of_ours_or_other(
    store: Store, given: dict[str, Any], name: str | None
) -> None:
    sent = card()
    store.judged(judged(sent))
    store.feedback([entry(sent.uuid, **given)])
    reasons = {key[2]: n for key, n in outcomes(store).items() if key[0] == "reason"}
    assert reasons == ({} if name is None else {name: 1})


def test_only_the_first_feedback_of_a_card_counts(store: Store) -> None:
    sent = card()
    store.judged(judged(sent))
    first = entry(sent.uuid)
    store.feedback([entry(sent.uuid, "accepted", 1), first, first])
    store.feedback([entry(sent.uuid, minutes=2, reason_code="patient-refuses"), first])
    assert outcomes(store) == {("outcome", "imaging", "overridden"): 1}


@pytest.mark.parametrize("uuid", ["c", new_uuid(), uuid_at(1)], ids=["other", "now", "1970"])
def test_a_card_that_nobody_knows_has_no_topic(store: Store, uuid: str) -> None:
    store.judged(judged(card()))
    store.feedback([entry(uuid, comment="x")])
    found = {key[2:]: n for key, n in counts(store, "outcome", "reason").items()}
    assert found == {
        ("another-service", "", "overridden"): 1,
        ("another-service", "", "other"): 1,
    }


def test_of_two_who_report_a_card_at_once_one_is_the_first(store: Store) -> None:
    cards = [card() for _ in range(20)]
    store.judged(judged(*cards))
    barrier = threading.Barrier(2)

    def report(outcome: str) -> None:
        for each in cards:
            barrier.wait(WAIT)
            store.feedback([entry(each.uuid, outcome)])

    threads = [threading.Thread(target=report, args=(each,)) for each in ("accepted", "overridden")]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sum(counts(store, "outcome").values()) == len(cards)


# --- what was there before ---


def test_what_was_kept_before_is_counted_as_if_it_came_today(
    store: Store, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "_PAGE", 3)
    monkeypatch.setattr(filling, "_HELD", 10)
    sent = [card("imaging"), card("redflagcheck"), card("review"), card("selfcare")]
    for number, each in enumerate(sent):
        store.judged(judged(each, card(), at=NOW + timedelta(days=number)))
        store.judged(judged(at=NOW + timedelta(days=number), cards=(), seconds=number))
    store.tend()
    store.feedback([entry(sent[0].uuid), entry(sent[0].uuid, "accepted", 5)])
    store.feedback([entry(sent[3].uuid, "accepted")])
    store.feedback([entry(sent[1].uuid, reason_code="already-asked")])
    # On either side of a page's end.
    store.feedback([entry(f"unknown-{n}", minutes=m) for n in range(3) for m in range(2)])
    before = counts(store)
    with store.line.engine.begin() as connection:
        connection.execute(delete(DAILY_COUNTS))
        connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    store.close()
    again = open_store(address, key=KEY, spool=tmp_path / "spool", reasons=REASONS, attended=False)
    assert counts(again) == before
    again.close()


def test_a_decision_begins_with_the_moment_of_its_first_card(store: Store) -> None:
    def row(call: Judged) -> str:
        found: str = decision_row(call, store._hasher)["uuid"]
        return found

    cards = [Card(uuid_at(moment), "imaging", "info") for moment in (5000, 4000, 6000)]
    assert row(judged(*cards)).startswith("00000000-0fa0-7")
    at = f"{int(NOW.timestamp() * 1000):012x}"
    assert row(replace(judged(), cards=())).replace("-", "").startswith(at)


def test_a_transaction_adds_in_one_order(store: Store) -> None:
    """Two that add to the same counts would otherwise wait for each other for ever."""
    keys: list[tuple[Any, ...]] = []
    wide = len(DAILY_COUNTS.columns)

    def remember(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:  # noqa: ANN401  as the driver has them
        if "INSERT INTO daily_counts" in statement:
            # Rows by name, or the values of a page of rows one after the other.
            rows = [tuple(each.values()) for each in parameters if isinstance(each, dict)]
            rows = rows or [
                tuple(parameters[at : at + wide]) for at in range(0, len(parameters), wide)
            ]
            keys.extend(row[:5] for row in rows)

    event.listen(store.line.engine, "before_cursor_execute", remember)
    store.judged(judged(card("review"), card()))
    store.tend()
    assert keys == sorted(keys)
    assert len(keys) > 10

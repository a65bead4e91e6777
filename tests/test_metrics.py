"""What is counted of a call: criteria, open questions, how the prefetch came, what judges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cds_service import __version__, metrics
from cds_service.app import create_app
from cds_service.content.load import load
from cds_service.hooks.prefetch import BY_NAME
from cds_service.journal import Health
from cds_service.metrics import Tally, show_content
from cds_service.settings import Settings
from tests.api.test_service import Memory, counts
from tests.hooks.asking import call, record_of, service, without
from tests.protocol import CheckedClient
from tests.records import (
    ASSESS,
    CAUDA_EQUINA,
    NOW,
    SERVICE,
    condition,
    hook_request,
    record,
    searchset,
    whole_prefetch,
)
from tests.waiting import until

if TYPE_CHECKING:
    import pytest
    from flask.testing import FlaskClient

PREFETCHED = whole_prefetch(condition(), condition(CAUDA_EQUINA))


def risen(before: dict[str, float], after: dict[str, float], name: str) -> dict[str, float]:
    """Return what a metric rose by, by its labels."""
    return {
        each.removeprefix(f"{name}_total"): value - before.get(each, 0.0)
        for each, value in after.items()
        if each.startswith(f"{name}_total{{") and value > before.get(each, 0.0)
    }


def test_criteria_and_open_questions(client: FlaskClient) -> None:
    before = counts(client)
    for _ in range(2):
        client.post(SERVICE, json=hook_request(PREFETCHED))
    client.post(ASSESS, json=record(condition(), condition(CAUDA_EQUINA)))
    after = counts(client)
    met = risen(before, after, "cds_criteria_met")
    asked = risen(before, after, "cds_unanswered")
    assert met['{criterion="E01"}'] == 3.0
    assert set(met.values()) | set(asked.values()) == {3.0}
    content = load()
    assert {label[len('{finding="') : -2] for label in asked} <= set(content.findings)
    assert {label[len('{criterion="') : -2] for label in met} <= set(content.criteria)


def test_nothing_is_met_where_there_is_no_back_pain(client: FlaskClient) -> None:
    before = counts(client)
    client.post(SERVICE, json=hook_request(whole_prefetch()))
    after = counts(client)
    assert not risen(before, after, "cds_criteria_met")
    assert not risen(before, after, "cds_unanswered")


def test_an_assessment_is_a_call_too(client: FlaskClient) -> None:
    before = counts(client)
    client.post(ASSESS, json=record(condition()))
    client.post(ASSESS, json=[])
    client.get("/api/v1/findings")
    after = counts(client)
    assert risen(before, after, "cds_calls") == {
        '{service="assessment",status="200"}': 1.0,
        '{service="assessment",status="400"}': 1.0,
    }
    took = 'cds_call_seconds_count{service="assessment"}'
    assert after[took] == before.get(took, 0.0) + 2


def test_how_a_prefetch_came() -> None:
    app = create_app(Settings(prefetch_aliases={"PROBLEMS": "conditions"}), now=lambda: NOW)
    app.test_client_class = CheckedClient
    client = app.test_client()
    before = counts(client)
    prefetch = without(PREFETCHED, "conditions", "procedures", "observations") | {
        "PROBLEMS": PREFETCHED["conditions"],
        "observations": {},
        "Erika Mustermann": searchset(),
    }
    client.post(SERVICE, json=hook_request(prefetch))
    states = risen(before, counts(client), "cds_prefetch")
    assert states == {
        f'{{key="{key}",state="{state}"}}': 1.0
        for key, state in {
            "answers": "whole",
            "conditions": "whole",
            "labs": "absent",
            "medications": "whole",
            "observations": "incomplete",
            "other": "whole",
            "patient": "whole",
            "procedures": "absent",
            "statements": "whole",
            "weights": "absent",
        }.items()
    }


def test_what_a_fhir_server_had() -> None:
    with service(record_of(condition())) as (client, stub):
        before = counts(client)
        call(client, stub, without(PREFETCHED, "procedures") | {"answers": {}})
        states = risen(before, counts(client), "cds_prefetch")
    assert states['{key="procedures",state="fetched"}'] == 1.0
    assert states['{key="answers",state="fetched"}'] == 1.0
    assert states['{key="conditions",state="whole"}'] == 1.0
    assert len(states) == len(set(BY_NAME) - {"encounter", "weights", "labs"})


def test_a_tally_is_written_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tally, "_every", 0.01)
    name = "made-up"
    tally: Tally[str] = Tally(metrics.UNANSWERED, lambda seen: [(seen,)])
    counter = metrics.labelled(metrics.UNANSWERED, name)
    for _ in range(2):
        started = value(counter)
        for _ in range(3):
            tally.add(name)
        until(lambda: value(counter) >= started + 3.0, "what was added")  # noqa: B023  called at once
        assert value(counter) == started + 3.0
    metrics.UNANSWERED.remove(name)
    metrics.labelled.cache_clear()


def value(counter: Any) -> float:  # noqa: ANN401  of a library that is used in metrics.py only
    count: float = counter.collect()[0].samples[0].value
    return count


def test_what_judges_is_shown(client: FlaskClient) -> None:
    digest = load().digest
    label = f'cds_content_info{{digest="{digest}",profile="documents",version="{__version__}"}}'
    show_content("0", "documents", "sha256:before")
    show_content(__version__, "documents", digest)
    shown = {
        name: value for name, value in counts(client).items() if name.startswith("cds_content")
    }
    assert [name for name, value in shown.items() if value == 1.0] == [label]
    assert 0.0 in shown.values(), "what judged before judges no more"


def test_how_the_store_is(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()
    monkeypatch.setattr("cds_service.app.open_store", lambda *_, **__: memory)
    client = create_app(Settings(database="sqlite:///any.db"), now=lambda: NOW).test_client()
    assert counts(client)["cds_store_reachable"] == 1.0
    memory.state = Health(reachable=False, spooled=7)
    after = counts(client)
    assert (after["cds_store_reachable"], after["cds_store_waiting"]) == (0.0, 7.0)

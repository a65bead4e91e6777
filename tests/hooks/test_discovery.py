"""GET /cds-services: what a client that knows nothing else has to know."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from cds_service.content.findings import Carrier, Reading
from cds_service.hooks.prefetch import KEYS, templates, wanted
from tests.protocol import check_template

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient

    from cds_service.content.findings import FindingDefinition
    from cds_service.content.load import Content

LISTED = {
    "back-pain-patient-view": "patient-view",
    "back-pain-encounter-start": "encounter-start",
    "back-pain-encounter-discharge": "encounter-discharge",
    "back-pain-problem-list-item-create": "problem-list-item-create",
    "back-pain-appointment-book": "appointment-book",
    "back-pain-order-select": "order-select",
    "back-pain-order-sign": "order-sign",
}


def test_every_hook_has_a_service_of_its_own(client: FlaskClient) -> None:
    services = client.get("/cds-services").get_json()["services"]
    assert {each["id"]: each["hook"] for each in services} == LISTED
    assert len({each["title"] for each in services}) == len(services)


def test_no_service_answers_the_hook_of_another(client: FlaskClient) -> None:
    for service, hook in LISTED.items():
        for other in set(LISTED.values()) - {hook}:
            response = client.post(f"/cds-services/{service}", json={"hook": other})
            assert response.status_code == 400
            assert hook in response.get_json()["issue"][0]["details"]["text"]


def test_templates_are_those_of_the_contract(client: FlaskClient) -> None:
    services = client.get("/cds-services").get_json()["services"]
    patient = "patient={{context.patientId}}"
    expected = {
        "patient": "Patient/{{context.patientId}}",
        "conditions": f"Condition?{patient}",
        "observations": f"Observation?{patient}&_sort=-date&_count=250",
        "weights": f"Observation?{patient}&code=29463-7,3141-9,3142-7&_sort=-date&_count=50",
        "labs": f"Observation?{patient}&code=2823-3,6298-4,2951-2,2947-0,19123-9,21377-7,17861-6,"
        "49765-1&_sort=-date&_count=50",
        "medications": f"MedicationRequest?{patient}",
        "statements": f"MedicationStatement?{patient}",
        "procedures": f"Procedure?{patient}&_sort=-date&_count=100",
        "answers": f"QuestionnaireResponse?{patient}&_sort=-authored&_count=20",
        "encounter": "Encounter/{{context.encounterId}}",
    }
    assert [each["prefetch"] for each in services] == [expected] * len(LISTED)


def test_the_keys_together_cover_every_finding(content: Content) -> None:
    """Each way in which a record may say a finding is asked for by a key."""
    asked = {key.resource_type for key in wanted(content)}
    measured = frozenset[Reading]().union(*(key.readings for key in wanted(content)))
    for finding in content.findings.values():
        if finding.carrier is Carrier.MEDICATION:
            assert {"MedicationRequest", "MedicationStatement"} <= asked, finding.id
        elif finding.carrier is not Carrier.ORDER:  # orders come in the context of order hooks
            assert {"Condition", "Observation", "QuestionnaireResponse"} <= asked, finding.id
        assert finding.absent_after <= asked, finding.id
    # Weights and salts may lie beyond the newest 250 observations: they are asked for by code.
    assert measured == {Reading.WEIGHT, Reading.LOW_LAB}
    assert {"Patient", "Procedure", "Encounter"} <= asked


def only(content: Content, keep: Callable[[FindingDefinition], bool]) -> Content:
    kept = {name: each for name, each in content.findings.items() if keep(each)}
    return dataclasses.replace(content, findings=kept)


def test_a_key_that_no_finding_needs_is_not_asked_for(content: Content) -> None:
    without_drugs = only(content, lambda each: each.carrier is not Carrier.MEDICATION)
    assert not {"medications", "statements"} & set(templates(without_drugs))
    without_measurements = only(content, lambda each: each.measured is None)
    assert not {"weights", "labs"} & set(templates(without_measurements))
    assert "observations" in templates(without_measurements)


def test_every_template_is_in_the_subset_of_2x(content: Content) -> None:
    for template in templates(content).values():
        check_template(template)


def test_names_of_keys_are_unique() -> None:
    assert len({key.name for key in KEYS}) == len(KEYS)


def test_a_hook_that_is_not_answered_is_absent(client: FlaskClient) -> None:
    assert client.post("/cds-services/back-pain-order-dispatch", json={}).status_code == 404

"""The fallback against a FHIR server that this project did not write (`tests/fhir_server`)."""

from __future__ import annotations

import platform
import subprocess
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

import orjson
import pytest

from cds_service.app import create_app
from cds_service.hooks.sample_requests import request_for
from cds_service.hooks.services import SERVICES
from cds_service.samples import samples, written_moment
from cds_service.security.allowed import read_base
from cds_service.settings import Settings
from tests.needs import need
from tests.protocol import CheckedClient
from tests.records import SERVICE, answers, condition, hook_request, notes, patient
from tests.waiting import WAIT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient

    from tests.records import Json

FOLDER = Path(__file__).parent.parent / "fhir_server"
ARCHITECTURE = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
NODE = FOLDER / "node_modules" / f"node-linux-{ARCHITECTURE}" / "bin" / "node"
TOKEN = "the-token-of-this-test"


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """Start the server, put all sample patients into it, and return its base URL."""
    need("node", "npm ci --ignore-scripts --prefix tests/fhir_server", present=NODE.is_file())
    with subprocess.Popen(
        [NODE, "server.mjs"], cwd=FOLDER, env={"TOKEN": TOKEN}, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        url = f"http://127.0.0.1:{int(process.stdout.readline())}/fhir"
        try:
            for sample in samples().values():
                for entry in sample.bundle["entry"]:
                    put(url, entry["resource"])
            yield url
        finally:
            process.terminate()


def put(url: str, resource: Json) -> None:
    request = urllib.request.Request(  # noqa: S310  http on loopback, to the server started here
        f"{url}/{resource['resourceType']}/{resource['id']}",
        data=orjson.dumps(resource),
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/fhir+json"},
        method="PUT",
    )
    with urllib.request.urlopen(request, timeout=WAIT) as response:  # noqa: S310  the same
        assert response.status == 200


@pytest.fixture(scope="module")
def service(base: str) -> FlaskClient:
    settings = Settings(fhir_servers=(read_base(base),), fhir_deadline=WAIT)
    app = create_app(settings, now=written_moment)
    app.test_client_class = CheckedClient
    return app.test_client()


def asking(base: str, request: Json, token: str = TOKEN) -> Json:
    """Return the request with access to the server, and without the data."""
    access = {"access_token": token, "token_type": "Bearer", "expires_in": 300}
    return {**request, "prefetch": {}, "fhirServer": base, "fhirAuthorization": access}


def without_uuids(value: Any) -> Any:  # noqa: ANN401  any JSON
    if isinstance(value, dict):
        return {key: without_uuids(each) for key, each in value.items() if key != "uuid"}
    return [without_uuids(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", samples())
def test_a_patient_that_is_fetched_is_judged_as_one_that_was_sent(
    service: FlaskClient, base: str, name: str
) -> None:
    request = request_for(dict(samples()[name].bundle), SERVICES["back-pain-patient-view"])
    sent = service.post(SERVICE, json=request)
    fetched = service.post(SERVICE, json=asking(base, request))
    assert sent.status_code == fetched.status_code == 200
    assert without_uuids(fetched.get_json()) == without_uuids(sent.get_json())


def test_a_patient_that_the_server_does_not_have(service: FlaskClient, base: str) -> None:
    request = hook_request(patientId="nobody")
    response = service.post(SERVICE, json=asking(base, request))
    assert response.status_code == 412, "that nothing is found of somebody unknown denies nothing"
    told = response.get_json()["issue"][0]["diagnostics"]
    assert "patient (not sent; FHIR server: answered 404, there is none)" in told
    assert "conditions (not sent; FHIR server: it has no such patient)" in told


def test_a_token_that_the_server_refuses(service: FlaskClient, base: str) -> None:
    response = service.post(SERVICE, json=asking(base, hook_request(), token="another"))
    assert response.status_code == 412
    told = response.get_json()["issue"][0]["diagnostics"]
    assert "conditions (not sent; FHIR server: answered 401)" in told
    assert "another" not in response.get_data(as_text=True)


def test_a_server_that_sends_less_than_there_is_and_no_next_page(
    service: FlaskClient, base: str
) -> None:
    """This one cuts a search at `_count`: what was cut off is unknown, not absent."""
    subject = {"reference": "Patient/many"}
    for each in (patient(id="many"), condition(since=320, id="many", subject=subject)):
        put(base, each)
    for number in range(30):
        put(base, answers({}) | {"id": f"many-{number}", "subject": subject})
    response = service.post(SERVICE, json=asking(base, hook_request(patientId="many")))
    assert notes(response.get_json()) == [
        "Not obtained, prefetch key answers (holds 20 of 30 matches)"
    ]


def test_the_server_asks_for_the_token(base: str) -> None:
    with pytest.raises(HTTPError, match="401") as refused:
        urllib.request.urlopen(f"{base}/Patient/many", timeout=WAIT)  # noqa: S310  loopback
    refused.value.close()

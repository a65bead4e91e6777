"""Searches that go on: which further pages are asked for, and which are not."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from cds_service.hooks.search import MAX_PAGES
from tests.hooks.asking import (
    TOKEN,
    but,
    call,
    page,
    record_of,
    service,
    the_note,
    without,
)
from tests.records import (
    CAUDA_EQUINA,
    condition,
    fever,
    notes,
    outcome,
    topics,
    whole_prefetch,
)
from tests.stub_server import said, said_json, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.records import Json
    from tests.stub_server import Reply, Request


def pages_of(kind: str, *pages: Json) -> Reply:
    """Answer a search page by page: `?page=N`."""

    def reply(request: Request) -> Iterable[bytes]:
        number = urlsplit(request.target).query.rpartition("page=")[2]
        return [said_json(pages[int(number) if number.isdigit() else 0])]

    return but(record_of(condition()), **{kind: reply})


FOLLOWING = {
    "absolute": "{base}/Observation?patient=p1&page=1",
    "relative to the base": "Observation?patient=p1&page=1",
    "a query alone": "?page=1",
    "a path": "/fhir/Observation?page=1",
}


@pytest.mark.parametrize("link", FOLLOWING.values(), ids=FOLLOWING)
def test_a_next_page_is_followed(link: str) -> None:
    def reply(request: Request) -> Iterable[bytes]:
        base = f"http://{request.headers['host']}/fhir"
        following = page(following=link.format(base=base), total=1)
        last = page(fever(39.4), total=1)
        return [said_json(last if "page=1" in request.target else following)]

    with service(but(record_of(condition()), Observation=reply)) as (client, stub):
        response = call(client, stub, without(whole_prefetch(condition()), "observations"))
    assert topics(response.get_json()) == ["emergency"]
    assert notes(response.get_json()) == []
    assert all(asked.headers["authorization"] == f"Bearer {TOKEN}" for asked in stub.asked)


@pytest.mark.parametrize(
    "wrap", [lambda each: each, lambda each: {"resource": each}], ids=["bare", "wrapped"]
)
def test_a_prefetch_that_goes_on_is_followed_from_there(wrap: Callable[[Json], Json]) -> None:
    def reply(_: Request) -> Iterable[bytes]:
        return [said_json(page(fever(39.4), total=2))]

    with service(reply) as (client, stub):
        first = page(condition(CAUDA_EQUINA), following=f"{stub.url}/fhir/x?page=1", total=2)
        first["entry"][0]["resource"] |= {"resourceType": "Observation", "status": "final"}
        prefetch = whole_prefetch(condition()) | {"observations": wrap(first)}
        response = call(client, stub, prefetch)
    assert {asked.target for asked in stub.asked if "code=" not in asked.target} == {
        "/fhir/x?page=1"
    }
    assert topics(response.get_json()) == ["emergency"]
    assert not any("observations (" in each for each in notes(response.get_json()))


ELSEWHERE = {
    "another host": ("https://evil.example/fhir/Observation?page=1", "outside the allow-listed"),
    "another port": ("http://127.0.0.1:{other}/fhir/Observation", "outside the allow-listed"),
    "the same host by another name": ("http://localhost:{port}/fhir/x", "outside the allow-listed"),
    "no scheme": ("//127.0.0.1:{other}/fhir/Observation", "outside the allow-listed"),
    "a file": ("file:///etc/passwd", "starts with https://"),
    "another path": ("/admin", "outside the allow-listed"),
    "up and out": ("../admin", "outside the allow-listed"),
    "a user": ("http://u:p@127.0.0.1:{port}/fhir/x", "user or a password"),
    "no URL": ("http://[x", "does not say where it is"),
    "nothing": ("", "does not say where it is"),
    "itself": ("?page=0", "goes back to a page"),
}


@pytest.mark.parametrize(("link", "why"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_next_page_elsewhere_is_not_followed(link: str, why: str) -> None:
    with serving(record_of()) as other:
        target = link.replace("{other}", str(other.port))

        def reply(request: Request) -> Iterable[bytes]:
            port = request.headers["host"].partition(":")[2]
            following = target.replace("{port}", port)
            if following == "?page=0":
                following = request.target
            return [said_json(page(fever(39.4), following=following))]

        with service(but(record_of(condition()), Observation=reply)) as (client, stub):
            response = call(client, stub, without(whole_prefetch(condition()), "observations"))
        assert other.connections == 0
    assert topics(response.get_json()) == ["emergency"], "what came counts"
    assert "observations (has further pages that were not sent; FHIR server: page 2: " in the_note(
        response
    )
    assert why in the_note(response)
    assert len([asked for asked in stub.asked if "code=" not in asked.target]) == 1


def test_pages_without_end_are_left() -> None:
    def reply(request: Request) -> Iterable[bytes]:
        number = urlsplit(request.target).query.rpartition("page=")[2]
        following = int(number) + 1 if number.isdigit() else 1
        return [said_json(page(following=f"?page={following}"))]

    with service(but(record_of(condition()), Procedure=reply)) as (client, stub):
        response = call(client, stub, without(whole_prefetch(condition()), "procedures"))
    assert len(stub.asked) == MAX_PAGES
    assert f"not asked for, after {MAX_PAGES} pages" in the_note(response)


BAD_PAGES: dict[str, tuple[Reply, str]] = {
    "an error": (lambda _: [said(503)], "page 2: answered 503"),
    "an OperationOutcome": (lambda _: [said_json(outcome("error"))], "page 2: a page is no Bundle"),
    "no JSON": (lambda _: [said(200, b"<html>")], "page 2: the answer is not JSON"),
    "half an answer": (lambda _: [said()[:-1]], "page 2: the answer broke off"),
}


@pytest.mark.parametrize(("bad", "why"), BAD_PAGES.values(), ids=BAD_PAGES)
def test_a_page_that_fails_leaves_the_key_incomplete(bad: Reply, why: str) -> None:
    def reply(request: Request) -> Iterable[bytes]:
        if "page=1" in request.target:
            return bad(request)
        return [said_json(page(condition(), following="?page=1", total=2))]

    with service(but(record_of(), Condition=reply)) as (client, stub):
        response = call(client, stub)
    assert response.status_code == 412, "no emergency, and not all conditions"
    (issue,) = response.get_json()["issue"]
    told = issue["diagnostics"]
    assert "conditions (has further pages that were not sent; holds 1 of 2 matches; " in told
    assert f"FHIR server: {why}" in told


def test_entries_of_a_page_that_are_no_list_are_told() -> None:
    broken = page(total=1) | {"entry": "none"}
    first = page(condition(), following="?page=1", total=1)
    with service(pages_of("Condition", first, broken)) as (client, stub):
        response = call(client, stub)
    assert response.status_code == 412
    assert "could not be read" in response.get_json()["issue"][0]["diagnostics"]

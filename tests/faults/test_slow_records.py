"""FHIR servers that never answer, asked by more calls than there are threads."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.faults.callers import JSON
from tests.hooks.asking import TOKEN
from tests.records import (
    CAUDA_EQUINA,
    SERVICE,
    condition,
    hook_request,
    notes,
    searchset,
    topics,
    whole_prefetch,
)
from tests.stub_server import dripping, said_json, serving
from tests.test_serve import Running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tests.records import Json

CALLS = 12  # at four threads
RECORD = (condition(), condition(CAUDA_EQUINA))


def silent(over: threading.Event) -> Iterable[bytes]:
    over.wait()
    yield b""


def drips(over: threading.Event) -> Iterator[bytes]:
    for byte in dripping(said_json(searchset()), every=0.05):
        if over.is_set():
            return
        yield byte


@pytest.mark.parametrize("slow", [silent, drips])
def test_every_call_is_answered_with_what_came_and_so_is_everybody_else(
    tmp_path: Path, slow: Callable[[threading.Event], Iterable[bytes]]
) -> None:
    over = threading.Event()
    with serving(lambda _: slow(over)) as stub:
        base = f"{stub.url}/fhir"
        service = Running(tmp_path / "log", CDS_FHIR_SERVERS=base, CDS_FHIR_DEADLINE="0.5")
        lacking = call(base, {"conditions": searchset(*RECORD)})
        whole = call(base, whole_prefetch(*RECORD))
        with ThreadPoolExecutor(CALLS) as clients:
            waiting = [
                clients.submit(service.request, "POST", SERVICE, lacking, JSON)
                for _ in range(CALLS)
            ]
            # Behind them in the queue, and answered all the same.
            assert service.request("GET", "/healthz")[0] == 200
            assert service.request("POST", SERVICE, whole, JSON)[0] == 200
            answers = [each.result() for each in waiting]
        assert not over.is_set(), "nobody had to wait for the server"
        over.set()
        assert service.stop() == 0
    for status, body, _ in answers:
        assert (status, topics(body)) == (200, ["emergency"])
        assert any(
            "no answer in time" in note or "too late for an earlier call" in note
            for note in notes(body)
        )


def call(base: str, prefetch: Json) -> bytes:
    access = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 300}
    body = hook_request(prefetch) | {"fhirServer": base, "fhirAuthorization": access}
    return json.dumps(body).encode()

"""A FHIR server that is late holds one call at a time, until it is in time again."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY

from cds_service.hooks.access import Access
from cds_service.hooks.envelope import Envelope
from cds_service.hooks.fhir_server import FhirServers
from cds_service.hooks.prefetch import templates, wanted
from cds_service.hooks.turns import Turns
from cds_service.security.allowance import Allowance
from cds_service.security.allowed import read_base
from tests.hooks.asking import TOKEN, record_of
from tests.records import condition
from tests.stub_server import serving

if TYPE_CHECKING:
    from cds_service.content.load import Content

SERVER, OTHER = "https://one.example/fhir", "https://two.example/fhir"


def in_time() -> Allowance:
    return Allowance(3600, 1)


def used_up() -> Allowance:
    return Allowance(0, 1)


def late(turns: Turns, server: str = SERVER) -> None:
    with turns.turn(server, used_up()) as may_ask:
        assert may_ask


def test_all_may_ask_a_server_that_is_in_time() -> None:
    turns = Turns()
    with turns.turn(SERVER, in_time()) as one, turns.turn(SERVER, in_time()) as other:
        assert (one, other) == (True, True)


def test_one_at_a_time_may_ask_a_late_server_and_others_are_no_worse_for_it() -> None:
    turns = Turns()
    late(turns)
    with turns.turn(SERVER, used_up()) as tries, turns.turn(SERVER, in_time()) as other:
        assert (tries, other) == (True, False)
        with turns.turn(OTHER, in_time()) as elsewhere:
            assert elsewhere
    with turns.turn(SERVER, in_time()) as tries, turns.turn(SERVER, in_time()) as other:
        assert (tries, other) == (True, False), "it was late again"
    with turns.turn(SERVER, in_time()) as one, turns.turn(SERVER, in_time()) as other:
        assert (one, other) == (True, True), "it was in time"


def test_those_who_asked_before_it_was_known_let_no_second_one_try() -> None:
    turns = Turns()
    with turns.turn(SERVER, used_up()):
        late(turns)
        with turns.turn(SERVER, used_up()) as tries:
            assert tries
            with turns.turn(SERVER, used_up()) as second:
                assert not second
    with turns.turn(SERVER, used_up()) as tries, turns.turn(SERVER, used_up()) as second:
        assert (tries, second) == (True, False)


def test_a_turn_ends_whatever_happens() -> None:
    turns = Turns()
    late(turns)
    for _ in range(2):
        with suppress(KeyError), turns.turn(SERVER, used_up()) as tries:
            assert tries
            dict[str, str]()["nothing"]


def test_a_call_that_does_not_wait_says_why_and_is_counted(content: Content) -> None:
    with serving(record_of(condition())) as stub:
        base = read_base(f"{stub.url}/fhir")
        servers = FhirServers([base], templates(content), seconds=20, max_bytes=10**6)
        envelope = Envelope("p1", None, {}, Access(str(base), TOKEN))
        late(servers._turns, str(base))
        before = counted()
        with servers._turns.turn(str(base), in_time()):
            completed = servers.complete(envelope, wanted(content), {})
        assert completed.not_asked == (
            "it was too late for an earlier call, and another call is trying it"
        )
        assert not completed.values
        assert stub.connections == 0
        assert counted() == before + 1
        assert servers.complete(envelope, wanted(content), {}).values["conditions"]


def counted() -> float:
    return REGISTRY.get_sample_value("cds_fetches_total", {"outcome": "not-waited"}) or 0.0

"""Prints what judging and answering cost, as ratios to a floor of the same run."""

from __future__ import annotations

import statistics
import time
from functools import partial
from typing import TYPE_CHECKING

import orjson

from benchmarks import insight, print_build, servers, store, text, tokens
from benchmarks.records import AS_OF, bundle, hook_request
from cds_service.app import create_app
from cds_service.content.load import load
from cds_service.fhir.judge import Judge
from cds_service.fhir.record import read_bundle
from cds_service.render.cards import CardWriter
from cds_service.render.suggestions import NOWHERE, Filing
from cds_service.samples import as_of_today, samples
from cds_service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.clinical.decision import Decision

_RUNS = 7
_CALLS = 1000
_SIZES = (40, 200, 1000, 5000)
_PROFILE = "documents"


def main() -> None:
    """Measure everything and print one table each."""
    print_build()
    _judging()
    _growth()
    text.measure()
    _tokens()
    _writing()
    _requests()
    _trying()
    store.main()
    insight.main()


def _judging() -> None:
    """Judge a parsed record of 40 resources, against the parse of its body."""
    judge = Judge(load())
    body = orjson.dumps(bundle(40))
    parsed = orjson.loads(body)
    parse = partial(orjson.loads, body)
    decide = partial(_decide, judge, parsed)
    parsing, judging = _interleaved(parse, decide, 300)
    print(f"judging, 40 resources of {len(body)} bytes (aim: below 2.0)")
    print(f"  parse {parsing:8.1f} us   judge {judging:8.1f} us   ratio {judging / parsing:5.2f}\n")


def _growth() -> None:
    """Judge ever larger records: the cost of one resource should stay the same."""
    judge = Judge(load())
    print("growth: CPU for one resource (linear while it stays level)")
    for size in _SIZES:
        parsed = bundle(size)
        calls = max(3, 4000 // size)
        cost = statistics.median(_cpu(partial(_decide, judge, parsed), calls) for _ in range(_RUNS))
        print(f"  {size:5} resources {cost / 1000:8.2f} ms   {cost / size:6.2f} us each")
    print()


def _tokens() -> None:
    """Check a caller's token, against the bare check of its signature by the library."""
    print("checking a token (aim: below 1.5 for ES384, which is recommended)")
    for algorithm in tokens.ALGORITHMS:
        # Each call uses a token up; one more in each run warms up.
        bare, ours = tokens.checks(algorithm, _RUNS * 201)
        signature, whole = _interleaved(bare, ours, 200)
        print(
            f"  {algorithm}   signature {signature:7.1f} us   all {whole:7.1f} us   "
            f"ratio {whole / signature:5.2f}"
        )
    print()


def _writing() -> None:
    """Write the cards of each sample, without and with what can be filed from them."""
    judge = Judge(load())
    writer, here = CardWriter(judge.content), Filing.of("bench-1", "visit-1")
    decisions = [
        judge.decide(read_bundle(as_of_today(each, AS_OF), AS_OF), _PROFILE)
        for each in samples().values()
    ]
    drafts = sum(
        len(card.get("suggestions", []))
        for decision in decisions
        for card in writer.write(decision, here)
    )
    bare, filed = _interleaved(
        partial(_write, writer, decisions, NOWHERE), partial(_write, writer, decisions, here), 100
    )
    print(f"cards of {len(decisions)} samples, {drafts} suggestions")
    print(
        f"  without {bare / len(decisions):6.1f} us   with {filed / len(decisions):6.1f} us a "
        f"sample   a suggestion {(filed - bare) / drafts:5.2f} us\n"
    )


def _write(writer: CardWriter, decisions: list[Decision], filing: Filing) -> None:
    for decision in decisions:
        writer.write(decision, filing)


def _requests() -> None:
    """Answer whole patient-view requests, against a bare view under the same gunicorn."""
    body = orjson.dumps(hook_request(40))
    with servers.floor(body) as floor, servers.service(body) as service:
        for server in (floor, service):
            server.post(body, 200)
        ratios, costs = [], []
        for _ in range(_RUNS):
            costs.append((_served(floor, body), _served(service, body)))
            ratios.append(costs[-1][1] / costs[-1][0])
        print(f"patient-view request of {len(body)} bytes, one worker (aim: at most 1.5)")
        print(
            f"  floor {statistics.median(each[0] for each in costs):8.1f} us   "
            f"service {statistics.median(each[1] for each in costs):8.1f} us   "
            f"ratio {statistics.median(ratios):5.2f}   "
            f"(runs {' '.join(f'{each:.2f}' for each in sorted(ratios))})\n"
        )
        print("start to first answer")
        print(f"  floor {floor.first_answer:6.2f} s   service {service.first_answer:6.2f} s")


def _trying() -> None:
    """Show the page of a trial, as a person waits for it: wall time, in this process."""
    client = create_app(Settings()).test_client()
    text = orjson.dumps(bundle(500)).decode()
    print("try a pasted Bundle of 500 resources (aim: below 300 ms)")
    for service in ("", "back-pain-patient-view"):
        times = []
        for _ in range(_RUNS):
            before = time.perf_counter()
            answer = client.post("/try", data={"record": text, "service": service})
            times.append((time.perf_counter() - before) * 1000)
            if answer.status_code != 200:
                msg = f"/try answered {answer.status_code}"
                raise RuntimeError(msg)
        print(f"  {service or 'by itself':24} {statistics.median(times):6.1f} ms")
    print()


def _decide(judge: Judge, parsed: dict[str, object]) -> None:
    judge.decide(read_bundle(parsed, AS_OF), _PROFILE)


def _interleaved(
    one: Callable[[], object], other: Callable[[], object], calls: int
) -> tuple[float, float]:
    pairs = [(_cpu(one, calls), _cpu(other, calls)) for _ in range(_RUNS)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def _cpu(call: Callable[[], object], calls: int) -> float:
    """Return the CPU time of one call in microseconds."""
    call()
    before = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - before) / calls * 1e6


def _served(server: servers.Server, body: bytes) -> float:
    """Return the server's CPU time for one request in microseconds."""
    before = server.cpu_seconds()
    server.post(body, _CALLS)
    return (server.cpu_seconds() - before) / _CALLS * 1e6


if __name__ == "__main__":
    main()

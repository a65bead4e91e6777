"""What CDS Hooks 2.0.1 and our contract ask of every answer, written as a check of our own.

Every response that goes through the `client` fixture is checked here, whatever the test is about.
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import orjson
from fhir.resources.R4B.operationoutcome import OperationOutcome
from flask.testing import FlaskClient

from tests.filing import check_suggestions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.test import TestResponse

# topic -> the indicators it may have, in the order of the cards
TOPICS = {
    "emergency": {"critical"},
    "imaging": {"warning", "info"},
    "imagingnotindicated": {"info", "warning"},
    "review": {"info"},
    "neurology": {"info"},
    "physiotherapy": {"info"},
    "contributing": {"info"},
    "selfcare": {"info"},
    "redflagcheck": {"info"},
}
STATUSES = {200, 400, 401, 403, 404, 405, 411, 412, 413, 415, 500, 503}
TRACE = "org.backpain-cds.trace"
TOPIC_SYSTEM = "https://backpain-cds.org/CodeSystem/card-topic"
OVERRIDE_SYSTEM = "https://backpain-cds.org/CodeSystem/override-reason"
HL7_OVERRIDE_SYSTEM = "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"

# Where a call is about orders or an appointment, only these speak of them.
ABOUT_ORDERS = {"emergency", "imaging", "imagingnotindicated", "redflagcheck"}
ORDER_HOOKS = ("appointment-book", "order-select", "order-sign")

# The context fields of every hook that a prefetch token may name.
TOKENS = {"userId", "patientId", "encounterId"}
# What the recommended query subset leaves out, of what services tend to use.
OUTSIDE_THE_SUBSET = {
    "_include", "_revinclude", "_summary", "_elements", "_has", "_filter", "_lastUpdated",
    "_maxresults",
}  # fmt: skip


class CheckedClient(FlaskClient):
    """A test client that lets no response pass that breaks the rules."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:  # noqa: ANN401  as in Flask
        response = super().open(*args, **kwargs)
        check_response(response)
        return response


def check_response(response: TestResponse) -> None:
    assert response.status_code in STATUSES, response.status_code
    assert "Access-Control-Allow-Origin" in response.headers or "Vary" in response.headers
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    if response.status_code == 401:
        assert response.data == b"", "no detail for strangers"
        return
    if response.request.method in {"OPTIONS", "HEAD"}:
        return
    if response.request.path == "/metrics" and response.status_code == 200:
        assert response.content_type == "text/plain; version=0.0.4; charset=utf-8"
        return
    fhir = response.status_code == 200 and response.request.path.startswith("/fhir/")
    assert response.mimetype == ("application/fhir+json" if fhir else "application/json")
    body = response.get_json()
    if response.status_code != 200:
        check_outcome(body, response.status_code)
    elif isinstance(body, dict) and "services" in body:
        check_discovery(body)
    elif isinstance(body, dict) and "unanswered" in body:
        check_assessment(body)
    elif isinstance(body, dict) and "cards" in body:
        check_cards(body, hook=response.request.path.rpartition("/back-pain-")[2])


def check_discovery(body: dict[str, Any]) -> None:
    assert set(body) == {"services"}
    no_empty_elements(body["services"])
    ids = [service["id"] for service in body["services"]]
    assert len(set(ids)) == len(ids), "an id for each hook"
    for service in body["services"]:
        assert set(service) <= {
            "hook", "title", "description", "id", "prefetch", "usageRequirements", "extension",
        }  # fmt: skip
        for name in ("hook", "description", "id", "title", "usageRequirements"):
            assert isinstance(service[name], str)
        assert re.fullmatch(r"[A-Za-z0-9.-]+", service["id"]), "a path segment"
        for name, template in service["prefetch"].items():
            assert re.fullmatch(r"[a-z]+", name)
            check_template(template)


def check_template(template: str) -> None:
    """Check for a read or a type-level search in the subset that every 2.x client may be asked."""
    tokens = re.findall(r"\{\{(.*?)\}\}", template)
    assert all(token.removeprefix("context.") in TOKENS for token in tokens), template
    assert all(token.startswith("context.") for token in tokens), template
    assert re.fullmatch(r"[^\s|\"<>]+", template), "nothing that would have to be encoded"
    parts = urlsplit(template.replace("{{", "").replace("}}", ""))
    assert not parts.scheme
    if "?" not in template:
        assert re.fullmatch(r"[A-Z][A-Za-z]+/context\.[a-zA-Z]+", parts.path), template
        return
    assert re.fullmatch(r"[A-Z][A-Za-z]+", parts.path), template
    parameters = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True)
    names = [name for name, _ in parameters]
    assert len(set(names)) == len(names), "no parameter twice: clients join them into one"
    for name, value in parameters:
        assert value, template
        assert name not in OUTSIDE_THE_SUBSET, template
        assert re.fullmatch(r"_?[a-z-]+(:in)?", name), "no chain, no modifier but :in"


def check_cards(body: dict[str, Any], hook: str = "") -> None:
    assert set(body) == {"cards"}, "no systemActions"
    cards = body["cards"]
    assert isinstance(cards, list)
    for card in cards:
        check_card(card)
    uuids = [card["uuid"] for card in cards]
    assert len(set(uuids)) == len(uuids)
    topics = [card["source"]["topic"]["code"] for card in cards]
    check_order(cards, hook)
    check_occasion(cards, hook)
    if "emergency" in topics:
        assert topics == ["emergency"], "the emergency card stands alone"
    if "selfcare" in topics:
        assert not {"emergency", "redflagcheck"} & set(topics), "nothing unknown is reassuring"
    for card in cards[:1]:
        check_last_lines(card)


def check_order(cards: list[dict[str, Any]], hook: str) -> None:
    """One card for each topic, the most urgent first, then in their order.

    On discharge the red-flag check may stand before all that is not urgent itself.
    """
    topics = [card["source"]["topic"]["code"] for card in cards]
    urgent = [card for card in cards if card["indicator"] in {"critical", "warning"}]
    assert cards[: len(urgent)] == urgent
    rest = topics[len(urgent) :]
    if hook == "encounter-discharge" and rest[:1] == ["redflagcheck"]:
        topics.remove("redflagcheck")
        assert "redflagcheck" not in topics
    places = [list(TOPICS).index(topic) for topic in topics]
    assert places == sorted(set(places)), topics


def check_occasion(cards: list[dict[str, Any]], hook: str) -> None:
    """Check that the cards are those that belong to what the call is about."""
    shown = {card["source"]["topic"]["code"]: card["indicator"] for card in cards}
    if hook in ORDER_HOOKS:
        assert set(shown) <= ABOUT_ORDERS
    else:
        assert "imagingnotindicated" not in shown
    if hook == "order-sign":
        assert shown.get("imagingnotindicated", "warning") == "warning"
    if hook == "order-select":
        assert shown.get("imagingnotindicated", "info") == "info"
    if hook == "appointment-book":
        assert "imagingnotindicated" not in shown


def check_card(card: dict[str, Any]) -> None:
    no_empty_elements(card)
    assert set(card) <= {
        "uuid", "summary", "detail", "indicator", "source", "overrideReasons", "links",
        "suggestions", "selectionBehavior", "extension",
    }  # fmt: skip
    assert card["uuid"] == str(uuid.UUID(card["uuid"], version=4)), "a lower-case UUIDv4"
    check_summary(card["summary"])
    check_markdown(card["detail"])
    source = card["source"]
    assert set(source) <= {"label", "url", "icon", "topic"}
    assert source["label"]
    assert source.get("url", "https://").startswith("https://")
    topic = source["topic"]
    assert topic["system"] == TOPIC_SYSTEM
    assert re.fullmatch(r"[a-z]{1,100}", topic["code"])
    assert card["indicator"] in TOPICS[topic["code"]]
    check_override_reasons(card["overrideReasons"])
    check_suggestions(card)
    check_links(card)
    for name, value in card["extension"].items():
        assert re.fullmatch(r"[a-z]+(\.[a-z-]+)+", name), "a name in reverse-domain notation"
        assert isinstance(value, dict)
    check_trace(card["extension"][TRACE])


def check_links(card: dict[str, Any]) -> None:
    """Check for one address for all patients; what a form is opened for stands beside it."""
    for link in card.get("links", []):
        assert {"label", "url", "type"} <= set(link) <= {"label", "url", "type", "appContext"}
        assert 1 <= len(link["label"]) <= 80
        place = urlsplit(link["url"])
        assert place.scheme in {"https", "http"}
        assert place.netloc
        assert not place.query
        assert not place.fragment
        assert place.path.endswith("/smart/launch" if link["type"] == "smart" else "/form")
        if link["type"] == "smart":
            (names,) = orjson.loads(link["appContext"]).values()
            assert names
            assert all(re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", name) for name in names)
        else:
            assert link["type"] == "absolute"
            assert "appContext" not in link, "for smart only"


def check_summary(summary: str) -> None:
    assert 1 <= len(summary) <= 139, summary
    assert summary.isprintable(), "one line"
    assert summary == summary.strip()


def check_override_reasons(reasons: list[dict[str, str]]) -> None:
    assert 4 <= len(reasons) <= 6
    assert len({reason["code"] for reason in reasons}) == len(reasons)
    for reason in reasons:
        assert set(reason) == {"system", "code", "display"}
        assert reason["system"] in {OVERRIDE_SYSTEM, HL7_OVERRIDE_SYSTEM}


def check_markdown(detail: str) -> None:
    """No raw HTML, nothing that a renderer turns into a link, nothing that hides or turns text."""
    assert "<" not in detail
    assert not re.search(r"(?i)https?://|ftp://|www\.|[\w.+-]@[\w-]+\.\w", detail), detail
    assert not re.search(r"(?<!\\)[\[\]`|~]", detail), "code, a table or a link"
    assert not re.search(r"(?<!\\)!(?=\[)", detail), "an image"
    assert all(is_seen(sign) or sign == "\n" for sign in detail)
    assert detail == detail.strip()


def is_seen(sign: str) -> bool:
    """Not a control character or a line break, and nothing that turns the text around it."""
    turns = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    return (
        unicodedata.category(sign) not in {"Cc", "Zl", "Zp"}
        and unicodedata.bidirectional(sign) not in turns
    )


def check_last_lines(card: dict[str, Any]) -> None:
    """Every note of the first card stands at the end of its detail, or is counted there."""
    notes = card["extension"][TRACE].get("notes", [])
    last = [line for line in card["detail"].split("\n\n")[-1].split("\n") if line]
    if not notes:
        assert not last[0].startswith("Note:")
    else:
        assert all(line.startswith("Note: ") for line in last)
        assert len(last) == len(notes) or f"{len(notes) - len(last) + 1} more" in last[-1]


def check_trace(trace: dict[str, Any]) -> None:
    assert set(trace) <= {"profile", "contentDigest", "asOf", "criteria", "notes"}
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", trace["contentDigest"])
    assert datetime.fromisoformat(trace["asOf"]).tzinfo is not None
    assert trace["criteria"], "every card says why"
    for criterion in trace["criteria"]:
        check_criterion(criterion)
    for note in trace.get("notes", []):
        check_text(note)


def check_criterion(criterion: dict[str, Any]) -> None:
    assert re.fullmatch(r"[A-Z]\d{2}", criterion["id"])
    assert criterion["title"]
    assert criterion["state"] in {"met", "notmet", "unknown"}
    assert criterion["documents"]
    if criterion["state"] == "unknown":
        assert criterion["missing"], "what is unknown says what it waits for"
    for evidence in criterion.get("evidence", []):
        assert {"reference", "says"} <= set(evidence) <= {"reference", "says", "when"}
        for text in evidence.values():
            check_text(text)


def check_text(text: str) -> None:
    assert all(is_seen(sign) for sign in text)
    assert not re.search(r"<[a-zA-Z/!?]", text), "no tag can begin"


def check_assessment(body: dict[str, Any]) -> None:
    assert set(body) == {
        "asOf", "profile", "contentDigest", "gate", "recommendations", "criteria", "unanswered",
        "cards", "notes",
    }  # fmt: skip
    check_cards({"cards": body["cards"]})
    assert body["gate"]["state"] in {"open", "shut"}
    for criterion in body["criteria"]:
        check_criterion(criterion)
    named = [
        (each["topic"], each["indicator"], each["summary"]) for each in body["recommendations"]
    ]
    carded = [
        (card["source"]["topic"]["code"], card["indicator"], card["summary"])
        for card in body["cards"]
    ]
    assert named == carded
    assert not body["cards"] or body["gate"]["state"] == "open"


def check_outcome(body: dict[str, Any], status: int) -> None:
    no_empty_elements(body)
    OperationOutcome.model_validate(body)
    assert body["resourceType"] == "OperationOutcome"
    (issue,) = body["issue"]
    assert issue["severity"] == "error"
    assert len(issue["details"]["text"]) > 10, "what, where, why and what to do"
    if status == 412:
        assert issue["expression"]


def no_empty_elements(value: object) -> None:
    """CDS Hooks allows no null and nothing empty, but `cards` and `services` themselves."""
    for path, each in _elements(value, ""):
        assert each not in (None, "", [], {}), f"empty: {path}"


def _elements(value: object, path: str) -> Iterator[tuple[str, object]]:
    yield path, value
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _elements(each, f"{path}.{key}")
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _elements(each, f"{path}[{number}]")

"""Answers to the form as a FHIR R4 QuestionnaireResponse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir.resources.R4B.questionnaireresponse import QuestionnaireResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    Json = dict[str, Any]


def response(
    questionnaire: Json,
    said: Mapping[str, Json],
    authored: datetime,
    *,
    subject: str | None = None,
) -> Json:
    """Return the response. ``said`` holds an answer (`{"valueCoding": …}`) for each linkId.

    What the form does not ask after the other answers (`enableWhen`) is left out, and so is what
    was not answered. Raises pydantic's ValidationError where the answers are not valid FHIR.
    """
    built: Json = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{questionnaire['url']}|{questionnaire['version']}",
        "status": "completed",
        "authored": authored.isoformat(timespec="seconds"),
    }
    if subject:
        built["subject"] = {"reference": subject}
    items = list(_items(questionnaire["item"], said))
    if items:
        built["item"] = items
    QuestionnaireResponse.model_validate(built)
    return built


def asked(questionnaire: Json, said: Mapping[str, Json]) -> Iterator[str]:
    """Yield the linkIds that are asked, given the answers: what only follows another may not be."""
    waiting = [*questionnaire["item"]]
    while waiting:
        item = waiting.pop()
        if _enabled(item, said):
            yield item["linkId"]
            waiting += item.get("item", ())


def _items(asked: Iterable[Json], said: Mapping[str, Json]) -> Iterator[Json]:
    for item in asked:
        name = item["linkId"]
        if item["type"] == "group":
            below = list(_items(item["item"], said))
            if below:
                yield {"linkId": name, "text": item["text"], "item": below}
        elif name in said and _enabled(item, said):
            below = list(_items(item.get("item", ()), said))
            answer = said[name] | ({"item": below} if below else {})
            yield {"linkId": name, "text": item["text"], "answer": [answer]}


def _enabled(item: Json, said: Mapping[str, Json]) -> bool:
    """Tell whether an item is asked: our form only knows "after this answer to that question"."""
    return all(
        said.get(when["question"], {}).get("valueCoding") == when["answerCoding"]
        for when in item.get("enableWhen", ())
    )

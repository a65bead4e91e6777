"""The Questionnaire as fields of a page, and what was posted in them as answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wtforms import DateField, DecimalField, IntegerField, RadioField, SelectField
from wtforms.form import BaseForm
from wtforms.validators import AnyOf, NumberRange, Optional, ValidationError

from cds_service.render.questionnaire import NOT_ASKED
from cds_service.render.response import asked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

    from werkzeug.datastructures import MultiDict
    from wtforms.fields.core import Field

    Json = dict[str, Any]

UNIT = ".unit"
# What a thermometer shows, in degrees Celsius or Fahrenheit.
_TEMPERATURES = (30, 115)


class RedFlagForm:
    """The fields of the form by linkId, filled from a post or from a record."""

    def __init__(
        self, questionnaire: Json, today: date, posted: MultiDict[str, str] | None = None
    ) -> None:
        """Make the fields; ``posted`` is what a browser sent."""
        self._questionnaire = questionnaire
        self.questions = {each["linkId"]: each for each in _questions(questionnaire["item"])}
        fields: dict[str, Any] = {}
        for name, item in self.questions.items():
            fields[name] = _FIELDS[item["type"]](item, today)
            if item["type"] == "quantity":
                units = {each["code"]: each["display"] for each in _units(item)}
                fields[f"{name}{UNIT}"] = SelectField(
                    "Unit", choices=units, default=next(iter(units))
                )
        self._form = BaseForm(fields)
        self._form.process(posted)

    def __getitem__(self, name: str) -> Field:
        """Return the field of a linkId."""
        field: Field = self._form[name]
        return field

    def faults(self) -> Mapping[str, list[str]]:
        """Return why answers cannot be read, by field. What is not asked for is not looked at."""
        self._form.validate()
        asked_for = set(asked(self._questionnaire, self.said()))
        return {
            name: list(found)
            for name, found in self._form.errors.items()
            if name and name.removesuffix(UNIT) in asked_for
        }

    def said(self) -> dict[str, Json]:
        """Return the answers that were given, by linkId, as FHIR has them."""
        found = {}
        for name, item in self.questions.items():
            data = self._form[name].data
            answer = None if data in {None, ""} else self._answer(name, item, data)
            if answer is not None:
                found[name] = answer
        return found

    def _answer(self, name: str, item: Json, data: Any) -> Json | None:  # noqa: ANN401  each field has its own type
        kind = item["type"]
        if kind == "choice":
            coding = next((each for each in _options(item) if _value(each) == data), NOT_ASKED)
            return None if coding == NOT_ASKED else {"valueCoding": coding}
        if kind == "date":
            return {"valueDate": data.isoformat()}
        if kind == "integer":
            return {"valueInteger": data}
        for unit in _units(item):
            if unit["code"] == self._form[name + UNIT].data:
                named = {key: unit[key] for key in ("system", "code")} | {"unit": unit["display"]}
                return {"valueQuantity": {"value": float(data)} | named}
        return None


def yes_of(item: Json) -> str:
    """Return the value of the field that says yes."""
    return _value(_options(item)[0])


def _questions(items: Iterable[Json]) -> Iterator[Json]:
    for item in items:
        if item["type"] != "group":
            yield item
        yield from _questions(item.get("item", ()))


def _options(item: Json) -> list[Json]:
    return [each["valueCoding"] for each in item["answerOption"]]


def _value(coding: Json) -> str:
    value: str = coding.get("code") or coding["display"]
    return value


def _units(item: Json) -> list[Json]:
    """Return the units of a quantity: its extensions have nothing else."""
    return [each["valueCoding"] for each in item["extension"]]


def _choice(item: Json, _: date) -> Field:
    choices = {_value(each): each["display"] for each in _options(item)}
    left_out = _value(NOT_ASKED) if NOT_ASKED in _options(item) else None
    return RadioField(
        item["text"],
        [Optional(), AnyOf(choices, message="Choose one of the answers.")],
        choices=choices,
        default=left_out,
        validate_choice=False,
    )


def _date(item: Json, today: date) -> Field:
    def not_in_the_future(_: BaseForm, field: Field) -> None:
        if field.data is not None and field.data > today:
            msg = "This day has not come yet."
            raise ValidationError(msg)

    return DateField(item["text"], [Optional(), not_in_the_future])


def _integer(item: Json, _: date) -> Field:
    low, high = (each["valueInteger"] for each in item["extension"])
    message = f"Write a whole number from {low} to {high}."
    return IntegerField(item["text"], [Optional(), NumberRange(low, high, message)])


def _quantity(item: Json, _: date) -> Field:
    low, high = _TEMPERATURES
    message = f"Write a temperature between {low} and {high}."
    limits = [Optional(), NumberRange(low, high, message)]
    return DecimalField(item["text"], limits, places=1)


_FIELDS = {"choice": _choice, "date": _date, "integer": _integer, "quantity": _quantity}

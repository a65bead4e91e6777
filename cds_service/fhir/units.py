"""Quantities in the units that rules compare in; what is not said is said to be assumed."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from cds_service.clinical.value import Value
from cds_service.fhir.access import as_dict, as_number, as_text


class Amount(Value):
    """A number in the unit of comparison, and how it says itself, with any assumption made."""

    __slots__ = ("says", "value")

    def __init__(self, value: float, says: str) -> None:
        """Keep a number and its words."""
        self.value: Final = value
        self.says: Final = says

    def parts(self) -> tuple[object, ...]:
        """Return the number and its words."""
        return (self.value, self.says)


_TENTH = Decimal("0.1")
_CELSIUS = {"cel", "°c", "c°", "c", "degc", "celsius"} | {
    f"{degrees} {unit}" for degrees in ("deg", "degree", "degrees") for unit in ("c", "celsius")
}
_FAHRENHEIT = {"[degf]", "°f", "f°", "f", "degf", "fahrenheit"} | {
    f"{degrees} {unit}" for degrees in ("deg", "degree", "degrees") for unit in ("f", "fahrenheit")
}
# Signs that look like the degree sign, or hold one.
_SIGNS = str.maketrans({"º": "°", "˚": "°", "℃": "°c", "℉": "°f"})
_CELSIUS_PLAUSIBLE = (25.0, 45.0)
_FAHRENHEIT_PLAUSIBLE = (77.0, 113.0)
_KILOGRAMS = {
    "kg": 1.0,
    "kgs": 1.0,
    "kilogram": 1.0,
    "kilograms": 1.0,
    "g": 0.001,
    "gram": 0.001,
    "grams": 0.001,
    "[lb_av]": 0.45359237,
    "lb": 0.45359237,
    "lbs": 0.45359237,
    "pound": 0.45359237,
    "pounds": 0.45359237,
}
_BODY_WEIGHT_PLAUSIBLE = (20.0, 300.0)
_PER_DECILITRE = {"mg/dl", "mg/100ml"}
_MOLAR = {"mmol/l": 1.0, "umol/l": 0.001, "µmol/l": 0.001}
_EQUIVALENTS = {"meq/l", "mval/l"}


_SHORT_SCALE, _LONG_SCALE = 10, 100
_SHORT_UNITS, _LONG_UNITS = {"/10"}, {"mm", "%", "/100"}


def unit_of(quantity: dict[str, Any]) -> str | None:
    """Return the UCUM code of a quantity, else its unit as written, in lower case."""
    unit = as_text(quantity.get("code")) or as_text(quantity.get("unit"))
    return unit.translate(_SIGNS).lower().rstrip(".") if unit else None


def _written(quantity: dict[str, Any]) -> str:
    return as_text(quantity.get("unit")) or as_text(quantity.get("code")) or ""


def celsius(quantity: object) -> Amount | None:
    """Return a temperature in Cel, rounded to 0.1 after converting; None if it is implausible.

    A missing unit is told by plausibility: no living body has 100 Cel or 38 [degF].
    Source: docs/reading.md, "Severe".
    """
    quantity = as_dict(quantity)
    value, unit = as_number(quantity.get("value")), unit_of(quantity)
    if value is None:
        return None
    if unit in _FAHRENHEIT:
        return _fahrenheit(value, f"{value:g} {_written(quantity)}")
    if unit in _CELSIUS:
        low, high = _CELSIUS_PLAUSIBLE
        return Amount(_rounded(_exact(value)), f"{value:g} Cel") if low <= value <= high else None
    if unit is not None:
        return None
    if _CELSIUS_PLAUSIBLE[0] <= value <= _CELSIUS_PLAUSIBLE[1]:
        assumed = f"{value:g}, unit not recorded, taken as Cel"
        return Amount(_rounded(_exact(value)), assumed)
    return _fahrenheit(value, f"{value:g}, unit not recorded, taken as [degF]")


def _fahrenheit(value: float, says: str) -> Amount | None:
    low, high = _FAHRENHEIT_PLAUSIBLE
    if not low <= value <= high:
        return None
    converted = _rounded((_exact(value) - 32) * 5 / 9)
    return Amount(converted, f"{says} = {converted:g} Cel")


def _exact(value: float) -> Decimal:
    """Return a number as it was written: 38.95 is no 38.949999."""
    return Decimal(repr(value))


def _rounded(value: Decimal) -> float:
    """Return a temperature to 0.1; what lies half-way is the higher, in every unit the same."""
    return float(value.quantize(_TENTH, ROUND_HALF_UP))


def kilograms(quantity: object) -> Amount | None:
    """Return a body weight in kg; None if the unit is unknown or the weight implausible."""
    quantity = as_dict(quantity)
    value, unit = as_number(quantity.get("value")), unit_of(quantity)
    factor = 1.0 if unit is None else _KILOGRAMS.get(unit)
    if value is None or factor is None:
        return None
    weight = value * factor
    low, high = _BODY_WEIGHT_PLAUSIBLE
    if not low <= weight <= high:
        return None
    assumed = ", unit not recorded, taken as kg" if unit is None else ""
    return Amount(weight, f"{weight:.1f} kg{assumed}")


def millimoles(quantity: object, mass_per_mmol: float | None) -> Amount | None:
    """Return a concentration in mmol/L; ``mass_per_mmol`` (mg) converts mg/dL.

    Only calcium and magnesium are also weighed; they carry two charges, so a milliequivalent
    of them is half a millimole.
    """
    quantity = as_dict(quantity)
    value, unit = as_number(quantity.get("value")), unit_of(quantity)
    if value is None or unit is None:
        return None
    if unit in _MOLAR:
        return Amount(value * _MOLAR[unit], f"{value:g} {_written(quantity)}")
    if unit in _EQUIVALENTS:
        converted = value / 2 if mass_per_mmol else value
        return Amount(converted, f"{value:g} {_written(quantity)} = {converted:g} mmol/L")
    if unit in _PER_DECILITRE and mass_per_mmol:
        converted = round(value * 10 / mass_per_mmol, 2)
        return Amount(converted, f"{value:g} mg/dL = {converted:g} mmol/L")
    return None


def score_of_ten(quantity: object, *, short: bool) -> Amount | None:
    """Return a pain score on 0 to 10; a scale of 0 to 100 is recognised by its number or unit.

    ``short`` says that the instrument ends at 10: what is more was mistyped, and is no score.
    """
    quantity = as_dict(quantity)
    value, unit = as_number(quantity.get("value")), unit_of(quantity)
    short = unit in _SHORT_UNITS or (short and unit not in _LONG_UNITS)
    if value is None or not 0 <= value <= (_SHORT_SCALE if short else _LONG_SCALE):
        return None
    if value > _SHORT_SCALE or unit in _LONG_UNITS:
        return Amount(value / 10, f"{value:g} of 100 = {value / 10:g} of 10")
    return Amount(value, f"{value:g} of 10")

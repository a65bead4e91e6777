"""Numbers as somebody wrote them: 39.0 is finer than 39."""

from __future__ import annotations

from decimal import Decimal
from typing import Self


class Written(float):
    """A number that keeps its text, and with it how finely it was written."""

    text: str

    def __new__(cls, text: str) -> Self:
        """Read the text. Raises ValueError where it is not a number."""
        number = super().__new__(cls, text)
        number.text = text
        return number


def next_to(number: float) -> tuple[float, float]:
    """Return the numbers one step below and above: 0.1 from 39.0, 1 from 39."""
    decimal = Decimal(number.text if isinstance(number, Written) else str(number))
    step = Decimal(1).scaleb(int(decimal.as_tuple().exponent))
    return float(decimal - step), float(decimal + step)

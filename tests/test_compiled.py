"""The compiled build and the sources are one thing: what is frozen here is frozen there."""

from __future__ import annotations

import importlib
import tomllib
from dataclasses import FrozenInstanceError
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES
from pathlib import Path

import pytest

from cds_service.clinical.rules import Has, Not
from cds_service.clinical.truth import Truth
from cds_service.clinical.windows import Span, Unit
from cds_service.content.codes import Code, System
from cds_service.fhir.given import Given

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
HOOK = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]
COMPILED = sorted(
    ".".join(source.relative_to(ROOT).with_suffix("").parts)
    for pattern in HOOK["compile"]
    for source in ROOT.glob(pattern)
    if str(source.relative_to(ROOT)) not in HOOK["leave"]
)


@pytest.mark.parametrize("name", COMPILED)
def test_a_checkout_runs_its_sources_and_the_compiled_build_does_not(
    name: str, pytestconfig: pytest.Config
) -> None:
    suffixes = EXTENSION_SUFFIXES if pytestconfig.getoption("compiled") else SOURCE_SUFFIXES
    path = importlib.import_module(name).__file__
    assert path is not None
    assert path.endswith(tuple(suffixes))


@pytest.mark.parametrize("leave", HOOK["leave"])
def test_what_is_left_out_is_there(leave: str) -> None:
    assert (ROOT / leave).is_file()


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Span(30, Unit.DAYS), "amount"),
        (Has("fever"), "finding"),
        (Not(Has("fever")), "term"),
        (Code(System.LOINC, "8310-5", "Body temperature"), "code"),
        (Given("fever", Truth.PRESENT), "state"),
    ],
    ids=lambda each: type(each).__name__ if not isinstance(each, str) else each,
)
def test_what_is_frozen_cannot_be_changed(value: object, name: str) -> None:
    before = repr(value)
    with pytest.raises(FrozenInstanceError):
        setattr(value, name, None)
    with pytest.raises(FrozenInstanceError):
        delattr(value, name)
    assert repr(value) == before


def test_equal_values_are_one_key() -> None:
    assert {Span(30, Unit.DAYS): "a"}[Span(30, Unit.DAYS)] == "a"
    assert Has("fever", within=Span(1, Unit.DAYS)) == Has("fever", within=Span(1, Unit.DAYS))

"""check and criteria: what the clinical content holds, and whether it is sound."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cds_service.assess import UseError
from cds_service.clinical.truth import Truth
from cds_service.commands.output import complain, paragraph, plural
from cds_service.content.explain import reading
from cds_service.content.load import load
from cds_service.content.site_codes import load_site_codes
from cds_service.fhir.score import AIM, score
from cds_service.fhir.text import TextReader

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from cds_service.content.criteria import CriterionDefinition
    from cds_service.content.load import Content
    from cds_service.settings import Settings

DONE, FAILED = 0, 1
_EXPECTED = {Truth.PRESENT: "met", Truth.ABSENT: "not met", Truth.UNKNOWN: "cannot tell"}


def add_to(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    """Add both commands to the parser."""
    checking = add_parser(
        "check",
        help="check the clinical content",
        description="Check the clinical content, shipped or in CDS_CARDS: every file, every code's "
        "shape, every case, and that each small change of a rule is noticed by a case; and a "
        "site's own codes, where CDS_CODES names them.",
    )
    checking.add_argument(
        "--text",
        action="store_true",
        help="read the sentences of the content: precision, recall, and every miss; exit 1 below "
        f"{AIM}",
    )
    checking.set_defaults(run=check)

    criteria = add_parser(
        "criteria",
        help="print what each criterion asks for",
        description="Print what each criterion asks for, in words made from its rule, and the "
        "document it rests on. With an id, also the reason and the cases.",
    )
    criteria.add_argument("id", nargs="?", metavar="ID", help="one criterion, such as E01")
    criteria.set_defaults(run=_criteria)


def check(asked: argparse.Namespace, settings: Settings) -> int:
    """Check the content; return 1 where it falls short."""
    content = load(settings.cards)
    if settings.codes:
        load_site_codes(settings.codes, content)
    if asked.text:
        return _check_text(content)
    cases = sum(len(each.cases) for each in content.criteria.values())
    drafts = sum(each.sign_off.status == "draft" for each in content.criteria.values())
    sys.stdout.write(
        f"{len(content.criteria)} criteria, {len(content.findings)} findings, {cases} cases: "
        f"all agree, and every small change of a rule is noticed by a case.\n"
        f"{drafts} {plural('criterion', drafts)} still {plural('draft', drafts)}: "
        f"no clinician has signed them here.\n"
        f"{content.digest}\n"
    )
    return DONE


def _check_text(content: Content) -> int:
    """Print how the sentences of the content are read."""
    result = score(TextReader(content), content.sentences)
    sys.stdout.writelines(f"{line}\n" for line in result.lines())
    if not content.sentences:
        complain("there are no sentences: add a table to sentences/ in the content folder")
        return FAILED
    if not result.passes:
        complain(f"precision and recall must each be {AIM} or more")
        return FAILED
    return DONE


def _criteria(asked: argparse.Namespace, settings: Settings) -> int:
    content = load(settings.cards)
    known = {each.id: each for each in (content.gate, *content.criteria.values())}
    if asked.id is None:
        for criterion in known.values():
            _describe(criterion, content)
        return DONE
    wanted = known.get(asked.id.upper())
    if wanted is None:
        msg = f"There is no criterion {asked.id}. Use one of: {', '.join(known)}."
        raise UseError(msg)
    _describe(wanted, content)
    _describe_further(wanted, content)
    return DONE


def _describe(criterion: CriterionDefinition, content: Content) -> None:
    documents = "; ".join(
        f"{content.sources[each.source].short}: {each.heading}" for each in criterion.citations
    )
    sys.stdout.write(f"{criterion.id}  {criterion.title}  [{criterion.sign_off.status}]\n")
    paragraph(reading(criterion, content))
    paragraph(f"From {documents}.")
    sys.stdout.write("\n")


def _describe_further(criterion: CriterionDefinition, content: Content) -> None:
    courses = content.recommendations.courses
    named = dict.fromkeys(criterion.recommendation.values())
    leads = ", ".join(courses[name].label if name in courses else name for name in named)
    paragraph(f"Leads to: {leads}. The card says: {criterion.says}.")
    paragraph(criterion.why)
    sys.stdout.write("\n     Cases\n")
    for case in criterion.cases:
        cells = "; ".join(f"{name} {cell}" for name, cell in case.cells if cell != "?")
        paragraph(f"{_EXPECTED[case.expect]:11}  {case.name} ({cells or 'nothing'})", " " * 18)

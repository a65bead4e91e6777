"""The command line: serve, assess, sample, check, criteria, version."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import textwrap
from dataclasses import replace
from datetime import datetime
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

import orjson

from cds_service import __version__
from cds_service.assess import Desk, NotJudgedError, UseError, judged
from cds_service.clinical.truth import Truth
from cds_service.content.explain import reading
from cds_service.content.load import load
from cds_service.content.problems import ContentError
from cds_service.content.site_codes import load_site_codes
from cds_service.fhir.dates import read_moment
from cds_service.fhir.score import AIM, score
from cds_service.fhir.text import TextReader
from cds_service.hooks.sample_requests import request_for
from cds_service.hooks.services import SERVICES
from cds_service.render.terminal import Terminal, clean
from cds_service.samples import as_of_today, samples
from cds_service.settings import SettingsError, read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cds_service.content.criteria import CriterionDefinition
    from cds_service.content.load import Content
    from cds_service.settings import Settings

JUDGED, NOT_JUDGED, WRONG_USE = 0, 1, 2
_EXPECTED = {Truth.PRESENT: "met", Truth.ABSENT: "not met", Truth.UNKNOWN: "cannot tell"}
_MAX_WIDTH = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0 judged, 1 could not be judged, 2 wrong use."""
    asked = parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows "?"; the rest is still read.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        settings = read_settings(os.environ)
        result: int = asked.run(asked, settings)
        sys.stdout.flush()
    except ContentError as error:
        for problem in error.problems:
            sys.stderr.write(f"{clean(str(problem))}\n")
        count = len(error.problems)
        _complain(f"{count} {_plural('problem', count)} in the content: nothing was started")
        return NOT_JUDGED if asked.run is _check else WRONG_USE
    except (SettingsError, UseError) as error:
        _complain(str(error))
        return WRONG_USE
    except BrokenPipeError:
        # The reader has seen enough; python would complain once more while closing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return JUDGED
    return result


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="cds-service",
        description="Red-flag and referral decision support for back pain and back spasm.",
        epilog="Settings come from CDS_* variables; docs/integrate.md lists them. "
        "Exit codes: 0 judged, 1 could not be judged, 2 wrong use.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")

    serve = commands.add_parser(
        "serve",
        help="answer CDS Hooks and REST over HTTP",
        description="Answer CDS Hooks and REST over HTTP until stopped with Ctrl-C.",
    )
    serve.add_argument("--bind", metavar="HOST:PORT", help="listen here instead of CDS_BIND")
    serve.add_argument(
        "--workers",
        type=_count,
        metavar="N",
        help="worker processes; one for each core if left out",
    )
    serve.set_defaults(run=_serve)

    assess = commands.add_parser(
        "assess",
        help="judge patients in FHIR files and print their cards",
        description="Judge patients in FHIR files, one patient in each, and print their cards.",
        epilog="A file holds a FHIR Bundle of any type, or what POST /api/v1/assessments takes: "
        '{"bundle": …, "asOf": …} or {"findings": …}. It counts as the whole record unless it '
        'has a "next" link or "complete": false. Nothing leaves this machine.',
    )
    assess.add_argument("files", nargs="+", metavar="FILE", help="a JSON file; - is standard input")
    assess.add_argument(
        "--as-of",
        metavar="MOMENT",
        help="judge as of another moment than now: 2026-11-20T09:00:00Z, or a day, meaning its end",
    )
    assess.add_argument(
        "--why", action="store_true", help="print every criterion, met or not, with its evidence"
    )
    assess.add_argument(
        "--validate",
        action="store_true",
        help="note what is wrong with each resource by FHIR R4 (slow)",
    )
    assess.add_argument(
        "--json",
        action="store_true",
        help="print the assessment as REST answers it; of several files one after another",
    )
    assess.set_defaults(run=_assess)

    sample = commands.add_parser(
        "sample",
        help="print a sample patient, with its dates moved to today",
        description="Print a sample patient as a FHIR Bundle, with its dates moved so that the day "
        "it was written for is today. Without a name, list the samples.",
    )
    sample.add_argument("name", nargs="?", metavar="NAME", help="which sample")
    sample.add_argument(
        "--hook",
        choices=sorted(SERVICES),
        metavar="ID",
        help=f"print the hook request for it: {', '.join(sorted(SERVICES))}",
    )
    sample.set_defaults(run=_sample)

    check = commands.add_parser(
        "check",
        help="check the clinical content",
        description="Check the clinical content, shipped or in CDS_CARDS: every file, every code's "
        "shape, every case, and that each small change of a rule is noticed by a case; and a "
        "site's own codes, where CDS_CODES names them.",
    )
    check.add_argument(
        "--text",
        action="store_true",
        help="read the sentences of the content: precision, recall, and every miss; exit 1 below "
        f"{AIM}",
    )
    check.set_defaults(run=_check)

    criteria = commands.add_parser(
        "criteria",
        help="print what each criterion asks for",
        description="Print what each criterion asks for, in words made from its rule, and the "
        "document it rests on. With an id, also the reason and the cases.",
    )
    criteria.add_argument("id", nargs="?", metavar="ID", help="one criterion, such as E01")
    criteria.set_defaults(run=_criteria)

    version = commands.add_parser(
        "version",
        help="print the version and the digest of the content",
        description="Print the version of the service and the digest of the clinical content.",
    )
    version.set_defaults(run=_version)
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        msg = f"write a number from 1 upward, not {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _serve(asked: argparse.Namespace, settings: Settings) -> int:
    from cds_service.serve import serve  # noqa: PLC0415  gunicorn serves nobody else

    if asked.bind:
        try:
            settings = replace(settings, bind=read_settings({"CDS_BIND": asked.bind}).bind)
        except SettingsError as error:
            raise UseError(str(error).replace("CDS_BIND", "--bind")) from None
    serve(settings, asked.workers)
    return JUDGED


def _assess(asked: argparse.Namespace, settings: Settings) -> int:
    if asked.files.count("-") > 1:
        msg = "- stands twice among the files, but standard input can be read only once."
        raise UseError(msg)
    now = _moment(asked.as_of, settings)
    options = {"asOf": now.isoformat()} if asked.as_of else {}
    if asked.validate:
        options["validate"] = "true"
    desk = Desk.of(settings.cards, settings.codes, settings.profile, now, options)
    terminal = Terminal(sys.stdout, colour=_colour())
    worst = JUDGED
    for path in asked.files:
        name = "standard input" if path == "-" else path
        try:
            result = judged(path, desk)
        except UseError as error:
            _complain(str(error))
            worst = max(worst, WRONG_USE)
        except NotJudgedError as error:
            _complain(f"{name}: {error}")
            for note in error.notes:
                _complain(f"  note: {note}")
            worst = max(worst, NOT_JUDGED)
        else:
            if asked.json:
                _print_json(result)
            else:
                terminal.assessment(
                    "standard input" if name == "-" else name, result, why=asked.why
                )
    return worst


def _sample(asked: argparse.Namespace, settings: Settings) -> int:
    if asked.name is None:
        if asked.hook:
            msg = f"--hook needs a sample: cds-service sample NAME --hook {asked.hook}."
            raise UseError(msg)
        for sample in samples().values():
            sys.stdout.write(f"{sample.name:26} {sample.story}\n")
        return JUDGED
    found = samples().get(asked.name)
    if found is None:
        msg = f"There is no sample {asked.name!r}. Use one of: {', '.join(samples())}."
        raise UseError(msg)
    value: dict[str, Any] = as_of_today(found, datetime.now(settings.timezone))
    if asked.hook:
        value = request_for(value, SERVICES[asked.hook])
    _print_json(value)
    return JUDGED


def _check(asked: argparse.Namespace, settings: Settings) -> int:
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
        f"{drafts} {_plural('criterion', drafts)} still {_plural('draft', drafts)}: "
        f"no clinician has signed them here.\n"
        f"{content.digest}\n"
    )
    return JUDGED


def _check_text(content: Content) -> int:
    """Print how the sentences of the content are read."""
    result = score(TextReader(content), content.sentences)
    sys.stdout.writelines(f"{line}\n" for line in result.lines())
    if not content.sentences:
        _complain("there are no sentences: add a table to sentences/ in the content folder")
        return NOT_JUDGED
    if not result.passes:
        _complain(f"precision and recall must each be {AIM} or more")
        return NOT_JUDGED
    return JUDGED


def _criteria(asked: argparse.Namespace, settings: Settings) -> int:
    content = load(settings.cards)
    known = {each.id: each for each in (content.gate, *content.criteria.values())}
    if asked.id is None:
        for criterion in known.values():
            _describe(criterion, content)
        return JUDGED
    wanted = known.get(asked.id.upper())
    if wanted is None:
        msg = f"There is no criterion {asked.id}. Use one of: {', '.join(known)}."
        raise UseError(msg)
    _describe(wanted, content)
    _describe_further(wanted, content)
    return JUDGED


def _describe(criterion: CriterionDefinition, content: Content) -> None:
    documents = "; ".join(
        f"{content.sources[each.source].short}: {each.heading}" for each in criterion.citations
    )
    sys.stdout.write(f"{criterion.id}  {criterion.title}  [{criterion.sign_off.status}]\n")
    _paragraph(reading(criterion, content))
    _paragraph(f"From {documents}.")
    sys.stdout.write("\n")


def _describe_further(criterion: CriterionDefinition, content: Content) -> None:
    courses = content.recommendations.courses
    named = dict.fromkeys(criterion.recommendation.values())
    leads = ", ".join(courses[name].label if name in courses else name for name in named)
    _paragraph(f"Leads to: {leads}. The card says: {criterion.says}.")
    _paragraph(criterion.why)
    sys.stdout.write("\n     Cases\n")
    for case in criterion.cases:
        cells = "; ".join(f"{name} {cell}" for name, cell in case.cells if cell != "?")
        _paragraph(f"{_EXPECTED[case.expect]:11}  {case.name} ({cells or 'nothing'})", " " * 18)


def _version(_: argparse.Namespace, settings: Settings) -> int:
    sys.stdout.write(f"cds-service {__version__}\ncontent {load(settings.cards).digest}\n")
    return JUDGED


def _moment(text: str | None, settings: Settings) -> datetime:
    if text is None:
        return datetime.now(settings.timezone)
    moment = read_moment(text, settings.timezone)
    if moment is None:
        msg = f"--as-of {text!r} is no moment: write 2026-11-20 or 2026-11-20T09:00:00Z."
        raise UseError(msg)
    return moment


def _colour() -> bool:
    """Colour is for people at a terminal who have not asked to go without (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _paragraph(text: str, rest: str = " " * 5) -> None:
    width = min(shutil.get_terminal_size().columns, _MAX_WIDTH)
    wrapped = textwrap.fill(
        text, width, initial_indent=" " * 5, subsequent_indent=rest, break_on_hyphens=False
    )
    sys.stdout.write(f"{wrapped}\n")


def _print_json(value: dict[str, Any]) -> None:
    """Print JSON as UTF-8, whatever the terminal's encoding is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.buffer.flush()


def _plural(noun: str, count: int) -> str:
    if count == 1:
        return noun
    return {"criterion": "criteria"}.get(noun, f"{noun}s")


def _complain(text: str) -> None:
    sys.stderr.write(f"cds-service: {clean(text)}\n")

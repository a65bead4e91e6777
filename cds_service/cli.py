"""The command line: serve, assess, sample, check, criteria, version."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from cds_service import __version__
from cds_service.content.explain import explain
from cds_service.content.load import load
from cds_service.content.problems import ContentError
from cds_service.fhir.judge import Judge, why_not_judged
from cds_service.fhir.record import TwoPatientsError, read_bundle
from cds_service.hooks.requests import request_for
from cds_service.hooks.services import SERVICES
from cds_service.render.assessment import assessment
from cds_service.render.cards import CardWriter
from cds_service.render.terminal import Terminal
from cds_service.samples import as_of_today, samples
from cds_service.settings import SettingsError, read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cds_service.content.load import Content
    from cds_service.settings import Settings

JUDGED, NOT_JUDGED, WRONG_USE = 0, 1, 2


class UseError(Exception):
    """The command cannot be carried out as it was given."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0 judged, 1 could not be judged, 2 wrong use."""
    asked = _parser().parse_args(arguments)
    try:
        settings = read_settings(os.environ)
        result: int = asked.run(asked, settings)
    except ContentError as error:
        for problem in error.problems:
            _complain(str(problem))
        _complain(f"{len(error.problems)} problems in the content: nothing was started")
        return NOT_JUDGED if asked.run is _check else WRONG_USE
    except (SettingsError, UseError) as error:
        _complain(str(error))
        return WRONG_USE
    except BrokenPipeError:
        # The reader has seen enough; python would complain once more while closing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return JUDGED
    return result


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cds-service", description="Red-flag and referral decision support for back pain."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="answer CDS Hooks and REST over HTTP")
    serve.add_argument("--bind", help="HOST:PORT, in the place of CDS_BIND")
    serve.add_argument("--workers", type=int, help="worker processes; one for each core if left out")
    serve.set_defaults(run=_serve)

    assess = commands.add_parser("assess", help="judge patients in FHIR files, print their cards")
    assess.add_argument("files", nargs="+", metavar="FILE", help="a FHIR Bundle; - is standard input")
    assess.add_argument("--json", action="store_true", help="print the whole assessment as JSON")
    assess.add_argument("--as-of", metavar="MOMENT", help="judge as of another day or moment")
    assess.add_argument("--why", action="store_true", help="print every criterion, met or not")
    assess.add_argument(
        "--validate", action="store_true", help="say what is wrong with each resource by FHIR R4"
    )
    assess.set_defaults(run=_assess)

    sample = commands.add_parser("sample", help="print a sample patient, moved to today")
    sample.add_argument("name", nargs="?", help="its name; left out, all are listed")
    sample.add_argument("--hook", choices=sorted(SERVICES), help="print the hook request for it")
    sample.set_defaults(run=_sample)

    check = commands.add_parser("check", help="check the clinical content")
    check.set_defaults(run=_check)

    criteria = commands.add_parser("criteria", help="print what each criterion asks for")
    criteria.add_argument("id", nargs="?", help="one criterion, such as E01")
    criteria.set_defaults(run=_criteria)

    version = commands.add_parser("version", help="print the version and the content's digest")
    version.set_defaults(run=_version)
    return parser


def _serve(asked: argparse.Namespace, settings: Settings) -> int:
    from dataclasses import replace  # noqa: PLC0415

    from cds_service.serve import serve  # noqa: PLC0415  gunicorn and Flask serve nobody else

    if asked.bind:
        settings = replace(settings, bind=read_settings({"CDS_BIND": asked.bind}).bind)
    serve(settings, asked.workers)
    return JUDGED


def _assess(asked: argparse.Namespace, settings: Settings) -> int:
    content = load(settings.cards)
    judge, writer = Judge(content), CardWriter(content)
    as_of = _moment(asked.as_of, settings)
    terminal = Terminal(sys.stdout, colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ)
    worst = JUDGED
    for name in asked.files:
        result = _assess_one(name, asked, as_of, settings, judge, writer, terminal)
        worst = max(worst, result)
    return worst


def _assess_one(
    name: str,
    asked: argparse.Namespace,
    as_of: datetime,
    settings: Settings,
    judge: Judge,
    writer: CardWriter,
    terminal: Terminal,
) -> int:
    try:
        value = orjson.loads(_read(name))
        complete = not (isinstance(value, dict) and value.get("complete") is False)
        record = read_bundle(value, as_of, complete=complete)
    except orjson.JSONDecodeError as error:
        _complain(f"{name} is not JSON: {error}")
        return NOT_JUDGED
    except TwoPatientsError as error:
        _complain(f"{name}: {error}")
        return NOT_JUDGED
    except ValueError as error:
        _complain(f"{name}: {error}. Give a FHIR Bundle of one patient")
        return NOT_JUDGED
    if asked.validate:
        from cds_service.fhir.validate import validate  # noqa: PLC0415  loads the FHIR models

        record.notes.extend(validate(record.resources))
    decision = judge.decide(record, settings.profile)
    if not decision.judged:
        _complain(f"{name}: {why_not_judged(decision)}")
        for note in decision.notes:
            _complain(f"  {note}")
        return NOT_JUDGED
    result = assessment(decision, judge.content, writer)
    if asked.json:
        sys.stdout.write(orjson.dumps(result, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        terminal.assessment(name, result, why=asked.why)
    return JUDGED


def _sample(asked: argparse.Namespace, settings: Settings) -> int:
    if asked.name is None:
        for sample in samples().values():
            sys.stdout.write(f"{sample.name:24} {sample.story}\n")
        return JUDGED
    found = samples().get(asked.name)
    if found is None:
        msg = f"There is no sample {asked.name!r}. Use one of: {', '.join(samples())}."
        raise UseError(msg)
    value: dict[str, Any] = as_of_today(found, datetime.now(settings.timezone))
    if asked.hook:
        value = request_for(value, SERVICES[asked.hook])
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")
    return JUDGED


def _check(_: argparse.Namespace, settings: Settings) -> int:
    content = load(settings.cards)
    cases = sum(len(each.cases) for each in content.criteria.values())
    drafts = sum(each.sign_off.status == "draft" for each in content.criteria.values())
    sys.stdout.write(
        f"{len(content.criteria)} criteria, {len(content.findings)} findings, {cases} cases: "
        f"all agree, and every small change of a rule is noticed by a case.\n"
        f"{drafts} criteria are drafts that no clinician has signed here.\n"
        f"{content.digest}\n"
    )
    return JUDGED


def _criteria(asked: argparse.Namespace, settings: Settings) -> int:
    content = load(settings.cards)
    known = {each.id: each for each in (content.gate, *content.criteria.values())}
    wanted = [asked.id.upper()] if asked.id else list(known)
    for name in wanted:
        if name not in known:
            msg = f"There is no criterion {name}. Use one of: {', '.join(known)}."
            raise UseError(msg)
        _describe(name, content)
    return JUDGED


def _describe(name: str, content: Content) -> None:
    criterion = content.gate if name == content.gate.id else content.criteria[name]
    documents = "; ".join(
        f"{content.sources[each.source].short}: {each.heading}" for each in criterion.citations
    )
    sys.stdout.write(
        f"{criterion.id}  {criterion.title}  [{criterion.sign_off.status}]\n"
        f"     {explain(criterion.rule, content.findings)}\n"
        f"     {documents}\n\n"
    )


def _version(_: argparse.Namespace, settings: Settings) -> int:
    sys.stdout.write(f"back-pain-cds {__version__}\n{load(settings.cards).digest}\n")
    return JUDGED


def _moment(text: str | None, settings: Settings) -> datetime:
    from cds_service.fhir.dates import read_moment  # noqa: PLC0415

    now = datetime.now(settings.timezone)
    if text is None:
        return now
    moment = read_moment(text, settings.timezone)
    if moment is None:
        msg = f"--as-of {text!r} is no moment: write 2026-11-20 or 2026-11-20T09:00:00Z."
        raise UseError(msg)
    return moment


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        msg = f"{name} cannot be read: {error.strerror}."
        raise UseError(msg) from None


def _complain(text: str) -> None:
    sys.stderr.write(f"cds-service: {text}\n")

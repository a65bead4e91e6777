"""The command line: what can be asked of it, and the commands that are short."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from datetime import datetime
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

from cds_service import __version__
from cds_service.assess import Desk, NotJudgedError, UseError, judged
from cds_service.commands import config, content, store
from cds_service.commands.output import complain, plural, print_json
from cds_service.content.load import load
from cds_service.content.problems import ContentError
from cds_service.fhir.dates import read_moment
from cds_service.hooks.sample_requests import request_for
from cds_service.hooks.services import SERVICES
from cds_service.render.terminal import Terminal, clean
from cds_service.samples import as_of_today, samples
from cds_service.settings import SettingsError, read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cds_service.settings import Settings

JUDGED, NOT_JUDGED, WRONG_USE = 0, 1, 2


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
        complain(f"{count} {plural('problem', count)} in the content: nothing was started")
        return NOT_JUDGED if asked.run is content.check else WRONG_USE
    except (SettingsError, UseError) as error:
        complain(str(error))
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
        epilog="Settings come from CDS_* variables; docs/operate.md lists them. "
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

    content.add_to(commands.add_parser)
    store.add_to(commands.add_parser)
    config.add_to(commands.add_parser)

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
            complain(str(error))
            worst = max(worst, WRONG_USE)
        except NotJudgedError as error:
            complain(f"{name}: {error}")
            for note in error.notes:
                complain(f"  note: {note}")
            worst = max(worst, NOT_JUDGED)
        else:
            if asked.json:
                print_json(result)
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
    print_json(value)
    return JUDGED


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

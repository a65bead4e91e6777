"""The command line: what each command prints, where, and with which exit code."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from cds_service import __version__, assess, cli, serve
from cds_service.content.folder import default_folder
from cds_service.content.load import load
from cds_service.render.terminal import Terminal, clean
from cds_service.samples import WRITTEN_FOR, folder, samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.settings import Settings

AS_OF = "2026-01-15T12:00:00Z"
PAIN = {
    "resourceType": "Condition",
    "id": "pain",
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "279039007"}]},
    "subject": {"reference": "Patient/one"},
    "onsetDateTime": "2026-01-12",
}


def bundle(*resources: dict[str, Any], **more: object) -> dict[str, Any]:
    entries = [{"resource": each} for each in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries} | more


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in an environment of its own: exit code, output, errors."""
    for name in [each for each in os.environ if each.startswith("CDS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str, stdin: bytes = b"", **environment: str) -> tuple[int, str, str]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        try:
            code = cli.main(arguments)
        except SystemExit as stop:  # argparse leaves this way
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    def write(value: object, name: str = "patient.json") -> str:
        path = tmp_path / name
        path.write_bytes(value if isinstance(value, bytes) else orjson.dumps(value))
        return str(path)

    return write


def sample_file(name: str) -> str:
    return str(folder() / f"{name}.json")


def test_nothing_is_counted_before_the_folder_of_counts_is_named() -> None:
    """prometheus-client looks for that folder when it is imported, and `serve` names it."""
    code = "import sys, cds_service.cli; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- assess: what is printed ---


def test_assess_prints_the_cards_of_a_patient(run: Callable[..., Any]) -> None:
    code, out, err = run("assess", sample_file("cauda-equina"), "--as-of", AS_OF)
    assert (code, err) == (0, "")
    assert "judged as of 2026-01-15 12:00 UTC" in " ".join(out.split())
    assert " CRITICAL  Send to emergency care now: loss of bladder or bowel control," in out
    assert "  - Loss of bladder or bowel control (E01): Retention of urine (SNOMED CT" in out
    assert "  Imaging: MRI of the spine.\n" in out


@pytest.mark.parametrize(("columns", "widest"), [("60", 60), ("80", 80), ("110", 100), ("20", 40)])
@pytest.mark.parametrize("name", sorted(samples()))
def test_every_line_fits_the_window_and_is_never_longer_than_is_easy_to_read(
    run: Callable[..., Any], name: str, columns: str, widest: int
) -> None:
    _, out, _ = run("assess", sample_file(name), "--as-of", AS_OF, "--why", COLUMNS=columns)
    widths = [len(line) for line in out.splitlines()[1:]]  # the first holds the path of the file
    assert max(widths) <= widest


def test_nothing_of_a_card_gets_lost_by_wrapping(run: Callable[..., Any]) -> None:
    file = sample_file("statin-cramps")
    _, out, _ = run("assess", file, "--as-of", AS_OF)
    _, answered, _ = run("assess", file, "--as-of", AS_OF, "--json")
    shown = " ".join(out.split())
    for card in orjson.loads(answered)["cards"]:
        assert card["summary"] in shown
        for line in re.sub(r"\*\*|\\|^- ", "", card["detail"], flags=re.MULTILINE).splitlines():
            assert " ".join(line.split()) in shown


def test_a_patient_without_back_pain_has_no_card_and_is_told_why(run: Callable[..., Any]) -> None:
    code, out, _ = run("assess", sample_file("no-back-pain"), "--as-of", AS_OF)
    assert code == 0
    assert "No card. " in out
    assert "CRITICAL" not in out


def test_the_dead_have_no_card(run: Callable[..., Any], write: Callable[..., str]) -> None:
    patient = {"resourceType": "Patient", "id": "one", "deceasedBoolean": True}
    code, out, _ = run("assess", write(bundle(patient, PAIN)), "--as-of", AS_OF)
    assert code == 0
    assert "No card. " in out


def test_an_open_gate_without_a_card_says_that_nothing_calls_for_one() -> None:
    out = io.StringIO()
    nothing = {
        "asOf": "2026-01-15T12:00:00+00:00",
        "gate": {"state": "open", "evidence": []},
        "cards": [],
        "criteria": [],
        "notes": [],
    }
    Terminal(out, colour=False).assessment("x.json", nothing, why=False)
    assert "No card. Nothing that is recorded calls for one." in out.getvalue()


def test_a_shut_gate_says_what_shut_it_where_it_is_known() -> None:
    out = io.StringIO()
    shut = {
        "asOf": "2026-01-15T12:00:00+01:00",
        "gate": {"state": "shut", "evidence": [{"says": "has died", "reference": "Patient"}]},
        "cards": [],
        "criteria": [],
        "notes": ["Observation/1 could not be read: it has no code"],
    }
    Terminal(out, colour=False).assessment("x.json", shut, why=False)
    assert "No card. The gate is shut: has died." in out.getvalue()
    assert "as of 2026-01-15 12:00 UTC+01:00" in out.getvalue()
    assert "Notes\n  - Observation/1 could not be read: it has no code\n" in out.getvalue()


def test_why_prints_every_criterion_with_its_evidence_and_what_to_ask(
    run: Callable[..., Any],
) -> None:
    _, out, _ = run("assess", sample_file("fever"), "--as-of", AS_OF, "--why")
    assert all(f"  {name}  " in out for name in load(None).criteria)
    table = out.split("Every criterion")[1]
    assert re.search(r"E05  met        High fever .*\n +Body temperature 39\.4 Cel", table)
    assert re.search(r"E02  not known  Numb groin or saddle area\n +to ask: saddle-numbness", table)
    assert re.search(r"E10  not met    History of cancer with new back pain\n  E11", table)


def test_notes_stand_once_after_the_cards(
    run: Callable[..., Any], write: Callable[..., str]
) -> None:
    unreadable = {"resourceType": "Condition", "id": "odd", "subject": {"reference": "Patient/one"}}
    _, out, _ = run("assess", write(bundle(PAIN, unreadable)), "--as-of", AS_OF)
    assert out.count("Condition/odd could not be read") == 1
    assert out.index("Notes\n") > out.index("INFO")


def test_validate_notes_what_is_no_valid_r4(
    run: Callable[..., Any], write: Callable[..., str]
) -> None:
    file = write(bundle(PAIN | {"onsetDateTime": "2026-01-12", "stage": "late"}))
    assert "is not valid FHIR R4" not in run("assess", file, "--as-of", AS_OF)[1]
    code, out, _ = run("assess", file, "--as-of", AS_OF, "--validate")
    assert code == 0
    assert "Condition/pain is not valid FHIR R4: stage" in out


def test_json_is_the_assessment_as_rest_answers_it(run: Callable[..., Any]) -> None:
    code, out, _ = run("assess", sample_file("fever"), "--as-of", AS_OF, "--json")
    answer = orjson.loads(out)
    assert code == 0
    assert list(answer) == [
        *("asOf", "profile", "contentDigest", "gate", "recommendations"),
        *("criteria", "unanswered", "cards", "notes"),
    ]
    assert answer["recommendations"][0]["criteria"] == ["E05"]


# --- assess: what is taken ---


def test_standard_input_is_read_in_the_place_of_a_file(run: Callable[..., Any]) -> None:
    code, out, _ = run(
        "assess", "-", "--as-of", AS_OF, stdin=Path(sample_file("trauma")).read_bytes()
    )
    assert code == 0
    assert out.startswith("standard input, judged as of")
    assert "a recent serious injury" in out


def test_several_files_are_judged_one_after_another(run: Callable[..., Any]) -> None:
    files = [sample_file("fever"), sample_file("night-pain")]
    _, out, _ = run("assess", *files, "--as-of", AS_OF)
    assert out.index("CRITICAL") < out.index("night-pain.json") < out.index("WARNING")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param(PAIN, "red flags that are not recorded", id="a single resource"),
        pytest.param({"bundle": bundle(PAIN)}, "red flags that are not recorded", id="wrapped"),
        pytest.param({"findings": {"saddle-numbness": "present"}}, "emergency care", id="findings"),
    ],
)
def test_assess_takes_what_rest_takes(
    run: Callable[..., Any], write: Callable[..., str], body: object, says: str
) -> None:
    code, out, _ = run("assess", write(body), "--as-of", AS_OF)
    assert code == 0
    assert says in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "as_of"),
    [
        pytest.param((), "2026-02-01 08:00", id="from the file"),
        pytest.param(("--as-of", "2026-03-01T08:00:00Z"), "2026-03-01 08:00", id="option wins"),
        pytest.param(("--as-of", "2026-03-01"), "2026-03-01 23:59", id="a day is its end"),
    ],
)
def test_the_moment_comes_from_the_option_or_the_file(
    run: Callable[..., Any], write: Callable[..., str], arguments: tuple[str, ...], as_of: str
) -> None:
    file = write({"bundle": bundle(PAIN), "asOf": "2026-02-01T08:00:00Z"})
    assert f"judged as of {as_of} UTC" in run("assess", file, *arguments)[1]


def test_without_a_moment_it_is_now(run: Callable[..., Any], write: Callable[..., str]) -> None:
    before = datetime.now(UTC)
    _, out, _ = run("assess", write(bundle(PAIN)), "--json", CDS_TIMEZONE="Asia/Tokyo")
    as_of = datetime.fromisoformat(orjson.loads(out)["asOf"])
    assert before <= as_of <= datetime.now(UTC)
    assert str(as_of.utcoffset()) == "9:00:00"


# --- assess: what is refused ---


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"not json", "This is not JSON: ", id="no JSON"),
        pytest.param(b"", "This is not JSON", id="empty"),
        pytest.param([1], "JSON, but not an object", id="a list"),
        pytest.param({}, "has none of them", id="nothing to judge"),
        pytest.param(
            {"hook": "patient-view", "prefetch": {}}, "This is a hook request", id="a hook request"
        ),
        pytest.param({"findings": {"fevr": "present"}}, "did you mean fever?", id="misspelt"),
        pytest.param(
            bundle({"resourceType": "Patient", "id": "a"}, {"resourceType": "Patient", "id": "b"}),
            "2 patients",
            id="two patients",
        ),
        pytest.param(
            bundle(complete=False), "Cannot tell whether the patient has back pain", id="gate"
        ),
    ],
)
def test_what_cannot_be_judged_is_said_on_stderr_with_exit_code_1(
    run: Callable[..., Any], write: Callable[..., str], content: object, says: str
) -> None:
    file = write(content)
    code, out, err = run("assess", file, "--as-of", AS_OF)
    assert (code, out) == (1, "")
    assert err.startswith(f"cds-service: {file}: ")
    assert says in err
    assert "Traceback" not in err


def test_the_notes_come_with_what_could_not_be_judged(
    run: Callable[..., Any], write: Callable[..., str]
) -> None:
    file = write(bundle(link=[{"relation": "next", "url": "http://example.org/2"}]))
    code, _, err = run("assess", file, "--as-of", AS_OF)
    assert code == 1
    assert "note: The Bundle has further pages that were not sent" in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(("assess", "no-such.json"), "no-such.json cannot be read", id="no file"),
        pytest.param(("assess", "."), ". cannot be read: Is a directory", id="a folder"),
        pytest.param(("assess", "-", "-"), "- stands twice", id="input twice"),
        pytest.param(("assess", "-", "--as-of", "soon"), "'soon' is no moment", id="no moment"),
        pytest.param(("assess",), "FILE", id="assess without a file"),
        pytest.param((), "COMMAND", id="no command"),
        pytest.param(("asses",), "invalid choice: 'asses'", id="no such command"),
        pytest.param(("sample", "fevr"), "no sample 'fevr'. Use one of: asked", id="no sample"),
        pytest.param(("sample", "fever", "--hook", "x"), "invalid choice: 'x'", id="no such hook"),
        pytest.param(
            ("sample", "--hook", "back-pain-patient-view"), "--hook needs a sample", id="hook alone"
        ),
        pytest.param(("criteria", "Z99"), "no criterion Z99. Use one of: T00", id="no criterion"),
        pytest.param(("serve", "--bind", "here"), "--bind cannot be used: write HOST", id="bind"),
        pytest.param(("serve", "--bind", "0.0.0.0:80"), "CDS_OPEN=yes", id="open to all"),
        pytest.param(("serve", "--workers", "0"), "a number from 1 upward", id="no workers"),
    ],
)
def test_wrong_use_is_said_on_stderr_with_exit_code_2(
    run: Callable[..., Any], arguments: tuple[str, ...], says: str
) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert says in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        pytest.param("CDS_TIMEZON", "UTC", "CDS_TIMEZON is not a setting", id="misspelt"),
        pytest.param("CDS_TIMEZONE", "Mars", "no such time zone", id="useless value"),
        pytest.param("CDS_PROFILE", "mine", "use one of: documents", id="no such profile"),
    ],
)
def test_a_wrong_setting_is_wrong_use(
    run: Callable[..., Any], variable: str, value: str, says: str
) -> None:
    code, out, err = run("assess", sample_file("fever"), **{variable: value})
    assert (code, out) == (2, "")
    assert says in err


def test_the_other_files_are_still_judged_and_the_worst_code_is_returned(
    run: Callable[..., Any], write: Callable[..., str]
) -> None:
    bad = write(b"{", "bad.json")
    code, out, err = run("assess", bad, sample_file("fever"), "gone.json", "--as-of", AS_OF)
    assert code == 2
    assert "CRITICAL" in out
    assert "This is not JSON" in err
    assert "gone.json cannot be read" in err


# --- colour and control characters ---


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)],
    ids=["a terminal", "NO_COLOR", "NO_COLOR empty"],
)
def test_colour_is_for_terminals_only_and_no_color_is_honoured(
    monkeypatch: pytest.MonkeyPatch,
    run: Callable[..., Any],
    environment: dict[str, str],
    coloured: bool,
) -> None:
    assert "\x1b" not in run("assess", sample_file("fever"), "--as-of", AS_OF)[1]
    screen = Screen()
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", screen)
    run("assess", sample_file("fever"), "--as-of", AS_OF, "--why", **environment)
    assert ("\x1b[1;97;41m CRITICAL \x1b[0m" in screen.getvalue()) is coloured
    assert ("\x1b" in screen.getvalue()) is coloured


def test_colour_changes_no_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = _assessment("night-pain")
    plain, coloured = io.StringIO(), io.StringIO()
    Terminal(plain, colour=False).assessment("x", result, why=True)
    Terminal(coloured, colour=True).assessment("x", result, why=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured.getvalue()) == plain.getvalue()


def _assessment(name: str) -> dict[str, Any]:
    desk = assess.Desk.of(None, None, "documents", datetime.fromisoformat(AS_OF), {"asOf": AS_OF})
    return assess.judged(sample_file(name), desk)


@pytest.mark.parametrize(
    "sign",
    ["\x1b[2J", "\x07", "\x9b", "\u202e", "\u2066"],
    ids=["clear", "bell", "csi", "rlo", "i"],
)
def test_text_of_a_record_cannot_act_on_the_terminal(
    run: Callable[..., Any], write: Callable[..., str], sign: str
) -> None:
    odd = PAIN | {"id": f"pain{sign}", "code": {"text": f"low back pain {sign} since Monday"}}
    unreadable = {"resourceType": "Condition", "id": f"odd{sign}", "subject": odd["subject"]}
    file = write(bundle(odd, unreadable))
    code, out, _ = run("assess", file, "--as-of", AS_OF, "--why")
    refused, _, err = run("assess", write(bundle(unreadable, complete=False)), "--as-of", AS_OF)
    assert (code, refused) == (0, 1)
    assert sign[0] not in out + err
    assert clean(f"a{sign[0]}b\n") == "ab\n"


# --- sample ---


def test_sample_lists_all_with_their_stories(run: Callable[..., Any]) -> None:
    code, out, _ = run("sample")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(samples())
    assert samples()["fever"].story in out


def test_a_sample_is_moved_to_today(run: Callable[..., Any]) -> None:
    before = datetime.now(UTC).date()
    code, out, _ = run("sample", "nothing-recorded")
    start = orjson.loads(out)["entry"][1]["resource"]["period"]["start"]
    written = samples()["nothing-recorded"].bundle["entry"][1]["resource"]["period"]["start"]
    assert code == 0
    assert written == WRITTEN_FOR.isoformat()
    assert before.isoformat() <= start <= datetime.now(UTC).date().isoformat()


def test_a_sample_can_be_piped_into_assess(run: Callable[..., Any]) -> None:
    _, sample, _ = run("sample", "severe-after-lifting")
    code, out, _ = run("assess", "-", stdin=sample.encode())
    assert code == 0
    assert "sudden severe pain after lifting" in " ".join(out.split())


def test_a_sample_as_hook_request(run: Callable[..., Any]) -> None:
    code, out, _ = run("sample", "fever", "--hook", "back-pain-patient-view")
    request = orjson.loads(out)
    assert code == 0
    assert request["hook"] == "patient-view"
    assert {"patient", "conditions", "observations", "encounter"} <= set(request["prefetch"])


# --- check, criteria, version, help, serve ---


def test_check_counts_what_it_has_checked(run: Callable[..., Any]) -> None:
    content = load(None)
    code, out, err = run("check")
    assert (code, err) == (0, "")
    assert f"{len(content.criteria)} criteria, {len(content.findings)} findings" in out
    assert content.digest in out


def test_check_reads_the_codes_of_the_site(run: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "codes.yaml"
    path.write_text("orders:\n  knee: []\n", encoding="utf-8")
    code, out, err = run("check", CDS_CODES=str(path))
    assert (code, out) == (1, "")
    assert err.startswith(f"{path}:2: unknown kind of order 'knee'")


def test_what_can_be_filed_is_printed_with_its_urgency(run: Callable[..., Any]) -> None:
    _, out, _ = run("assess", sample_file("cauda-equina"), "--as-of", AS_OF)
    assert "\n  To file: Refer to emergency care now (stat)\n" in out
    assert "\n  To file: Order an MRI of the spine (stat)\n" in out


def test_drafts_have_the_codes_of_the_site(run: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "codes.yaml"
    path.write_text(
        "suggestions:\n  emergency-care: {system: 'urn:site', code: ED7}\n", encoding="utf-8"
    )
    sample = sample_file("cauda-equina")
    _, out, _ = run("assess", sample, "--as-of", AS_OF, "--json", CDS_CODES=str(path))
    assert '"code": "ED7"' in out


def test_an_order_to_take_back_has_no_urgency() -> None:
    out = io.StringIO()
    card = {
        "summary": "x", "indicator": "info", "detail": "y",
        "suggestions": [{"actions": [{"type": "delete", "description": "Take it back"}]}],
    }  # fmt: skip
    result = {"asOf": AS_OF, "cards": [card], "notes": [], "criteria": []}
    Terminal(out, colour=False).assessment("x", result, why=False)
    assert "  To file: Take it back\n" in out.getvalue()


def test_check_reads_the_sentences_and_prints_how_well(run: Callable[..., Any]) -> None:
    code, out, err = run("check", "--text")
    assert (code, err) == (0, "")
    assert re.match(r"\d+ sentences\nsaid:   precision [01]\.\d+, recall [01]\.\d+ \(", out)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("  no fever | fever-unmeasured | -\n", "must each be 0.95 or more"),
        ("", "there are no sentences"),
    ],
)
def test_check_refuses_sentences_that_are_read_badly(
    run: Callable[..., Any], tmp_path: Path, table: str, says: str
) -> None:
    cards = tmp_path / "cards"
    shutil.copytree(default_folder(), cards)
    for path in (cards / "sentences").iterdir():
        path.unlink()
    head = "sentences: |\n  sentence | fires | denied\n"
    (cards / "sentences" / "all.yaml").write_text(head + table, encoding="utf-8")
    code, out, err = run("check", "--text", CDS_CARDS=str(cards))
    assert code == 1
    assert says in err
    if table:
        assert "sentences/all.yaml:3: “no fever”: not said: fever-unmeasured; denied too" in out


@pytest.fixture
def broken_cards(tmp_path: Path) -> str:
    cards = tmp_path / "cards"
    shutil.copytree(default_folder(), cards)
    path = cards / "criteria" / "E02-numb-groin-or-saddle-area.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("rule: saddle", "rule: sadle"))
    return str(cards)


def test_check_says_file_line_what_why_and_what_to_do(
    run: Callable[..., Any], broken_cards: str
) -> None:
    code, out, err = run("check", CDS_CARDS=broken_cards)
    assert (code, out) == (1, "")
    assert re.match(r"criteria/E02-numb-groin-or-saddle-area\.yaml:\d+: .*sadle-numbness", err)
    assert re.search(r"cds-service: \d+ problems? in the content: nothing was started\n$", err)


@pytest.mark.parametrize("arguments", [("criteria",), ("version",), ("assess", "-"), ("serve",)])
def test_no_command_works_on_broken_content(
    run: Callable[..., Any], broken_cards: str, arguments: tuple[str, ...]
) -> None:
    code, out, err = run(*arguments, CDS_CARDS=broken_cards)
    assert (code, out) == (2, "")
    assert "nothing was started" in err


def test_criteria_reads_every_rule_aloud(run: Callable[..., Any]) -> None:
    code, out, _ = run("criteria")
    content = load(None)
    assert code == 0
    for criterion in (content.gate, *content.criteria.values()):
        assert f"{criterion.id}  {criterion.title}  [draft]\n     Met when " in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("name", ["E05", "e05"])
def test_one_criterion_with_its_reason_and_cases(run: Callable[..., Any], name: str) -> None:
    code, out, _ = run("criteria", name)
    assert code == 0
    assert out.startswith("E05  High fever with back pain")
    assert "Leads to: Emergency care. The card says: high fever." in out
    assert "met          39.4 this morning (fever 39.4 3h; hyperpyrexia no; sepsis no;" in out
    assert "cannot tell  nothing recorded (nothing)" in out


def test_the_gate_leads_to_no_card_of_its_own(run: Callable[..., Any]) -> None:
    assert "Leads to: gate." in run("criteria", "T00")[1]


def test_version_names_the_service_and_its_content(run: Callable[..., Any]) -> None:
    assert run("version")[:2] == (0, f"cds-service {__version__}\ncontent {load(None).digest}\n")


@pytest.mark.parametrize("command", ["serve", "assess", "sample", "check", "criteria", "version"])
def test_help_explains_every_command(run: Callable[..., Any], command: str) -> None:
    code, out, _ = run(command, "--help")
    _, overview, _ = run("--help")
    assert code == 0
    assert out.startswith(f"usage: cds-service {command}")
    assert re.search(rf"^    {command} +\w", overview, flags=re.MULTILINE)


def test_serve_hands_over_the_settings(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[tuple[Settings, int | None]] = []
    monkeypatch.setattr(serve, "serve", lambda *given: served.append(given))
    assert run("serve", CDS_BIND="127.0.0.1:9001")[0] == 0
    assert run("serve", "--bind", "127.0.0.1:9000", "--workers", "3", CDS_OPEN="yes")[0] == 0
    assert [(each.bind, each.open, workers) for each, workers in served] == [
        ("127.0.0.1:9001", False, None),
        ("127.0.0.1:9000", True, 3),
    ]


# --- as a process ---


def process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean_environment = {k: v for k, v in os.environ.items() if not k.startswith("CDS_")}
    return subprocess.run(
        arguments,
        env=clean_environment | environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_module_and_the_script_are_the_same_command() -> None:
    script = str(Path(sys.executable).parent / "cds-service")
    ran = [process(script, "version"), process(sys.executable, "-m", "cds_service", "version")]
    assert [each.returncode for each in ran] == [0, 0]
    assert ran[0].stdout == ran[1].stdout != ""


def test_a_reader_that_has_seen_enough_gets_no_traceback() -> None:
    ran = process("bash", "-c", f"{sys.executable} -m cds_service criteria | head -n 1")
    assert ran.stdout.startswith("T00  ")
    assert ran.stderr == ""


def test_a_terminal_without_unicode_shows_what_it_can() -> None:
    ran = process(sys.executable, "-m", "cds_service", "criteria", "E05", PYTHONIOENCODING="ascii")
    assert ran.returncode == 0
    assert "?fever? is recorded at 39 ?C or more" in " ".join(ran.stdout.split())


def test_json_is_utf_8_whatever_the_terminal_is() -> None:
    ran = process(
        *(sys.executable, "-m", "cds_service", "assess", sample_file("fever"), "--json"),
        *("--as-of", AS_OF),
        PYTHONIOENCODING="ascii",
    )
    assert "“fever”" in ran.stdout or orjson.loads(ran.stdout)["gate"]["state"] == "open"

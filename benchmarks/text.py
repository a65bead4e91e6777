"""What reading typed text costs: a note of 200 words, longer ones, and one that says nothing."""

from __future__ import annotations

import statistics
import time
from functools import partial
from typing import TYPE_CHECKING

from cds_service.content.load import load
from cds_service.fhir.text import TextReader

if TYPE_CHECKING:
    from collections.abc import Callable

_RUNS = 7
_WORDS = 200
_LENGTHS = (200, 400, 800, 1600, 3200)
# Invented, in the way that notes are written: half of it speaks of findings.
_NOTE = """\
52 year old bus driver. 3 week history of low back pain, worse over the last 2 days, radiating \
to the left leg. Came on after lifting a washing machine. No trauma, no previous back surgery. \
Works full time, lives with wife and two children, smokes ten a day. Denies saddle numbness, \
denies bladder or bowel incontinence, no night pain, no weight loss, no fever. Wife reports \
that he has been walking with a limp.
PMH: kidney stones 2005, hypertension, hypothyroidism on levothyroxine. FH: father had \
prostate cancer.
On examination: looks well, afebrile, T 36.8, BP 134/82, pulse 76 regular. Walks slowly. \
Lumbar flexion reduced, tight paraspinal muscles. Straight leg raise 40 degrees left, 80 \
right. Power 5/5 throughout, ankle jerks present and equal, perianal sensation intact. Abdomen \
soft, no masses, no CVA tenderness. Urine dip NAD.
Impression: sciatica, likely L5. No red flags at present.
Plan: naproxen 500 mg twice daily with omeprazole, keep moving, physiotherapy referral. \
Advised to return or attend A and E if numbness around the saddle area, loss of bladder \
control or leg weakness. Leaflet given. Review in 4 weeks, sooner if needed. Discussed lifting \
technique and time away from driving.
"""
_SILENT = """\
Attended for a repeat of the contraceptive pill. Blood pressure checked and recorded. No \
concerns were raised today. Vaccinations are up to date and the records have been changed to \
the new address. Asked about travel to Kenya in spring; given the printed sheet on malaria \
tablets and mosquito nets.
"""


def measure() -> None:
    """Print the cost of a note, its growth with the length, and that of a text to be skipped."""
    reader = TextReader(load())
    note = _text(_NOTE, _WORDS)
    cost = _cpu(partial(reader.read, note), 200)
    print(f"text: a note of {_WORDS} words, {len(note)} characters (aim: at most 1 ms)")
    print(f"  {cost / 1000:6.3f} ms, {len(reader.read(note))} findings named\n")
    print("text: growth (linear while the cost of 200 words stays level)")
    for length in _LENGTHS:
        whole = _cpu(partial(reader.read, _text(_NOTE, length)), 40_000 // length)
        print(f"  {length:5} words {whole / 1000:8.3f} ms   {whole / length * _WORDS:7.1f} us each")
    silent = _text(_SILENT, _WORDS)
    skipped = _cpu(partial(reader.read, silent), 2000)
    print(f"\ntext: {_WORDS} words without any word of a finding, skipped")
    print(f"  {skipped:6.1f} us, {cost / skipped:.0f} times less than the note\n")


def _text(sample: str, words: int) -> str:
    """Return as many words of a sample as asked for, over and over, with its lines."""
    lines: list[str] = []
    left = words
    while left > 0:
        for line in sample.splitlines():
            kept = line.split()[:left]
            lines.append(" ".join(kept))
            left -= len(kept)
    return "\n".join(line for line in lines if line)


def _cpu(call: Callable[[], object], calls: int) -> float:
    """Return the CPU time of one call in microseconds, the median of several runs."""
    call()
    return statistics.median(_once(call, calls) for _ in range(_RUNS))


def _once(call: Callable[[], object], calls: int) -> float:
    before = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - before) / calls * 1e6

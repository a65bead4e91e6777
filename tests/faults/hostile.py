"""Bodies that no honest client sends: seeded, so that what was found is found again.

Each is a request as bytes, in pieces, so that a test also says what no HTTP client would: a wrong
length, a body that ends early, one that drips.
"""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import orjson

from benchmarks.records import bundle, hook_request
from cds_service.hooks.services import SERVICES
from tests.records import ASSESS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_BODY = 256 * 1024
_SPOT = "here is something else"
_QUOTED_SPOT = orjson.dumps(_SPOT)
_INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
_FINDINGS = {"findings": {"fever": {"state": "present", "value": 39.4, "since": "2026-01-14"}}}
_FEEDBACK = {
    "feedback": [
        {
            "card": _INSTANCE,
            "outcome": "overridden",
            "overrideReason": {"reason": {"code": "x"}, "userComment": "y"},
            "outcomeTimestamp": "2026-11-20T12:00:00Z",
        }
    ]
}
# JSON as it would stand in a body: other types, and values at the edges of their own.
_JUNK = (
    b"null", b"true", b"false", b"0", b"-0.0", b"1", b"[]", b"{}", b'""', b'" "', b"[[]]", b"[{}]",
    b'{"":{}}', b"[null]", b'[1,"a",null,{}]', b'{"resourceType":"Patient"}',
    b'{"resourceType":"Bundle"}', b'{"resourceType":"Bundle","entry":[null]}',
    b'{"resourceType":7}', b'{"coding":{}}', b'{"coding":[{"system":1,"code":[]}]}',
    b'{"reference":"Patient/../../x"}', b'{"reference":{}}', b'"%00%0a\\u0000\\r\\n"',
    b'"\\u202e\\ufeff"', b'"' + b"\xf0\x9f\xa6\xb4" * 500 + b'"',
)  # fmt: skip
_NUMBERS = (
    b"1e308", b"-1e308", b"1e-400", b"1e400", b"-1e400", b"9" * 25, b"9" * 5000, b"-" + b"9" * 400,
    b"0." + b"3" * 3000, b"18446744073709551616", b"1E+2147483648", b"5e-324", b"00", b"0x10",
)  # fmt: skip
_NO_JSON = (b"NaN", b"Infinity", b"-Infinity", b"undefined", b"'x'", b"{,}", b"[1,]", b"")
_SURROGATES = (b'"\\ud800"', b'"\\udfff\\ud800"', b'"\xed\xa0\x80"', b'"\xff\xfe"', b'"\xc0\xaf"')
_DATES = (
    b'"0000-00-00"', b'"9999-99-99"', b'"9999-12-31T23:59:59.999999999+14:00"', b'"2026-02-30"',
    b'"0001-01-01T00:00:00+23:59"', b'"2026-11-20T24:00:00Z"', b'"-2026-01-01"', b'"20261120"',
    b'"2026-11-20T12:00:00"', b'"1"', b'"999999999-01-01"', b'"2026-11-20T12:00:60Z"',
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Attack:
    """A request in pieces, by kind. ``seconds`` lie between two pieces.

    ``framed``: its head and its length are sound, so an answer must come.
    """

    kind: str
    pieces: tuple[bytes, ...]
    seconds: float = 0.0
    framed: bool = True


def attacks(count: int, seed: int) -> Iterator[Attack]:
    """Yield so many attacks, the same for a seed."""
    chance = random.Random(seed)  # noqa: S311  to be repeated, no secret
    honest = _honest()
    for _ in range(count):
        path, body = chance.choice(honest)
        kind, make = chance.choice(KINDS)
        yield make(kind, path, copy.deepcopy(body), chance)


def _honest() -> list[tuple[str, dict[str, Any]]]:
    hooks = [
        (f"/cds-services/{name}", hook_request(10, name) | {"hookInstance": _INSTANCE})
        for name in SERVICES
    ]
    return [
        *hooks,
        (ASSESS, {"bundle": bundle(10)}),
        (ASSESS, _FINDINGS),
        ("/cds-services/back-pain-patient-view/feedback", _FEEDBACK),
    ]


# --- what stands in a body ---


def _with(body: dict[str, Any], values: list[bytes], chance: random.Random) -> bytes:
    """Return a body with values put in the places of others, at any level."""
    text = orjson.dumps(body)
    for value in values:
        parsed = orjson.loads(text)
        places = list(_places(parsed))
        holder, key = chance.choice(places)
        holder[key] = _SPOT
        # What was put in before may be no JSON, so this goes on from what still was.
        candidate = orjson.dumps(parsed).replace(_QUOTED_SPOT, value)
        try:
            orjson.loads(candidate)
        except orjson.JSONDecodeError:
            return candidate
        text = candidate
    return text


def _places(value: object) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield value, key
            yield from _places(inner)


def _replaced(values: tuple[bytes, ...], at_most: int) -> Callable[..., Attack]:
    def make(kind: str, path: str, body: dict[str, Any], chance: random.Random) -> Attack:
        chosen = chance.choices(values, k=chance.randint(1, at_most))
        return _sound(kind, path, _with(body, chosen, chance))

    return make


def _deep(kind: str, path: str, body: dict[str, Any], chance: random.Random) -> Attack:
    depth = chance.choice((50, 500, 1_020, 1_030, 5_000, 20_000))
    opening, closing = chance.choice(((b"[", b"]"), (b'{"a":', b"}"), (b'{"extension":[', b"]}")))
    nested = opening * depth + b"1" + closing * depth
    return _sound(kind, path, chance.choice((nested, _with(body, [nested], chance))))


def _broken(kind: str, path: str, body: dict[str, Any], chance: random.Random) -> Attack:
    text = bytearray(orjson.dumps(body))
    for _ in range(chance.randint(1, 5)):
        text[chance.randrange(len(text))] = chance.randrange(256)
    return _sound(kind, path, bytes(text))


def _cut(kind: str, path: str, body: dict[str, Any], chance: random.Random) -> Attack:
    text = orjson.dumps(body)
    return _sound(kind, path, text[: chance.randrange(len(text))])


def _noise(kind: str, path: str, _body: dict[str, Any], chance: random.Random) -> Attack:
    return _sound(kind, path, chance.randbytes(chance.randint(0, 5_000)))


def _repeated(kind: str, path: str, body: dict[str, Any], _chance: random.Random) -> Attack:
    text = orjson.dumps(body)
    return _sound(kind, path, text[:-1] + b"," + text[1:])


def _encoded(kind: str, path: str, body: dict[str, Any], chance: random.Random) -> Attack:
    text = orjson.dumps(body).decode()
    return _sound(kind, path, text.encode(chance.choice(("utf-16", "utf-32", "utf-8-sig"))))


def _oversize(kind: str, path: str, body: dict[str, Any], chance: random.Random) -> Attack:
    filler = b'"' + b"x" * (MAX_BODY + chance.randint(-200, 200)) + b'"'
    return _sound(kind, path, _with(body, [filler], chance))


def _many(kind: str, path: str, body: dict[str, Any], chance: random.Random) -> Attack:
    many = b"[" + b",".join([chance.choice(_JUNK[:12])] * 30_000) + b"]"
    return _sound(kind, path, _with(body, [many], chance))


# --- how it is sent ---


def _head(path: str, *fields: str) -> bytes:
    lines = (f"POST {path} HTTP/1.1", "Host: x", "Content-Type: application/json", *fields)
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _sound(kind: str, path: str, text: bytes) -> Attack:
    length = f"Content-Length: {len(text)}"
    return Attack(kind, (_head(path, length, "Connection: close"), text))


def _too_long(kind: str, path: str, body: dict[str, Any], chance: random.Random) -> Attack:
    text = orjson.dumps(body)
    said = len(text) + chance.choice((1, 100, MAX_BODY, 10**15))
    return Attack(kind, (_head(path, f"Content-Length: {said}"), text), framed=False)


def _too_short(kind: str, path: str, body: dict[str, Any], chance: random.Random) -> Attack:
    text = orjson.dumps(body)
    said = chance.randrange(len(text))
    return Attack(kind, (_head(path, f"Content-Length: {said}"), text), framed=False)


_LENGTHS = ("-1", "abc", "1e3", "+5", "0x10", " ", "1, 2", "9" * 100, "\x00", "\u0661")


def _nonsense(kind: str, path: str, body: dict[str, Any], chance: random.Random) -> Attack:
    text = orjson.dumps(body)
    fields = chance.choice(
        (
            [f"Content-Length: {chance.choice(_LENGTHS)}"],
            [f"Content-Length: {len(text)}", f"Content-Length: {len(text) + 1}"],
            [f"Content-Length: {len(text)}", "Transfer-Encoding: chunked"],
            ["Transfer-Encoding: gzip, chunked"],
            ["Transfer-Encoding: chunked"],
        )
    )
    return Attack(kind, (_head(path, *fields), text), framed=False)


def _slow(kind: str, path: str, body: dict[str, Any], chance: random.Random) -> Attack:
    text = orjson.dumps(body)
    cuts = [0, *sorted(chance.sample(range(1, len(text)), 10)), len(text)]
    head = _head(path, f"Content-Length: {len(text)}", "Connection: close")
    pieces = tuple(text[start:end] for start, end in pairwise(cuts))
    return Attack(kind, (head, *pieces), seconds=0.02)


KINDS: tuple[tuple[str, Callable[..., Attack]], ...] = (
    ("other types", _replaced(_JUNK, 1)),
    ("other types at several places", _replaced(_JUNK, 8)),
    ("other types at many places", _replaced(_JUNK, 40)),
    ("huge and odd numbers", _replaced(_NUMBERS, 3)),
    ("impossible dates", _replaced(_DATES, 10)),
    ("NaN and what is no JSON", _replaced(_NO_JSON, 1)),
    ("lone surrogates and no UTF-8", _replaced(_SURROGATES, 1)),
    ("deep nesting", _deep),
    ("changed bytes", _broken),
    ("cut off", _cut),
    ("noise", _noise),
    ("every name twice", _repeated),
    ("other encodings", _encoded),
    ("at the size limit", _oversize),
    ("thousands of entries", _many),
    ("length too long, then silence", _too_long),
    ("length too short", _too_short),
    ("length that makes no sense", _nonsense),
    ("slow pieces", _slow),
)

"""Calls to other servers: which are made, where they end, and what no server can do to us."""

from __future__ import annotations

import gzip
import logging
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds_service.security.allowance import Allowance, Answer, Fault, OutboundError
from cds_service.security.allowed import read_base
from cds_service.security.outbound import Outbound, addresses_of
from tests.stub_server import dripping, said, serving, silence
from tests.waiting import WAIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.stub_server import Reply, Stub

SHORT = 0.3
TOKEN = "a-token-that-nobody-else-may-see"
SECRET = "patient=4711"


def get(
    stub: Stub,
    path: str = "/fhir/Condition",
    *,
    seconds: float = WAIT,
    max_bytes: int = 100_000,
    token: str | None = None,
    resolve: Callable[[str, int], list[str]] = addresses_of,
) -> Answer:
    base = f"{stub.url}/fhir"
    outbound = Outbound([read_base(base)], resolve=resolve)
    allowance = Allowance(seconds, max_bytes)
    return outbound.reach(base, allowance).get(f"{stub.url}{path}", allowance, token=token)


def plenty() -> Allowance:
    return Allowance(WAIT, 100_000)


def fault_of(call: Callable[[], object]) -> Fault:
    with pytest.raises(OutboundError) as raised:
        call()
    assert TOKEN not in str(raised.value)
    assert SECRET not in str(raised.value)
    return raised.value.fault


# --- what is asked, and what comes back ---


def test_the_answer_comes_back_whatever_its_status() -> None:
    with serving(lambda _: [said(404, b'{"a": 1}')]) as stub:
        assert get(stub) == Answer(404, b'{"a": 1}')


def test_what_is_asked() -> None:
    with serving(lambda _: [said()]) as stub:
        get(stub, "/fhir/Condition?code=a|b&patient=4%20711", token=TOKEN)
    (asked,) = stub.asked
    assert asked.target == "/fhir/Condition?code=a%7Cb&patient=4%20711"
    assert asked.headers["host"] == f"127.0.0.1:{stub.port}"
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["accept-encoding"] == "identity"


def test_without_a_token_no_authorization_is_sent() -> None:
    with serving(lambda _: [said()]) as stub:
        get(stub)
    assert "authorization" not in stub.asked[0].headers


def test_chunks_are_put_together() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with serving(lambda _: [head, b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n"]) as stub:
        assert get(stub).body == b"abcde"


def test_a_body_that_ends_with_the_connection() -> None:
    with serving(lambda _: [b"HTTP/1.0 200 OK\r\n\r\nabc"]) as stub:
        assert get(stub).body == b"abc"


def test_ipv6() -> None:
    if not _has_ipv6():
        pytest.skip("this machine has no IPv6 loopback")
    with serving(lambda _: [said()], host="::1") as stub:
        assert get(stub).status == 200
    assert stub.asked[0].headers["host"] == f"[::1]:{stub.port}"


def _has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


def test_the_next_address_is_tried_where_one_takes_no_connection() -> None:
    with serving(lambda _: [said()]) as stub:
        base = read_base(f"http://server.example:{stub.port} at 127.0.0.0/8")
        outbound = Outbound([base], resolve=lambda _host, _port: ["127.0.0.99", "127.0.0.1"])
        assert outbound.fetch(str(base), seconds=WAIT) == b"{}"


def test_fetch_wants_a_200() -> None:
    with serving(lambda _: [said(500)]) as stub:
        outbound = Outbound([read_base(f"{stub.url}/keys.json")])
        assert fault_of(lambda: outbound.fetch(f"{stub.url}/keys.json", seconds=WAIT)) == "status"


# --- the deadline holds whatever the server does ---

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SLOW: dict[str, Reply] = {
    "nothing at all": lambda _: silence(),
    "drips the status line": lambda _: dripping(b"HTTP/1.1 200 " + b"O" * 900),
    "drips headers": lambda _: dripping(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 90, after=17),
    "drips the body": lambda _: dripping(HEAD + b"x" * 5000, after=len(HEAD)),
    "drips chunks": lambda _: dripping(CHUNKED + b"1\r\nx\r\n" * 200, after=len(CHUNKED)),
    "drips a chunk's length": lambda _: dripping(CHUNKED + b"0" * 999, after=len(CHUNKED)),
    "drips trailers": lambda _: dripping(CHUNKED + b"0\r\n" + b"A: b\r\n" * 200, after=50),
    "says Continue for ever": lambda _: dripping(b"HTTP/1.1 100 Continue\r\n\r\n" * 90, every=0.01),
    "stops half-way": lambda _: [HEAD + b"x", *silence()],
}


@pytest.mark.parametrize("reply", SLOW.values(), ids=SLOW)
def test_a_slow_server_is_left_at_the_deadline(
    reply: Reply,
) -> None:
    with serving(reply) as stub:
        assert fault_of(lambda: get(stub, seconds=SHORT)) == "timeout"


def test_a_handshake_that_drips_is_left_at_the_deadline(pki: Pki) -> None:
    # A plain listener that sends the start of a TLS record, byte by byte.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        done = threading.Event()

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.send(b"\x16\x03\x03\x20\x00")
                while not done.wait(0.02):
                    try:
                        connection.send(b"\x02")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        base = read_base(f"https://127.0.0.1:{port}")
        outbound = Outbound([base], context=pki.trusting)
        try:
            assert fault_of(lambda: outbound.fetch(str(base), seconds=SHORT)) == "timeout"
        finally:
            done.set()
            thread.join()


def test_a_name_that_takes_too_long_is_left_at_the_deadline() -> None:
    hold = threading.Event()

    def stuck(_host: str, _port: int) -> list[str]:
        hold.wait(30)
        return ["93.184.216.34"]

    outbound = Outbound([read_base("https://fhir.example.org")], resolve=stuck)
    try:
        call = lambda: outbound.fetch("https://fhir.example.org", seconds=SHORT)  # noqa: E731
        assert fault_of(call) == "timeout"
    finally:
        hold.set()


def test_a_deadline_that_has_passed_connects_to_nobody() -> None:
    with serving(lambda _: [said()]) as stub:
        base = read_base(stub.url)
        server = Outbound([base]).reach(stub.url, plenty())
        assert fault_of(lambda: server.get(stub.url, Allowance(0, 999))) == "timeout"
    assert stub.asked == []


# --- the limit holds whatever the server does ---

ENDLESS = b"x" * 50_000
HUGE: dict[str, list[bytes]] = {
    "a body": [said(body=ENDLESS)],
    "a body without a length": [b"HTTP/1.0 200 OK\r\n\r\n" + ENDLESS],
    "chunks": [CHUNKED] + [b"3e8\r\n" + b"x" * 1000 + b"\r\n"] * 50,
    "a chunk's length": [CHUNKED + b"0" * 50_000],
    "headers": [b"HTTP/1.1 200 OK\r\n", *[b"A: " + b"b" * 1000 + b"\r\n"] * 50],
    "interim answers": [b"HTTP/1.1 100 Continue\r\n\r\n" * 2000],
}


@pytest.mark.parametrize("pieces", HUGE.values(), ids=HUGE)
def test_an_answer_that_is_too_large_is_left(pieces: list[bytes]) -> None:
    with serving(lambda _: pieces) as stub:
        assert fault_of(lambda: get(stub, max_bytes=20_000)) == "too-large"


def test_an_answer_that_is_just_small_enough() -> None:
    whole = said(body=b"x" * 1000)
    with serving(lambda _: [whole]) as stub:
        assert len(get(stub, max_bytes=len(whole)).body) == 1000
        assert fault_of(lambda: get(stub, max_bytes=len(whole) - 1)) == "too-large"


def test_what_is_compressed_unasked_is_not_unpacked() -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    with serving(lambda _: [said(body=bomb, Content_Encoding="gzip")]) as stub:
        assert fault_of(lambda: get(stub)) == "broken"


BROKEN: dict[str, list[bytes]] = {
    "nothing": [],
    "no HTTP": [b"SSH-2.0-OpenSSH_9.7\r\n"],
    "a body shorter than its length": [HEAD + b"x"],
    "chunks without an end": [CHUNKED + b"3\r\nabc\r\n"],
    "a chunk's length that is no number": [CHUNKED + b"zz\r\nabc\r\n"],
    "too many headers": [b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n"],
    "a header line too long": [b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n"],
}


@pytest.mark.parametrize("pieces", BROKEN.values(), ids=BROKEN)
def test_an_answer_that_is_broken_is_no_answer(pieces: list[bytes]) -> None:
    with serving(lambda _: pieces) as stub:
        assert fault_of(lambda: get(stub)) == "broken"


# --- nobody else is called ---


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with serving(lambda _: [said()]) as elsewhere:
        location = f"{elsewhere.url}/fhir/Condition"
        with serving(lambda _: [said(status, b"", Location=location)]) as stub:
            assert get(stub, token=TOKEN).status == status
        assert elsewhere.connections == 0


OUTSIDE = ("/", "/fhirx/Condition", "/admin", "/fhir/../admin", "/fhir/%2e%2e/admin")


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_path_outside_the_base_is_not_asked_for(path: str) -> None:
    with serving(lambda _: [said()]) as stub:
        assert fault_of(lambda: get(stub, path)) == "not-allowed"
        assert stub.connections == 0


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX-More: 1", "a\n", "ä"])
def test_a_token_that_is_none_is_not_sent(token: str) -> None:
    with serving(lambda _: [said()]) as stub:
        assert fault_of(lambda: get(stub, token=token)) == "not-allowed"
        assert stub.connections == 0


def test_a_port_that_is_not_listed_is_not_called() -> None:
    with serving(lambda _: [said()]) as stub:
        outbound = Outbound([read_base(f"http://127.0.0.1:{stub.port + 1}/fhir")])
        assert fault_of(lambda: outbound.reach(f"{stub.url}/fhir", plenty())) == "not-allowed"
        assert stub.connections == 0


def test_nothing_is_listed_and_nothing_is_called() -> None:
    with serving(lambda _: [said()]) as stub:
        assert fault_of(lambda: Outbound([]).fetch(stub.url, seconds=WAIT)) == "not-allowed"
        assert stub.connections == 0


def test_a_name_at_a_private_address_is_not_called() -> None:
    with serving(lambda _: [said()]) as stub:
        base = read_base(f"http://fhir.example.org:{stub.port}/fhir")
        outbound = Outbound([base], resolve=lambda _host, _port: ["127.0.0.1"])
        assert fault_of(lambda: outbound.reach(str(base), plenty())) == "address"
        assert stub.connections == 0


def test_the_address_that_was_checked_is_the_one_that_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that is public when it is checked and loopback when it is called again."""
    told = [["93.184.216.34"], ["127.0.0.1"], ["127.0.0.1"]]
    called = []

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        assert timeout > 0
        called.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    base = read_base("http://fhir.example.org/fhir")
    outbound = Outbound([base], resolve=lambda _host, _port: told.pop(0))
    server = outbound.reach(str(base), plenty())
    for _ in range(2):
        call = lambda: server.get(f"{base}/x", plenty())  # noqa: E731
        assert fault_of(call) == "unreachable"
    assert called == [("93.184.216.34", 80)] * 2
    assert fault_of(lambda: outbound.reach(str(base), plenty())) == "address"


def test_of_several_addresses_only_those_that_are_right_are_called() -> None:
    base = read_base("https://fhir.example.org")
    addresses = ["127.0.0.1", "93.184.216.34", "::ffff:10.0.0.1", "10.0.0.1"]
    outbound = Outbound([base], resolve=lambda _host, _port: addresses)
    assert outbound.reach(str(base), plenty()).addresses == ("93.184.216.34",)


def test_a_name_without_an_address() -> None:
    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror

    outbound = Outbound([read_base("https://fhir.example.org")], resolve=unknown)
    call = lambda: outbound.fetch("https://fhir.example.org", seconds=WAIT)  # noqa: E731
    assert fault_of(call) == "unreachable"


def test_a_server_that_takes_no_connection() -> None:
    with serving(lambda _: [said()]) as stub:
        pass
    assert fault_of(lambda: get(stub)) == "unreachable"


URLS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["http://", "https://", "HTTP://", "//", "http:/", "ftp://", ""]),
    st.sampled_from(
        [
            "127.0.0.1", "localhost", "127.1", "0x7f.1", "2130706433", "[::1]",
            "[::ffff:127.0.0.1]",
            "u@127.0.0.1", "127.0.0.1@x.example", "x.example", "127.0.0.1.", "127.0.0.1\\x", "",
        ]
    ),
    st.sampled_from(["", ":{other}", ":{listed}", ":0{other}", ":", ":{listed}@127.0.0.1:{other}"]),
    st.one_of(st.sampled_from(["/fhir", "/fhir/..", "/fhir?x", "/fhir#", "/"]), st.text()),
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(url=URLS)
def test_no_url_reaches_a_server_that_is_not_listed(url: str, two: tuple[Stub, Stub]) -> None:
    listed, other = two
    target = url.replace("{other}", str(other.port)).replace("{listed}", str(listed.port))
    outbound = Outbound([read_base(f"{listed.url}/fhir")])
    for ask in (
        lambda: outbound.fetch(target, seconds=WAIT),
        lambda: outbound.reach(f"{listed.url}/fhir", plenty()).get(target, plenty()),
    ):
        try:
            ask()
        except OutboundError as error:
            assert error.fault is Fault.NOT_ALLOWED  # noqa: PT017  both ways out are checked
    assert other.connections == 0
    assert all(asked.target.startswith("/fhir") for asked in listed.asked)


@pytest.fixture(scope="module")
def two() -> Iterable[tuple[Stub, Stub]]:
    with serving(lambda _: [said()]) as listed, serving(lambda _: [said()]) as other:
        yield listed, other


# --- TLS: the name that is listed, whatever the address ---


class Pki:
    """A certificate authority of this test, and certificates that it signs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A CA of this test")])
        self._authority = self._certificate(
            self._name, self._key, x509.BasicConstraints(ca=True, path_length=None)
        )
        authority = folder / "ca.pem"
        authority.write_bytes(self._authority.public_bytes(serialization.Encoding.PEM))
        self.trusting = ssl.create_default_context(cafile=str(authority))

    def _certificate(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *extensions: x509.ExtensionType,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )
        for extension in extensions:
            critical = isinstance(extension, x509.BasicConstraints)
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self._key, hashes.SHA256())

    def serving_as(self, *names: x509.GeneralName) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A server of this test")])
        certificate = self._certificate(subject, key, x509.SubjectAlternativeName(names))
        file = self._folder / f"{certificate.serial_number}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


RIGHT = x509.DNSName("fhir.example.org")
WRONG = x509.DNSName("evil.example.org")


def get_by_name(stub: Stub, context: ssl.SSLContext | None) -> bytes:
    base = read_base(f"https://fhir.example.org:{stub.port}/keys at 127.0.0.1")
    outbound = Outbound([base], resolve=lambda _host, _port: ["127.0.0.1"], context=context)
    return outbound.fetch(str(base), seconds=WAIT)


def test_a_certificate_of_the_listed_name_is_accepted(pki: Pki) -> None:
    with serving(lambda _: [said()], context=pki.serving_as(RIGHT)) as stub:
        assert get_by_name(stub, pki.trusting) == b"{}"
    assert stub.asked[0].headers["host"] == f"fhir.example.org:{stub.port}"


@pytest.mark.parametrize("name", [WRONG, x509.IPAddress(ip_address("127.0.0.1"))])
def test_a_certificate_of_another_name_is_refused(pki: Pki, name: x509.GeneralName) -> None:
    with serving(lambda _: [said()], context=pki.serving_as(name)) as stub:
        assert fault_of(lambda: get_by_name(stub, pki.trusting)) == "certificate"
    assert stub.asked == []


def test_a_certificate_that_nobody_here_trusts_is_refused(pki: Pki) -> None:
    with serving(lambda _: [said()], context=pki.serving_as(RIGHT)) as stub:
        assert fault_of(lambda: get_by_name(stub, None)) == "certificate"
    assert stub.asked == []


def test_an_address_is_checked_as_an_address(pki: Pki) -> None:
    own = x509.IPAddress(ip_address("127.0.0.1"))
    with serving(lambda _: [said()], context=pki.serving_as(own)) as stub:
        outbound = Outbound([read_base(stub.url)], context=pki.trusting)
        assert outbound.fetch(stub.url, seconds=WAIT) == b"{}"


def test_plain_http_at_a_port_that_should_speak_tls(pki: Pki) -> None:
    with serving(lambda _: [said()]) as stub:
        assert fault_of(lambda: get_by_name(stub, pki.trusting)) == "unreachable"


def test_tls_under_the_deadline_and_the_limit(pki: Pki) -> None:
    whole = said(body=b"x" * 50_000)
    context = pki.serving_as(RIGHT)
    base = "https://fhir.example.org:{}/keys at 127.0.0.1"
    for reply, fault, max_bytes in (
        (lambda _: dripping(whole, after=200), "timeout", 100_000),
        (lambda _: [whole], "too-large", 20_000),
    ):
        with serving(reply, context=context) as stub:
            entry = read_base(base.format(stub.port))
            outbound = Outbound(
                [entry], resolve=lambda _host, _port: ["127.0.0.1"], context=pki.trusting
            )
            seconds = SHORT if fault == "timeout" else WAIT
            call = lambda: outbound.fetch(str(entry), seconds=seconds, max_bytes=max_bytes)  # noqa: B023, E731
            assert fault_of(call) == fault


# --- nothing secret is said ---


def test_no_log_and_no_error_holds_the_token_or_the_query(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    odd = b"HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 2\r\n\r\n{}"
    pieces = [[odd], [said()], [], [said(500)], [said(302, b"", Location="/x")]]
    for each in pieces:
        with serving(lambda _, each=each: each) as stub:  # type: ignore[misc]  # bound for this round
            try:
                get(stub, f"/fhir/Condition?{SECRET}", token=TOKEN)
            except OutboundError as error:
                assert TOKEN not in str(error)  # noqa: PT017  most of them answer
                assert SECRET not in str(error)  # noqa: PT017
    assert TOKEN not in caplog.text
    assert SECRET not in caplog.text


# --- more than a GET, and further than the base ---


def test_a_body_is_sent_once_and_whole() -> None:
    with serving(lambda _: [said(201)]) as stub:
        base = f"{stub.url}/fhir"
        server = Outbound([read_base(base)]).reach(base, plenty())
        body = b"x" * 200_000
        answer = server.send(
            "POST", f"{base}/Things", plenty(), body=body, token=TOKEN, headers={"Prefer": "a"}
        )
        assert answer.status == 201
        (asked,) = stub.asked
        assert (asked.method, asked.target, asked.body) == ("POST", "/fhir/Things", body)
        assert asked.headers["authorization"] == f"Bearer {TOKEN}"
        assert asked.headers["prefer"] == "a"


def test_a_body_is_sent_nowhere_else() -> None:
    with serving(lambda _: [said(307, Location="/fhir/elsewhere")]) as stub:
        base = f"{stub.url}/fhir"
        server = Outbound([read_base(base)]).reach(base, plenty())
        assert server.send("POST", f"{base}/Things", plenty(), body=b"x").status == 307
        assert len(stub.asked) == 1
        outside = fault_of(lambda: server.send("POST", f"{stub.url}/else", plenty(), body=b"x"))
        assert outside is Fault.NOT_ALLOWED


def test_a_server_that_a_listed_one_names() -> None:
    with serving(lambda _: [said(200)]) as stub:
        outbound = Outbound([read_base(f"{stub.url}/fhir")])
        url = f"{stub.url}/oauth/token"
        server = outbound.reach_named(f"{stub.url}/fhir", url, plenty())
        assert server.send("POST", url, plenty(), body=b"x").status == 200
        other = fault_of(lambda: server.send("POST", f"{stub.url}/oauth", plenty(), body=b"x"))
        assert other is Fault.NOT_ALLOWED


NAMED = {
    "http://10.0.0.1/token": Fault.ADDRESS,
    "https://169.254.169.254/token": Fault.ADDRESS,
    "ftp://127.0.0.1/token": Fault.NOT_ALLOWED,
}


@pytest.mark.parametrize(("url", "fault"), NAMED.items())
def test_a_named_server_where_none_may_stand(url: str, fault: Fault) -> None:
    base = "http://127.0.0.1:8080/fhir"
    outbound = Outbound([read_base(base)])
    assert fault_of(lambda: outbound.reach_named(base, url, plenty())) is fault


def test_a_server_with_tls_names_none_without() -> None:
    base = "https://127.0.0.1:8080/fhir"
    outbound = Outbound([read_base(base)])
    url = "http://127.0.0.1:8080/token"
    assert fault_of(lambda: outbound.reach_named(base, url, plenty())) is Fault.NOT_ALLOWED

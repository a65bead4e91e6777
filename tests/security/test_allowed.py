"""Base URLs that may be called, what lies under them, and the addresses where they may stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.security.allowed import read_base, read_place

WRITTEN = {
    "https://fhir.example.org/r4": "https://fhir.example.org/r4",
    "https://FHIR.Example.ORG:443/r4/": "https://fhir.example.org/r4",
    "HTTPS://fhir.example.org": "https://fhir.example.org",
    "https://fhir.example.org:8443/": "https://fhir.example.org:8443",
    "http://127.0.0.1:8080/fhir": "http://127.0.0.1:8080/fhir",
    "http://[0:0::1]:80/fhir": "http://[::1]/fhir",
    "https://fhir.example.org/r4 at 10.0.0.7": "https://fhir.example.org/r4",
    "https://fhir_dev.example.org/R4/x": "https://fhir_dev.example.org/R4/x",
}


@pytest.mark.parametrize(("entry", "base"), WRITTEN.items())
def test_a_base_has_one_way_to_be_written(entry: str, base: str) -> None:
    assert str(read_base(entry)) == base


REFUSED = {
    "": "visible ASCII",
    "fhir.example.org": "starts with https://",
    "ftp://fhir.example.org": "starts with https://",
    "https://": "a host is",
    "https:///r4": "a host is",
    "https://-x.example": "a host is",
    "https://ex ample.org": "visible ASCII",
    "https://exämple.org": "visible ASCII",
    "https://fhir.example.org\\@evil.example": "visible ASCII",
    "https://ex%61mple.org": "a host is",
    "https://user@fhir.example.org": "a user or a password",
    "https://user:word@fhir.example.org": "a user or a password",
    "https://fhir.example.org:0": "from 1 to 65535",
    "https://fhir.example.org:65536": "from 1 to 65535",
    "https://fhir.example.org:https": "from 1 to 65535",
    "https://[::1]x/": "from 1 to 65535",
    "https://[::zz]/": "",
    "https://[::1": "",
    "https://fhir.example.org/r4#x": "fragment",
    "https://fhir.example.org/r4#": "fragment",
    "https://fhir.example.org/r4/../admin": "steps of dots",
    "https://fhir.example.org/r4/%2E%2e/admin": "steps of dots",
    "https://fhir.example.org/r4?x=1": "no query",
    "https://fhir.example.org/r4?": "no query",
    "https://fhir.example.org/r4 at home": "after `at`",
    "https://fhir.example.org/r4 at 10.0.0.7/8": "after `at`",
    "https://fhir.example.org/r4 at 0.0.0.0/0": "no place where a server stands",
    "https://fhir.example.org/r4 at ::/0": "no place where a server stands",
    "https://fhir.example.org/r4 at 224.0.0.1": "no place where a server stands",
}


@pytest.mark.parametrize(("entry", "hint"), REFUSED.items())
def test_what_is_no_base_is_refused_with_a_hint(entry: str, hint: str) -> None:
    with pytest.raises(ValueError, match=r".+") as refused:
        read_base(entry)
    assert hint in str(refused.value)


UNDER = (
    "https://fhir.example.org/r4",
    "https://fhir.example.org/r4/",
    "https://fhir.example.org/r4?_getpages=1",
    "https://FHIR.example.org:443/r4/Condition?patient=1&_page=2",
)
NOT_UNDER = (
    "http://fhir.example.org/r4/Condition",
    "https://fhir.example.org:8443/r4/Condition",
    "https://fhir.example.org/r4x/Condition",
    "https://fhir.example.org/r5/Condition",
    "https://fhir.example.org/R4/Condition",
    "https://fhir.example.org",
    "https://fhir.example.org.evil.example/r4/Condition",
    "https://evil.example/r4/Condition",
    "https://evil.example/https://fhir.example.org/r4/Condition",
)


@pytest.mark.parametrize(
    ("url", "under"), [(u, True) for u in UNDER] + [(u, False) for u in NOT_UNDER]
)
def test_what_lies_under_a_base(url: str, under: bool) -> None:
    assert read_base("https://fhir.example.org/r4").holds(read_place(url)) is under


PUBLIC = ("93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946")
NOT_PUBLIC = (
    "127.0.0.1", "127.255.255.254", "0.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1",
    "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd12::1", "ff02::1",
    "2001:db8::1", "2001::1", "2002:7f00:1::", "::ffff:127.0.0.1", "::ffff:93.184.216.34",
    "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "no address", "",
)  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_a_name_may_stand_at_a_public_address(address: str) -> None:
    assert read_base("https://fhir.example.org").may_stand_at(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_a_name_may_not_stand_at_any_other(address: str) -> None:
    assert not read_base("https://fhir.example.org").may_stand_at(address)


@pytest.mark.parametrize(
    ("entry", "address", "may"),
    [
        ("http://127.0.0.1:80", "127.0.0.1", True),
        ("http://127.0.0.1:80", "127.0.0.2", False),
        ("http://[::1]", "::1", True),
        ("https://10.0.0.7/fhir", "10.0.0.7", True),
        ("http://localhost:8080/fhir", "127.0.0.1", True),
        ("http://localhost:8080/fhir", "::1", True),
        ("http://localhost:8080/fhir", "10.0.0.7", False),
        ("https://fhir.example.org at 10.1.0.0/16", "10.1.255.1", True),
        ("https://fhir.example.org at 10.1.0.0/16", "10.2.0.1", False),
        ("https://fhir.example.org at 10.1.0.0/16", "127.0.0.1", False),
        ("https://fhir.example.org at fd12::/16", "fd12::5", True),
    ],
)
def test_a_private_address_must_be_written_out(entry: str, address: str, may: bool) -> None:
    assert read_base(entry).may_stand_at(address) is may


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_comes_in_dressed_as_ipv6(address: object) -> None:
    assert not read_base("https://fhir.example.org").may_stand_at(f"::ffff:{address}")
    assert not read_base("https://fhir.example.org").may_stand_at(f"64:ff9b::{address}")


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_is_read_or_refused_as_a_value(text: str) -> None:
    for url in (text, f"https://{text}", f"https://fhir.example.org/{text}"):
        try:
            place = read_place(url)
        except ValueError:
            continue
        assert read_place(f"{place.scheme}://{place.authority}{place.target}").host == place.host

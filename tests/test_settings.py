"""The environment as settings: what is read, and what refuses to start."""

from __future__ import annotations

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cds_service.app import create_app
from cds_service.security.allowed import read_base
from cds_service.settings import DATABASE, VARIABLES, Settings, SettingsError, read_settings

HERE = Path(__file__).parent


def test_nothing_is_set() -> None:
    settings = read_settings({"PATH": "/bin", "HOME": "/root", "XCDS_BIND": "x"})
    assert settings == Settings(database=DATABASE)
    assert Settings().database is None, "made in Python, it leaves no file behind"
    assert settings.bind == "127.0.0.1:8000"
    assert settings.profile == "documents"
    assert settings.timezone == ZoneInfo("UTC")
    assert settings.cors_origins == ("*",)
    assert settings.max_body == 10 * 1024 * 1024
    assert not settings.open
    assert settings.clients is None
    assert settings.public_url is None


HASH = "scrypt:32768:8:1$salt$0123abcd"
READ: list[tuple[str, str, str, object]] = [
    ("CDS_BIND", "0.0.0.0:80", "bind", "0.0.0.0:80"),
    ("CDS_BIND", "[::1]:8000", "bind", "[::1]:8000"),
    ("CDS_BIND", " localhost:65535 ", "bind", "localhost:65535"),
    ("CDS_CARDS", str(HERE), "cards", HERE),
    ("CDS_PROFILE", "guidance", "profile", "guidance"),
    ("CDS_CLIENTS", __file__, "clients", Path(__file__)),
    ("CDS_PUBLIC_URL", "https://cds.example.org/", "public_url", "https://cds.example.org"),
    ("CDS_PUBLIC_URL", "https://a.example:8443/cds", "public_url", "https://a.example:8443/cds"),
    ("CDS_PUBLIC_URL", "http://localhost:8000", "public_url", "http://localhost:8000"),
    ("CDS_TIMEZONE", "Europe/Berlin", "timezone", ZoneInfo("Europe/Berlin")),
    ("CDS_CORS_ORIGINS", "", "cors_origins", ()),
    ("CDS_CORS_ORIGINS", "*", "cors_origins", ("*",)),
    (
        "CDS_CORS_ORIGINS",
        "https://a.example, http://localhost:3000/",
        "cors_origins",
        ("https://a.example", "http://localhost:3000"),
    ),
    ("CDS_MAX_BODY", "500", "max_body", 500),
    ("CDS_MAX_BODY", "64KiB", "max_body", 65_536),
    ("CDS_MAX_BODY", "2 MiB", "max_body", 2_097_152),
    (
        "CDS_PREFETCH_ALIASES",
        "PROBLEMS=conditions, VITALS = observations",
        "prefetch_aliases",
        {"PROBLEMS": "conditions", "VITALS": "observations"},
    ),
    ("CDS_FHIR_SERVERS", "", "fhir_servers", ()),
    (
        "CDS_FHIR_SERVERS",
        "https://fhir.example.org/r4/, http://10.0.0.7:8080/fhir",
        "fhir_servers",
        (read_base("https://fhir.example.org/r4"), read_base("http://10.0.0.7:8080/fhir")),
    ),
    (
        "CDS_FHIR_SERVERS",
        "https://fhir.example.org/r4 at 10.0.0.0/24",
        "fhir_servers",
        (read_base("https://fhir.example.org/r4 at 10.0.0.0/24"),),
    ),
    ("CDS_FHIR_DEADLINE", "2.5", "fhir_deadline", 2.5),
    ("CDS_FHIR_DEADLINE", "20 s", "fhir_deadline", 20.0),
    ("CDS_FHIR_DEADLINE", "0.1", "fhir_deadline", 0.1),
    ("CDS_ADMIN_PASSWORD", "twelve chars", "admin_password", "twelve chars"),
    ("CDS_ADMIN_PASSWORD", HASH, "admin_password", HASH),
    (
        "CDS_OIDC_ISSUER",
        "https://id.example.org/realms/clinic/",
        "oidc_issuer",
        read_base("https://id.example.org/realms/clinic"),
    ),
    (
        "CDS_OIDC_ISSUER",
        "https://id.example.org at 10.0.0.0/24",
        "oidc_issuer",
        read_base("https://id.example.org at 10.0.0.0/24"),
    ),
    ("CDS_OIDC_CLIENT_ID", "insight", "oidc_client_id", "insight"),
    ("CDS_OIDC_CLIENT_SECRET", "s3cret:%", "oidc_client_secret", "s3cret:%"),
    (
        "CDS_OIDC_ALLOWED",
        "Ada@Clinic.example, group:CDS Safety,",
        "oidc_allowed",
        ("ada@clinic.example", "group:CDS Safety"),
    ),
    ("CDS_SMART_CLIENT_ID", "red-flag-form", "smart_client_id", "red-flag-form"),
    ("CDS_SMART_CLIENT_SECRET", "s3cret:%", "smart_client_secret", "s3cret:%"),
    (
        "CDS_SMART_ISSUERS",
        "https://fhir.example.org/r4/",
        "smart_issuers",
        (read_base("https://fhir.example.org/r4"),),
    ),
    ("CDS_SMART_SCOPES", "patient/*.rs  openid", "smart_scopes", "patient/*.rs openid"),
    ("CDS_CODES", str(HERE / "conftest.py"), "codes", HERE / "conftest.py"),
    ("CDS_SELECTION_BEHAVIOR", "at-most-one", "selection_behavior", "at-most-one"),
    (
        "CDS_TOPICS_OFF",
        "*=review, back-pain-order-sign = selfcare + review, *=selfcare",
        "topics_off",
        {
            "*": frozenset({"review", "selfcare"}),
            "back-pain-order-sign": frozenset({"selfcare", "review"}),
        },
    ),
    ("CDS_SHADOW", "yes", "shadow", True),
    ("CDS_OPEN", "yes", "open", True),
    ("CDS_OPEN", "no", "open", False),
    ("CDS_LOG_LEVEL", "debug", "log_level", "DEBUG"),
    ("CDS_DATABASE_URL", "none", "database", None),
    ("CDS_DATABASE_URL", "sqlite:////var/lib/cds.db", "database", "sqlite:////var/lib/cds.db"),
    ("CDS_DATABASE_URL", "postgresql://u:p@h/n", "database", "postgresql://u:p@h/n"),
    ("CDS_STORE_DURABILITY", "full", "durability", "full"),
    ("CDS_HASH_KEY", "a key", "hash_key", "a key"),
    ("CDS_SPOOL", "/var/spool/cds", "spool", Path("/var/spool/cds")),
]


@pytest.mark.parametrize(("name", "value", "field", "read"), READ)
def test_read(name: str, value: str, field: str, read: object) -> None:
    assert getattr(read_settings({name: value}), field) == read


REFUSED: list[tuple[str, str, str]] = [
    ("CDS_BIND", "8000", "HOST:PORT"),
    ("CDS_BIND", "127.0.0.1", "HOST:PORT"),
    ("CDS_BIND", "127.0.0.1:65536", "HOST:PORT"),
    ("CDS_BIND", "::1:8000", "HOST:PORT"),
    ("CDS_BIND", "http://localhost:8000", "HOST:PORT"),
    ("CDS_BIND", "", "HOST:PORT"),
    ("CDS_CARDS", "/no/such/folder", "no such folder"),
    ("CDS_CARDS", __file__, "no such folder"),
    ("CDS_CLIENTS", "/no/such/file", "no such file"),
    ("CDS_CLIENTS", str(HERE), "no such file"),
    ("CDS_CLIENTS", "", "no such file"),
    ("CDS_PUBLIC_URL", "cds.example.org", "https://cds.example.org"),
    ("CDS_PUBLIC_URL", "https://cds.example.org/?a=b", "https://cds.example.org"),
    ("CDS_PUBLIC_URL", "https://me@cds.example.org", "https://cds.example.org"),
    ("CDS_PUBLIC_URL", "ftp://cds.example.org", "https://cds.example.org"),
    ("CDS_PUBLIC_URL", "", "https://cds.example.org"),
    ("CDS_TIMEZONE", "Europe/Atlantis", "no such time zone"),
    ("CDS_TIMEZONE", "/etc/localtime", "no such time zone"),
    ("CDS_TIMEZONE", "", "no such time zone"),
    ("CDS_CORS_ORIGINS", "ehr.example.org", "https://ehr.example.org"),
    ("CDS_CORS_ORIGINS", "https://ehr.example.org/app", "https://ehr.example.org"),
    ("CDS_CORS_ORIGINS", "https://*.example.org", "https://ehr.example.org"),
    ("CDS_MAX_BODY", "0", "10MiB"),
    ("CDS_MAX_BODY", "-1", "10MiB"),
    ("CDS_MAX_BODY", "10 GB", "10MiB"),
    ("CDS_MAX_BODY", "", "10MiB"),
    ("CDS_PREFETCH_ALIASES", "PROBLEMS", "THEIRKEY=ourkey"),
    ("CDS_PREFETCH_ALIASES", "PROBLEMS=", "THEIRKEY=ourkey"),
    ("CDS_PREFETCH_ALIASES", "PROBLEMS=conditions,", "THEIRKEY=ourkey"),
    ("CDS_FHIR_SERVERS", "fhir.example.org", "https://fhir.example.org/r4"),
    ("CDS_FHIR_SERVERS", "*", "https://fhir.example.org/r4"),
    ("CDS_FHIR_SERVERS", "https://*.example.org", "a host is a name"),
    ("CDS_FHIR_SERVERS", "https://a:b@fhir.example.org", "a user or a password"),
    ("CDS_FHIR_SERVERS", "https://fhir.example.org/r4 at home", "`URL at ADDRESS`"),
    ("CDS_FHIR_SERVERS", "https://fhir.example.org/r4 https://x.example", "visible ASCII"),
    ("CDS_ADMIN_PASSWORD", "too short", "write 12 characters or more"),
    ("CDS_ADMIN_PASSWORD", HASH[:-9], "a whole hash"),
    ("CDS_ADMIN_PASSWORD", "pbkdf2:sha256:1000", "a whole hash"),
    ("CDS_OIDC_ISSUER", "id.example.org", "write its issuer, such as"),
    ("CDS_OIDC_CLIENT_ID", "two words", "visible ASCII without a space"),
    ("CDS_OIDC_ALLOWED", " , ", "write e-mail addresses, and groups"),
    ("CDS_OIDC_ALLOWED", "everybody", "write e-mail addresses, and groups"),
    ("CDS_OIDC_ALLOWED", "group:", "write e-mail addresses, and groups"),
    ("CDS_SMART_CLIENT_ID", "two words", "visible ASCII without a space"),
    ("CDS_SMART_CLIENT_SECRET", "", "visible ASCII without a space"),
    ("CDS_SMART_ISSUERS", "fhir.example.org", "https://"),
    ("CDS_SMART_SCOPES", "", "separated by spaces"),
    ("CDS_SMART_SCOPES", 'patient/"x"', "separated by spaces"),
    ("CDS_FHIR_DEADLINE", "0", "from 0.1 to 20"),
    ("CDS_FHIR_DEADLINE", "21", "from 0.1 to 20"),
    ("CDS_FHIR_DEADLINE", "3000 ms", "from 0.1 to 20"),
    ("CDS_FHIR_DEADLINE", "", "such as 3 or 2.5"),
    ("CDS_TOPICS_OFF", "review", "SERVICE=topic+topic"),
    ("CDS_TOPICS_OFF", "*=", "SERVICE=topic+topic"),
    ("CDS_TOPICS_OFF", "=review", "SERVICE=topic+topic"),
    ("CDS_TOPICS_OFF", "*=review+", "SERVICE=topic+topic"),
    ("CDS_SHADOW", "on", "yes or no"),
    ("CDS_OPEN", "true", "yes or no"),
    ("CDS_OPEN", "", "yes or no"),
    ("CDS_LOG_LEVEL", "loud", "INFO"),
    ("CDS_DATABASE_URL", "mysql://h/n", "postgresql://"),
    ("CDS_DATABASE_URL", "", "sqlite:///FILE"),
    ("CDS_STORE_DURABILITY", "yes", "full or normal"),
]


@pytest.mark.parametrize(("name", "value", "hint"), REFUSED)
def test_refused_with_what_would_do(name: str, value: str, hint: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(hint)) as refused:
        read_settings({name: value})
    assert str(refused.value).startswith(f"{name} cannot be used: ")


@pytest.mark.parametrize(
    "name",
    ["CDS_CARD", "CDS_", "CDS_bind", "CDS_CLIENT", "CDS_SHADOWED", "CDS_BIND_FILE", "CDS_X_FILE"],
)
def test_an_unknown_name_refuses_to_start(name: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name} is not a setting") as refused:
        read_settings({name: "x"})
    assert "CDS_BIND" in str(refused.value)


def test_a_secret_is_also_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("0123456789abcdef0123456789abcdef\n")
    settings = read_settings({"CDS_HASH_KEY_FILE": str(file)})
    assert settings.hash_key == "0123456789abcdef0123456789abcdef"
    assert "0123" not in repr(settings)
    with pytest.raises(SettingsError, match="CDS_HASH_KEY and CDS_HASH_KEY_FILE are both set"):
        read_settings({"CDS_HASH_KEY_FILE": str(file), "CDS_HASH_KEY": "x"})


def test_a_file_of_a_secret_that_cannot_be_read_refuses_to_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"CDS_HASH_KEY_FILE cannot be used: .*No such file"):
        read_settings({"CDS_HASH_KEY_FILE": str(tmp_path / "none")})
    file = tmp_path / "binary"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="it is not UTF-8"):
        read_settings({"CDS_HASH_KEY_FILE": str(file)})


def test_every_setting_has_a_variable_and_words() -> None:
    assert {each.field for each in VARIABLES.values()} == set(Settings.__slots__)
    assert all(each.help for each in VARIABLES.values())


@pytest.mark.parametrize(
    ("bind", "host"),
    [("127.0.0.1:8000", "127.0.0.1"), ("[::1]:80", "::1"), ("localhost:1", "localhost")],
)
def test_the_host_of_an_address(bind: str, host: str) -> None:
    assert Settings(bind=bind).host == host


def test_a_profile_that_the_content_lacks_refuses_to_start() -> None:
    with pytest.raises(SettingsError, match=r"CDS_PROFILE 'guidance' .* use one of: documents"):
        create_app(Settings(profile="guidance"))


def test_an_alias_of_a_key_that_there_is_not_refuses_to_start() -> None:
    with pytest.raises(SettingsError, match="there is no prefetch key 'condition'; use one of"):
        create_app(Settings(prefetch_aliases={"PROBLEMS": "condition"}))

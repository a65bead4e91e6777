"""The environment as one frozen value; a name that is not known refuses to start."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from cds_service.security.allowed import Base, read_base

PREFIX = "CDS_"
IN_FILE = "_FILE"
# What the command line keeps calls in; settings that are made in Python keep nothing unless told.
DATABASE = "sqlite:///cds-service.db"
# What the form is filled from, and the one thing that is written: the answers to it.
SCOPES = (
    "patient/Patient.rs patient/Condition.rs patient/Observation.rs patient/MedicationRequest.rs "
    "patient/MedicationStatement.rs patient/Procedure.rs patient/Encounter.rs "
    "patient/QuestionnaireResponse.crs"
)
_MIB = 1024 * 1024
_LAST_PORT = 65_535
# Seconds. Longer than an EHR waits for a card, and shorter than a worker waits before it gives up.
_SHORTEST, _LONGEST = 0.1, 20
_SHORTEST_PASSWORD = 12


class SettingsError(ValueError):
    """A setting that cannot be used: which, why, and what would do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How this process runs. Every field is one CDS_* variable, named in ``VARIABLES``."""

    bind: str = "127.0.0.1:8000"
    cards: Path | None = None
    profile: str = "documents"
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    clients: Path | None = None
    public_url: str | None = None
    cors_origins: tuple[str, ...] = ("*",)
    max_body: int = 10 * _MIB
    prefetch_aliases: Mapping[str, str] = field(default_factory=dict)
    fhir_servers: tuple[Base, ...] = ()
    fhir_deadline: float = 3.0
    smart_client_id: str | None = None
    smart_client_secret: str | None = field(default=None, repr=False)
    smart_issuers: tuple[Base, ...] = ()
    smart_scopes: str = SCOPES
    admin_password: str | None = field(default=None, repr=False)
    oidc_issuer: Base | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: str | None = field(default=None, repr=False)
    oidc_allowed: tuple[str, ...] = ()
    codes: Path | None = None
    selection_behavior: str = "any"
    topics_off: Mapping[str, frozenset[str]] = field(default_factory=dict)
    shadow: bool = False
    open: bool = False
    log_level: str = "INFO"
    database: str | None = field(default=None, repr=False)
    durability: str = "normal"
    hash_key: str | None = field(default=None, repr=False)
    spool: Path | None = None

    @property
    def host(self) -> str:
        """Return the host part of the address to listen on."""
        return self.bind.rpartition(":")[0].strip("[]")


def _text(value: str) -> str:
    return value


def _bind(value: str) -> str:
    match = re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[^:\s]+):(\d{1,5})", value)
    if not match or int(match[2]) > _LAST_PORT:
        msg = "write HOST:PORT, such as 127.0.0.1:8000 or [::1]:8000"
        raise ValueError(msg)
    return value


def _folder(value: str) -> Path:
    folder = Path(value)
    if not folder.is_dir():
        msg = "there is no such folder; name one with findings/, criteria/ and the other files"
        raise ValueError(msg)
    return folder


def _file(value: str) -> Path:
    file = Path(value)
    if not file.is_file():
        msg = "there is no such file"
        raise ValueError(msg)
    return file


def _url(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", value):
        msg = "write the address that callers use, such as https://cds.example.org"
        raise ValueError(msg)
    return value.rstrip("/")


def _selection(value: str) -> str:
    if value not in {"any", "at-most-one"}:
        msg = "write any or at-most-one"
        raise ValueError(msg)
    return value


def _zone(value: str) -> ZoneInfo:
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        msg = "no such time zone; write a name such as Europe/Berlin or UTC"
        raise ValueError(msg) from None


def _origins(value: str) -> tuple[str, ...]:
    origins = tuple(origin.strip().rstrip("/") for origin in value.split(",") if origin.strip())
    for origin in origins:
        if origin != "*" and not re.fullmatch(r"https?://[^/\s*]+", origin):
            msg = "write origins such as https://ehr.example.org, separated by commas, or *"
            raise ValueError(msg)
    return origins


def _size(value: str) -> int:
    match = re.fullmatch(r"(\d+) ?(MiB|KiB|)", value.strip())
    if not match or int(match[1]) == 0:
        msg = "write a number of bytes, or 10MiB"
        raise ValueError(msg)
    return int(match[1]) * {"MiB": _MIB, "KiB": 1024, "": 1}[match[2]]


def _aliases(value: str) -> Mapping[str, str]:
    aliases = {}
    for pair in value.split(","):
        theirs, equals, ours = (part.strip() for part in pair.partition("="))
        if not (theirs and equals and ours):
            msg = "write THEIRKEY=ourkey pairs, separated by commas"
            raise ValueError(msg)
        aliases[theirs] = ours
    return aliases


def _servers(value: str) -> tuple[Base, ...]:
    bases = []
    for entry in filter(None, (part.strip() for part in value.split(","))):
        try:
            bases.append(read_base(entry))
        except ValueError as error:
            msg = (
                f"{error}; write base URLs such as https://fhir.example.org/r4, separated by "
                "commas, and `URL at ADDRESS` where the name stands at a private address"
            )
            raise ValueError(msg) from None
    return tuple(bases)


def _server(value: str) -> Base:
    try:
        return read_base(value)
    except ValueError as error:
        msg = f"{error}; write its issuer, such as https://login.example.org/realms/clinic"
        raise ValueError(msg) from None


def _password(value: str) -> str:
    hashed = re.fullmatch(r"(scrypt|pbkdf2):[\w:]+\$[^$]+\$[0-9a-f]+", value)
    if len(value) < _SHORTEST_PASSWORD or (value.startswith(("scrypt:", "pbkdf2:")) and not hashed):
        msg = f"write {_SHORTEST_PASSWORD} characters or more, or a whole hash as werkzeug makes it"
        raise ValueError(msg)
    return value


def _people(value: str) -> tuple[str, ...]:
    people = [each.strip() for each in value.split(",") if each.strip()]
    if not people or not all(re.fullmatch(r"group:.+|[^@\s]+@[^@\s]+", each) for each in people):
        msg = "write e-mail addresses, and groups as group:NAME, separated by commas"
        raise ValueError(msg)
    return tuple(x if x.startswith("group:") else x.casefold() for x in people)


def _visible(value: str) -> str:
    if not re.fullmatch(r"[!-~]{1,2048}", value):
        msg = "write visible ASCII without a space, as the EHR gave it"
        raise ValueError(msg)
    return value


def _scopes(value: str) -> str:
    scopes = value.split()
    if not scopes or not all(re.fullmatch(r"[!#-\[\]-~]+", each) for each in scopes):
        msg = "write scopes separated by spaces, such as patient/*.rs"
        raise ValueError(msg)
    return " ".join(scopes)


def _seconds(value: str) -> float:
    match = re.fullmatch(r"(\d{1,3}(?:\.\d{1,3})?) ?s?", value)
    if not match or not _SHORTEST <= float(match[1]) <= _LONGEST:
        msg = f"write seconds from {_SHORTEST} to {_LONGEST}, such as 3 or 2.5"
        raise ValueError(msg)
    return float(match[1])


def _topics(value: str) -> Mapping[str, frozenset[str]]:
    off: dict[str, frozenset[str]] = {}
    for pair in value.split(","):
        service, equals, topics = (part.strip() for part in pair.partition("="))
        named = frozenset(topic.strip() for topic in topics.split("+"))
        if not (service and equals) or "" in named:
            msg = "write SERVICE=topic+topic, separated by commas; * stands for every service"
            raise ValueError(msg)
        off[service] = off.get(service, frozenset()) | named
    return off


def _flag(value: str) -> bool:
    if value not in {"yes", "no"}:
        msg = "write yes or no"
        raise ValueError(msg)
    return value == "yes"


def _level(value: str) -> str:
    if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        msg = "write DEBUG, INFO, WARNING or ERROR"
        raise ValueError(msg)
    return value.upper()


def _database(value: str) -> str | None:
    if value == "none":
        return None
    if not re.match(r"(sqlite|postgres(ql)?(\+psycopg)?)://", value):
        msg = "write sqlite:///FILE, postgresql://USER:PASSWORD@HOST/NAME or none"
        raise ValueError(msg)
    return value


def _durability(value: str) -> str:
    if value not in {"full", "normal"}:
        msg = "write full or normal"
        raise ValueError(msg)
    return value


@dataclass(frozen=True, slots=True)
class Variable:
    """One CDS_* name: its field, how its value is read, and what it is for.

    A ``secret`` is also read from the file that the name with _FILE behind it names. An ``address``
    may be told but for the password in it.
    """

    field: str
    read: Callable[[str], object]
    help: str
    secret: bool = False
    address: bool = False


VARIABLES: Mapping[str, Variable] = {
    "CDS_BIND": Variable("bind", _bind, "address to listen on"),
    "CDS_CARDS": Variable("cards", _folder, "folder that replaces the shipped content"),
    "CDS_PROFILE": Variable("profile", _text, "profile of the content to judge by"),
    "CDS_TIMEZONE": Variable("timezone", _zone, "zone in which hooks count days"),
    "CDS_CLIENTS": Variable("clients", _file, "file that lists who may call"),
    "CDS_PUBLIC_URL": Variable("public_url", _url, "address that callers know the service by"),
    "CDS_CORS_ORIGINS": Variable("cors_origins", _origins, "origins that browsers may call from"),
    "CDS_MAX_BODY": Variable("max_body", _size, "largest request body"),
    "CDS_PREFETCH_ALIASES": Variable("prefetch_aliases", _aliases, "a site's prefetch keys = ours"),
    "CDS_FHIR_SERVERS": Variable(
        "fhir_servers", _servers, "base URLs of the FHIR servers that may be asked for the rest"
    ),
    "CDS_FHIR_DEADLINE": Variable(
        "fhir_deadline", _seconds, "seconds that a call may wait for them, in all"
    ),
    "CDS_SMART_CLIENT_ID": Variable(
        "smart_client_id", _visible, "client id that the EHRs know the SMART app by"
    ),
    "CDS_SMART_CLIENT_SECRET": Variable(
        "smart_client_secret", _visible, "secret of that client, if it has one", secret=True
    ),
    "CDS_SMART_ISSUERS": Variable(
        "smart_issuers", _servers, "base URLs of the EHRs that may launch the form"
    ),
    "CDS_SMART_SCOPES": Variable("smart_scopes", _scopes, "access that a launch asks for"),
    "CDS_ADMIN_PASSWORD": Variable(
        "admin_password", _password, "password that opens /insight, or its hash", secret=True
    ),
    "CDS_OIDC_ISSUER": Variable(
        "oidc_issuer", _server, "OpenID provider where people sign in for /insight"
    ),
    "CDS_OIDC_CLIENT_ID": Variable("oidc_client_id", _visible, "client id that it knows us by"),
    "CDS_OIDC_CLIENT_SECRET": Variable(
        "oidc_client_secret", _visible, "secret of that client", secret=True
    ),
    "CDS_OIDC_ALLOWED": Variable(
        "oidc_allowed", _people, "who of its users may come in: e-mail addresses, group:NAME"
    ),
    "CDS_CODES": Variable("codes", _file, "file of a site's own codes for orders and suggestions"),
    "CDS_SELECTION_BEHAVIOR": Variable(
        "selection_behavior", _selection, "how many suggestions of a card may be accepted"
    ),
    "CDS_TOPICS_OFF": Variable("topics_off", _topics, "cards switched off, by service or for all"),
    "CDS_SHADOW": Variable("shadow", _flag, "yes: judge, keep and count, but send no card"),
    "CDS_OPEN": Variable("open", _flag, "yes: answer callers from beyond this machine"),
    "CDS_LOG_LEVEL": Variable("log_level", _level, "how much is logged"),
    "CDS_DATABASE_URL": Variable(
        "database",
        _database,
        "where decisions and feedback are kept; none: nowhere",
        secret=True,
        address=True,
    ),
    "CDS_STORE_DURABILITY": Variable(
        "durability", _durability, "full: each decision survives a power failure"
    ),
    "CDS_HASH_KEY": Variable(
        "hash_key", _text, "key that hides patient ids; PostgreSQL needs it", secret=True
    ),
    "CDS_SPOOL": Variable("spool", Path, "folder for what waits for the database"),
}


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the CDS_* variables. Raises SettingsError for an unknown name or a useless value."""
    values: dict[str, object] = {"database": DATABASE}
    for name, value in _given(environment).items():
        variable = VARIABLES[name]
        try:
            values[variable.field] = variable.read(value.strip())
        except ValueError as error:
            msg = f"{name} cannot be used: {error}."
            raise SettingsError(msg) from None
    return Settings(**values)  # type: ignore[arg-type]  # VARIABLES pairs name and type


def _given(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what is set by name, secrets also from files."""
    given: dict[str, str] = {}
    for name, value in environment.items():
        if not name.startswith(PREFIX):
            continue
        meant = name if name in VARIABLES else name.removesuffix(IN_FILE)
        variable = VARIABLES.get(meant)
        if variable is None or (meant != name and not variable.secret):
            msg = (
                f"{name} is not a setting of this service, so it would have no effect. "
                f"Take it out, or use one of: {', '.join(sorted(VARIABLES))}."
            )
            raise SettingsError(msg)
        if meant in given:
            msg = f"{meant} and {meant}{IN_FILE} are both set. Take one of them out."
            raise SettingsError(msg)
        given[meant] = value if meant == name else _secret(name, value)
    return given


def _secret(name: str, file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        msg = f"{name} cannot be used: {file} cannot be read ({what})."
        raise SettingsError(msg) from None

"""The environment as one frozen value; a name that is not known refuses to start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from cds_service import setting_values as read
from cds_service.security.allowed import Base

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
    max_body: int = 10 * read.MIB
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
    "CDS_BIND": Variable("bind", read.bind, "address to listen on"),
    "CDS_CARDS": Variable("cards", read.folder, "folder that replaces the shipped content"),
    "CDS_PROFILE": Variable("profile", read.text, "profile of the content to judge by"),
    "CDS_TIMEZONE": Variable("timezone", read.zone, "zone in which hooks count days"),
    "CDS_CLIENTS": Variable("clients", read.file, "file that lists who may call"),
    "CDS_PUBLIC_URL": Variable("public_url", read.url, "address that callers know the service by"),
    "CDS_CORS_ORIGINS": Variable(
        "cors_origins", read.origins, "origins that browsers may call from"
    ),
    "CDS_MAX_BODY": Variable("max_body", read.size, "largest request body"),
    "CDS_PREFETCH_ALIASES": Variable(
        "prefetch_aliases", read.aliases, "a site's prefetch keys = ours"
    ),
    "CDS_FHIR_SERVERS": Variable(
        "fhir_servers", read.servers, "base URLs of the FHIR servers that may be asked for the rest"
    ),
    "CDS_FHIR_DEADLINE": Variable(
        "fhir_deadline", read.seconds, "seconds that a call may wait for them, in all"
    ),
    "CDS_SMART_CLIENT_ID": Variable(
        "smart_client_id", read.visible, "client id that the EHRs know the SMART app by"
    ),
    "CDS_SMART_CLIENT_SECRET": Variable(
        "smart_client_secret", read.visible, "secret of that client, if it has one", secret=True
    ),
    "CDS_SMART_ISSUERS": Variable(
        "smart_issuers", read.servers, "base URLs of the EHRs that may launch the form"
    ),
    "CDS_SMART_SCOPES": Variable("smart_scopes", read.scopes, "access that a launch asks for"),
    "CDS_ADMIN_PASSWORD": Variable(
        "admin_password", read.password, "password that opens /insight, or its hash", secret=True
    ),
    "CDS_OIDC_ISSUER": Variable(
        "oidc_issuer", read.server, "OpenID provider where people sign in for /insight"
    ),
    "CDS_OIDC_CLIENT_ID": Variable("oidc_client_id", read.visible, "client id that it knows us by"),
    "CDS_OIDC_CLIENT_SECRET": Variable(
        "oidc_client_secret", read.visible, "secret of that client", secret=True
    ),
    "CDS_OIDC_ALLOWED": Variable(
        "oidc_allowed", read.people, "who of its users may come in: e-mail addresses, group:NAME"
    ),
    "CDS_CODES": Variable(
        "codes", read.file, "file of a site's own codes for orders and suggestions"
    ),
    "CDS_SELECTION_BEHAVIOR": Variable(
        "selection_behavior", read.selection, "how many suggestions of a card may be accepted"
    ),
    "CDS_TOPICS_OFF": Variable(
        "topics_off", read.topics, "cards switched off, by service or for all"
    ),
    "CDS_SHADOW": Variable("shadow", read.flag, "yes: judge, keep and count, but send no card"),
    "CDS_OPEN": Variable("open", read.flag, "yes: answer callers from beyond this machine"),
    "CDS_LOG_LEVEL": Variable("log_level", read.level, "how much is logged"),
    "CDS_DATABASE_URL": Variable(
        "database",
        read.database,
        "where decisions and feedback are kept; none: nowhere",
        secret=True,
        address=True,
    ),
    "CDS_STORE_DURABILITY": Variable(
        "durability", read.durability, "full: each decision survives a power failure"
    ),
    "CDS_HASH_KEY": Variable(
        "hash_key", read.text, "key that hides patient ids; PostgreSQL needs it", secret=True
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

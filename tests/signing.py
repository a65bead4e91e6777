"""Made-up callers: keys that live as long as the test run, and the tokens that they sign."""

from __future__ import annotations

import base64
import functools
import json
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

if TYPE_CHECKING:
    from pathlib import Path

    from tests.records import Json

ISS = "https://ehr.example.org/fhir"
JKU = "https://ehr.example.org/jwks.json"
PUBLIC_URL = "https://cds.example.org"
CALLED = f"{PUBLIC_URL}/cds-services/back-pain-patient-view"
# As Epic writes them: base64, with its three signs that a URL would not like.
KID = "q+Zt/0w8V4k9dQ=="
CURVES = {"ES384": ec.SECP384R1, "ES256": ec.SECP256R1}


class Signer:
    """A private key with a kid, for one algorithm."""

    def __init__(self, algorithm: str = "ES384", kid: str = KID, bits: int = 2048) -> None:
        self.algorithm, self.kid = algorithm, kid
        self.private: Any = (
            ec.generate_private_key(CURVES[algorithm]())
            if algorithm in CURVES
            else rsa.generate_private_key(65537, bits)
        )

    def jwk(self, **more: object) -> Json:
        """Return the public half as a JWK."""
        writer: Any = ECAlgorithm if self.algorithm in CURVES else RSAAlgorithm
        public = writer.to_jwk(self.private.public_key(), as_dict=True)
        return {**public, "kid": self.kid, "use": "sig", "alg": self.algorithm, **more}

    def sign(self, claims: Json, **header: object) -> str:
        """Sign claims as they are; a header of None is left out."""
        headers = {"kid": self.kid, **header}
        kept = {name: value for name, value in headers.items() if value is not None}
        return jwt.encode(claims, self.private, algorithm=self.algorithm, headers=kept)


@functools.cache
def signer(algorithm: str = "ES384", kid: str = KID) -> Signer:
    """Return a key that all tests share: RSA keys take long to make."""
    return Signer(algorithm, kid)


def key_set(*signers: Signer) -> Json:
    return {"keys": [each.jwk() for each in signers]}


def claims(now: float, **changed: object) -> Json:
    """Return what a good token says at a moment; None leaves a claim out."""
    said = {
        "iss": ISS,
        "aud": CALLED,
        "iat": int(now),
        "exp": int(now) + 300,
        "jti": "6f1c1f0e-6a0e-4b6e-9a67-0d0f8a4b1c55",
        **changed,
    }
    return {name: value for name, value in said.items() if value is not None}


def unsigned(header: object, said: object, signature: bytes = b"") -> str:
    """Put a token together by hand, as no library would."""
    return encoded(json.dumps(header).encode(), json.dumps(said).encode(), signature)


def encoded(*parts: bytes) -> str:
    """Return the parts of a token as they travel."""
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def write_clients(folder: Path, *clients: Json) -> Path:
    """Write a file of clients; by default one EHR whose keys are in the file."""
    listed = clients or ({"iss": ISS, "jwks": key_set(signer())},)
    file = folder / "clients.json"
    file.write_text(json.dumps({"clients": listed}), encoding="utf-8")
    return file

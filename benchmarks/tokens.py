"""Tokens to measure with: as an EHR signs them, each used once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from cds_service.security.clients import Client
from cds_service.security.keys import GivenKeys, read_key_set
from cds_service.security.replay import Replay
from cds_service.security.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable

ALGORITHMS = ("ES384", "RS384", "ES256")
_ISS, _AUD = "https://ehr.example.org/fhir", "https://cds.example.org"
_PATH = "/cds-services/back-pain-patient-view"


def checks(algorithm: str, count: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return the bare check of a signature, and ours of the whole token, for so many calls each."""
    private: Any
    writer: Any
    if algorithm.startswith("ES"):
        curve = ec.SECP384R1() if algorithm == "ES384" else ec.SECP256R1()
        private, writer = ec.generate_private_key(curve), ECAlgorithm
    else:
        private, writer = rsa.generate_private_key(65537, 2048), RSAAlgorithm
    public = writer.to_jwk(private.public_key(), as_dict=True) | {"kid": "k", "alg": algorithm}
    keys = read_key_set({"keys": [public]}, (algorithm,))
    now = int(time.time())
    signed = [
        jwt.encode(
            {"iss": _ISS, "aud": _AUD + _PATH, "iat": now, "exp": now + 900, "jti": str(number)},
            private,
            algorithm=algorithm,
            headers={"kid": "k"},
        )
        for number in range(count)
    ]
    client = Client(_ISS, algorithms=(algorithm,))
    tokens = Tokens({_ISS: client}, {_ISS: GivenKeys(keys)}, Replay(None), public_url=_AUD)
    bare, ours = iter(signed), iter(signed)
    library, key = jwt.PyJWS(), keys["k", algorithm]
    return (
        lambda: library.decode(next(bare), key, algorithms=[algorithm]),
        lambda: tokens.verify(f"Bearer {next(ours)}", _PATH),
    )

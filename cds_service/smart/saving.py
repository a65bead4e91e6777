"""The answers to the form, written into the record that they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from cds_service.security.allowance import Fault, OutboundError
from cds_service.web.sheet import Saving

if TYPE_CHECKING:
    from cds_service.smart.client import SmartClient
    from cds_service.smart.grant import Grant

_FHIR = "application/fhir+json"
_DONE = {200, 201}
# What was sent may have arrived.
_UNCERTAIN = {Fault.TIMEOUT, Fault.BROKEN, Fault.TOO_LARGE}
_LOOK = "Look there before you save them again."
_WAY_OUT = "Download them, and file them in the EHR yourself."


def save(client: SmartClient, grant: Grant, answers: dict[str, Any]) -> Saving:
    """Create the QuestionnaireResponse at the EHR. What goes wrong is said, and never raised."""
    if not grant.may_write:
        return _failed("it did not grant this app to write QuestionnaireResponses")
    try:
        server, allowance = client.reach(grant.iss)
        answer = server.send(
            "POST",
            f"{server.base}/QuestionnaireResponse",
            allowance,
            body=orjson.dumps(answers),
            token=grant.token,
            headers={"Accept": _FHIR, "Content-Type": _FHIR, "Prefer": "return=minimal"},
        )
    except OutboundError as error:
        if error.fault in _UNCERTAIN:
            says = f"It is not known whether the answers are saved in the EHR: {error}. {_LOOK}"
            return Saving(done=False, says=says)
        return _failed(str(error))
    if answer.status not in _DONE:
        return _failed(f"it answered {answer.status}")
    return Saving(done=True, says="The answers are saved in the EHR.")


def _failed(why: str) -> Saving:
    return Saving(done=False, says=f"The answers are not saved in the EHR: {why}. {_WAY_OUT}")

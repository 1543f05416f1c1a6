"""One command's session with Azure: how long it waits, and how it follows what it asked for to the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from modelops_runtime.contracts.errors import ModelOpsError
from mops_azure.errors import AzureError, from_reply
from mops_azure.resources.kind import Resource
from mops_azure.states import in_motion, state_of
from mops_azure.transport import ArmClient, AzureUnreachable, Reply, with_patience

APPEARS_WITHIN_S = 600
"""Seconds within which a resource that Azure has accepted must exist."""

BELIEVED_FOR_S = 120
"""Seconds for which a resource may look untouched after Azure has agreed to delete it."""

BUSY = (
    "OperationNotAllowed",
    "AnotherOperationInProgress",
    "Conflict",
    "EtagMismatch",
    "PreconditionFailed",
    "409",
    "412",
)
FAULTS_OF_AZURE = (
    "ServerIsBusy",
    "FailedIdentityOperation",
    "GetVnetError",
    "InternalServerError",
    "Throttled",
    "TooManyRequests",
)

IS_UNDER_WAY = "under way; the same command goes on, `mops-azure status --watch` looks on"


class TimedOut(ModelOpsError):
    """The user's time limit ran out; Azure continues by itself."""


class StillUnderWay(ModelOpsError):
    """`--no-wait`: sent, not waited for."""

    exit_code = 0


@dataclass(kw_only=True)
class Session:
    """One command's session with Azure: where to report, how long to wait, what was learned so far."""

    arm: ArmClient
    say: Callable[[str], None]
    deadline: float = float("inf")
    """On `clock`."""
    wait: bool = True
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    sent: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: dict[str, AzureError] = field(default_factory=dict)
    """Resource id in lower case -> why its last operation failed although the resource itself is Succeeded."""
    denied: dict[str, str] = field(default_factory=dict)
    """Resource id in lower case -> a line: what the user may not do, and which right to ask for."""
    unread: set[str] = field(default_factory=set)
    """Ids in lower case of resources that may not be read: their owner is unknown, so they and their contents are left alone."""
    is_there: dict[str, Any] = field(default_factory=dict)
    """Resource id in lower case -> what exists according to Azure, although we may not read it."""
    told: set[tuple[str, str]] = field(default_factory=set)
    """Kind and name of resources that were reported as left unchanged."""

    def pause(self, seconds: float, what: str) -> None:
        if self.clock() + seconds > self.deadline:
            raise TimedOut(f"{what} is still {IS_UNDER_WAY}")
        self.sleep(seconds)


def settle(session: Session, id_: str, api_version: str, what: str, *, operation_url: str | None = None) -> Any:
    """Wait until a resource is Succeeded, and report each new phase. The state of the resource decides, not the operation's."""
    reported, pause, reason = "", 0.3, None
    was_seen, began = False, session.clock()
    while True:
        phase = None
        if operation_url:
            phase, reason, operation_url = _operation(session, operation_url, what)
        if operation_url is None or phase is None:
            live = session.arm.get(id_, api_version, f"waiting for {what}")
            was_seen = was_seen or live is not None
            if live is None and (was_seen or session.clock() - began > APPEARS_WITHIN_S):
                raise from_reply(
                    f"waiting for {what}", 404, {"code": "ResourceNotFound", "message": "it is not there any more"}
                )
            phase = state_of(live) if live is not None else "Creating"
            if phase.lower() == "succeeded":
                if reason:
                    session.refused[id_.lower()] = from_reply(what, 200, reason)
                return live
            if phase.lower() in ("failed", "canceled"):
                raise from_reply(
                    what, 200, reason or {"code": phase, "message": _reason(live) or f"Azure reports {phase}"}
                )
        if phase != reported:
            session.say(f"{what}: {phase}")
            reported = phase
        session.pause(pause, what)
        pause = min(pause * 1.5, 10)


def _reason(live: Any) -> str:
    """Why its last operation failed, as the resource says; empty if it says nothing."""
    error = ((live.get("properties") or {}).get("status") or {}).get("provisioningError") or {}
    return str(error.get("message") or "")


def _operation(session: Session, url: str, what: str) -> tuple[str | None, Any, str | None]:
    """(phase or None, why it failed, where to ask next). After a lost or finished operation, ask the resource itself."""
    try:
        reply = session.arm.send("GET", url, None, f"waiting for {what}")
    except AzureError as error:
        if error.status in (401, 403):
            raise
        return None, None, None if error.status == 404 else url
    body = reply.body if isinstance(reply.body, dict) else {}
    status = str(body.get("status") or "")
    if status.lower() == "succeeded" or not status:
        return None, None, None
    if status.lower() in ("failed", "canceled"):
        return None, body.get("error") or {"code": status, "message": f"Azure reports {status}"}, None
    return status, None, url


def remove(session: Session, resource: Resource) -> None:
    """Delete a resource and wait until it is gone; it may be gone already. Raises AzureError once Azure has given up."""
    doing = f"deleting the {resource.kind} {resource.name}"

    def send() -> Reply:
        return session.arm.delete(resource.id, resource.api_version, doing)

    url = None
    try:
        # A lock that was just removed still blocks deletion for a while.
        url = with_patience(send, (*FAULTS_OF_AZURE, "ScopeLocked"), for_s=60, sleep=session.sleep).result_url
    except AzureError as error:
        if error.status != 409 or error.code not in (*BUSY, "ResourceGroupBeingDeleted"):
            raise
    pause, reported, refusal = 0.3, "", None
    since, was_deleting = session.clock(), False
    while True:
        if url and refusal is None:
            refusal, url = _end_of_deletion(session, url, doing)
        live = session.arm.get(resource.id, resource.api_version, doing)
        if live is None:
            return
        state = state_of(live)
        was_deleting = was_deleting or in_motion(live)
        if refusal is not None and not in_motion(live):
            raise from_reply(doing, 200, refusal)
        # Without an operation to ask, a resource that is back shows that Azure gave up.
        is_back = not in_motion(live) and (was_deleting or session.clock() - since > BELIEVED_FOR_S)
        if url is None and refusal is None and (state.lower() == "failed" or is_back):
            why = _reason(live) or f"Azure did not delete it, it is {state} again"
            raise from_reply(doing, 200, {"code": "DeletionFailed", "message": why})
        if state != reported and session.clock() - since > 0.1:
            session.say(f"{resource.kind} {resource.name}: {state}")
            reported = state
        session.pause(pause, doing)
        pause = min(pause * 1.5, 10)


def _end_of_deletion(session: Session, url: str, doing: str) -> tuple[Any, str | None]:
    """(why it failed or None, where to ask next). After its end or a lost answer, ask the resource itself."""
    try:
        reply = session.arm.send("GET", url, None, doing, accept=tuple(range(400, 600)))
    except AzureUnreachable:
        return None, url
    body = reply.body if isinstance(reply.body, dict) else {}
    if reply.status in (401, 408, 429) or reply.status >= 500:
        return None, url
    if reply.status in (403, 404) and not str(body.get("error", body).get("code", "")).startswith("ResourceGroup"):
        return None, None  # Azure has forgotten the operation
    if reply.status >= 400:
        return reply.body or {"code": str(reply.status), "message": "Azure did not delete it"}, None
    status = str(body.get("status") or "").lower()
    if status in ("failed", "canceled"):
        return body.get("error") or {"code": body["status"], "message": f"Azure reports {status}"}, None
    is_over = reply.status != 202 and status in ("", "succeeded")
    return None, None if is_over else url

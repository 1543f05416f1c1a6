"""Apply a plan to Azure. Every round reads Azure again, so running it again recovers from any stop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from modelops_runtime.contracts.errors import ModelOpsError, UserError
from mops_azure import resources
from mops_azure.errors import AzureError, NotAllowed
from mops_azure.plan import Plan, Step, under_way
from mops_azure.resources.kind import Live, Resource
from mops_azure.states import has_failed, in_motion, is_within, state_of
from mops_azure.transport import Reply, with_patience
from mops_azure.waiting import BUSY, FAULTS_OF_AZURE, IS_UNDER_WAY, Session, StillUnderWay, remove, settle

TRIES = 4
"""How often one step is sent when other operations interfere or Azure fails."""


def apply_plan(
    session: Session, confirmed: Plan, *, read: Callable[[], dict[str, Any]], plan_of: Callable[[Live], Plan]
) -> None:
    """Carry out `confirmed`. Steps that appear later and were not confirmed stop it; steps without the right are skipped,
    with everything inside, and reported at the end. Raises AzureError, TimedOut, NotAllowed."""
    try:
        _apply_all(session, confirmed, read, plan_of)
    except AzureError as error:
        if not session.denied:
            raise
        raise NotAllowed("\n".join([str(error), *session.denied.values()])) from error
    if session.denied:
        raise NotAllowed("\n".join(session.denied.values()))


def _apply_all(
    session: Session, confirmed: Plan, read: Callable[[], dict[str, Any]], plan_of: Callable[[Live], Plan]
) -> None:
    allowed = {step.key: step.action for step in confirmed.changes}
    expected = {step.resource.kind for step in confirmed.changes if step.made_by == "later"}
    left_out: list[Step] = []

    def read_all() -> dict[str, Any]:
        return {**session.is_there, **read()}

    live, is_fresh = read_all(), True
    while True:
        moving = next(under_way(live), None)
        if moving is not None:
            _see_through(session, moving)
            live, is_fresh = read_all(), True
            continue
        changes = _still_to_do(session, plan_of(live), left_out)
        if not changes and is_fresh:
            return
        if not changes:
            live, is_fresh = read_all(), True
            continue
        # Failed resources that are recreated go first, because the PUT of a cluster contains all its existing pools.
        step = next((one for one in changes if one.action == "replace" and has_failed(one.live)), changes[0])
        if step.action != "create" or step.resource.kind not in expected:
            _check_allowed(step, allowed)
        if step.resource.id.lower() in session.refused:  # not sent again right after it failed
            raise session.refused[step.resource.id.lower()]
        _check_tries(step, session.sent)
        session.sent[step.key] += 1
        try:
            made = _do(session, step)
        except AzureError as error:
            if not error.is_denied:
                raise
            left_out.append(step)
            _leave_out(session, step, error)
            continue
        if made is None:
            live, is_fresh = read_all(), True
        else:
            live, is_fresh = {**live, step.resource.id.lower(): made}, False


def _still_to_do(session: Session, plan: Plan, left_out: list[Step]) -> list[Step]:
    """The changes that are still to be sent: not those made together with or after another step, not those inside a resource
    that could not be made or read, and not those that a policy of Azure's undoes."""
    return [
        step
        for step in plan.changes
        if step.made_by == "itself"
        and not any(_rests_on(step, other) for other in left_out)
        and not any(is_within(step.resource.id.lower(), one) for one in session.unread)
        and not _came_back(session, step)
    ]


def _rests_on(step: Step, other: Step) -> bool:
    """Whether `step` is `other`, or lies inside it and `other` could not be created."""
    is_in_it = is_within(step.resource.id.lower(), other.resource.id.lower())
    return step.key == other.key or (other.action == "create" and is_in_it)


def _came_back(session: Session, step: Step) -> bool:
    """Tags that were removed and are back: a policy sets them, so sending the resource again changes nothing."""
    back = [one.path for one in step.differences]
    is_by_policy = all(one.path.startswith("tags.") and one.desired is None for one in step.differences)
    if not session.sent[step.key] or step.action != "update" or not is_by_policy:
        return False
    if step.key not in session.told:
        session.told.add(step.key)
        kind, name = step.key
        session.say(f"{kind} {name}: {', '.join(back)} came back, as by a policy of Azure's; left as it is")
    return True


def _see_through(session: Session, moving: Any) -> None:
    """Wait for an operation that was begun before, by us or by somebody else."""
    if not session.wait:
        raise StillUnderWay(f"{moving.get('name')}: {IS_UNDER_WAY}")
    what, version = str(moving.get("name")), resources.api_version_of(moving)
    if state_of(moving).lower() == "deleting":
        # Until it is gone, or is back because its deletion failed.
        while in_motion(session.arm.get(str(moving["id"]), version, f"waiting for {what}")):
            session.say(f"{what}: Deleting")
            session.pause(2, what)
        return
    try:
        settle(session, str(moving["id"]), version, what)
    except AzureError as error:
        if error.code not in ("Failed", "Canceled"):
            raise
        session.say(f"{what}: {error.code}; it is sent again")


def _check_tries(step: Step, sent: Counter[tuple[str, str]]) -> None:
    kind, name = step.key
    if sent[step.key] >= TRIES:
        what = ", ".join(one.path for one in step.differences) or "it"
        raise ModelOpsError(
            f"{kind} {name}: Azure did not keep {what} after {TRIES} tries; `mops-azure plan` shows the difference"
        )


def _check_allowed(step: Step, allowed: dict[tuple[str, str], str]) -> None:
    kind, name = step.key
    repair = [one.path for one in step.differences] == ["properties.provisioningState"]
    if step.key not in allowed and not repair:
        raise UserError(
            f"{kind} {name} has changed since the plan was made; run the same command again to see the new plan"
        )
    if step.action == "replace" and allowed.get(step.key) != "replace":
        raise UserError(f"{kind} {name} would now be replaced; run the same command again to see the new plan")


def _do(session: Session, step: Step) -> Any | None:
    """The resource as Azure then shows it; None if everything must be read again to know."""
    kind, name = step.key
    resource = step.resource
    if step.action == "replace":
        session.say(f"{kind} {name}: deleting, to make it anew")
        remove(session, resource)
        return None  # the next round finds it gone, and creates it
    if step.action == "delete":
        session.say(f"{kind} {name}: deleting")
        remove(session, resource)
        return None
    session.say(f"{kind} {name}: {'creating' if step.action == 'create' else 'updating'}")
    reply = put(session, resource, step.body, is_new=step.action == "create")
    if reply is None:
        return None
    if resources.BY_NAME[kind].is_at_once:
        return reply.body
    if not session.wait:
        raise StillUnderWay(f"{kind} {name}: {IS_UNDER_WAY}")
    settled = settle(session, resource.id, resource.api_version, f"{kind} {name}", operation_url=reply.operation_url)
    return None if resources.BY_NAME[kind].is_in_parent else settled


def put(session: Session, resource: Resource, body: dict[str, Any], *, is_new: bool) -> Reply | None:
    """Send the resource. None if it was already sent, by somebody else or by us before the connection broke: the caller waits
    and reads it again."""
    doing = f"{'creating' if is_new else 'updating'} the {resource.kind} {resource.name}"
    kind = resources.BY_NAME[resource.kind]

    def send() -> Reply:
        return session.arm.put(resource.id, resource.api_version, body, doing, if_missing=is_new and kind.is_new_only)

    try:
        for_s = min(kind.patience_s, session.deadline - session.clock())
        return with_patience(send, kind.retried or FAULTS_OF_AZURE, for_s=for_s, sleep=session.sleep)
    except AzureError as error:
        if kind.there_already and error.code == kind.there_already:
            session.is_there[resource.id.lower()] = resource.body
            return None
        if recovered := kind.recovered and kind.recovered(body, error.text):
            session.say(f"{kind.name} {resource.name}: was deleted not long ago; it is recovered, with its secrets")
            return put(session, resource, recovered, is_new=is_new)
        if error.status not in (409, 412) or error.code not in BUSY:
            raise
        found = session.arm.get(resource.id, resource.api_version, doing)
        if found is None or (not in_motion(found) and error.status == 409):
            raise
        session.say(f"{resource.kind} {resource.name}: already under way; waiting for it")
        return None


def _leave_out(session: Session, step: Step, error: AzureError) -> None:
    kind, name = step.key
    session.denied[step.resource.id.lower()] = _denied_line(step, error)
    session.say(f"{kind} {name}: you may not; going on with the rest")


def _denied_line(step: Step, error: AzureError) -> str:
    """The missing right, and the command for somebody who has it."""
    resource = step.resource
    if ask_for := resources.BY_NAME[resource.kind].ask_for:
        return ask_for(resource)
    doing = "delete" if step.action in ("delete", "replace") else "write"
    needed = f"{resources.type_in(resource.id)}/{doing}"
    return str(error) if error.missing_right else f"{error} [it needs {needed}]"

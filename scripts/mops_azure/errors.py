"""Explains refusals of Azure in one line with a remedy. One table, for both shapes of ARM's errors."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from modelops_runtime.contracts.errors import ModelOpsError, UserError


class AzureError(ModelOpsError):
    """Azure refused or failed: `AzureError(doing, code, text, remedy, status, missing_right)`; a remedy is always there."""

    def __str__(self) -> str:
        doing, code, text, remedy, *_ = self.args
        return f"{doing}: {text} ({code}); {remedy}"

    @property
    def code(self) -> str:
        return self.args[1]

    @property
    def text(self) -> str:
        """What Azure says, in one line."""
        return self.args[2]

    @property
    def status(self) -> int:
        return self.args[4]

    @property
    def missing_right(self) -> str | None:
        """The action that Azure says the caller may not perform, such as `Microsoft.Network/virtualNetworks/write`;
        None if it names none. The remedy names it, too."""
        return self.args[5]

    @property
    def is_denied(self) -> bool:
        """The caller lacks a right to this one call; another call may be allowed."""
        return self.status == 403 and re.fullmatch(DENIED, self.code, re.IGNORECASE) is not None

    def is_absence_of(self, id_: str) -> bool:
        return is_absence(id_, self.status, {"code": self.code})


DENIED = "AuthorizationFailed|LinkedAuthorizationFailed|RoleAssignment.*Forbidden|Forbidden"


class NotAllowed(ModelOpsError):
    """Everything is done except what the caller has no right to; a line for each of those."""


class NotOurs(UserError):
    """A resource without our tags is where we would write or delete."""


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """The meaning of an error code, and of words in the message if the code is too general."""

    codes: str
    """A regular expression for the whole code."""
    remedy: str
    words: str = ""
    """A regular expression, found anywhere in the message."""


MEANINGS = (
    Meaning(
        codes="(ErrCode_)?InsufficientVCPUQuota|QuotaExceeded|.*QuotaExceeded|OperationNotAllowed|.*QuotaLimit",
        words="quota|exceed",
        remedy="lower min or max of the pools, pick another vm_size or location, or ask for more in the portal "
        "under Subscription > Usage + quotas (`mops-azure doctor` shows what is left)",
    ),
    Meaning(
        codes="QuotaExceeded|.*QuotaExceeded|.*QuotaLimit|PublicIPCountLimitReached",
        remedy="free some of it or ask for more in the portal under Subscription > Usage + quotas",
    ),
    Meaning(
        codes="SkuNotAvailable|.*VMSizeNot.*|VMSizeNotSupported|.*SkuNot.*|BadRequest|InvalidParameter|AvailabilityZoneNotSupported|ZonalAllocationFailed|AllocationFailed|OverconstrainedAllocationRequest",
        words="vm ?size|sku|allocation|zone",
        remedy="pick another vm_size, zones or location; `mops-azure doctor` lists what this subscription may use",
    ),
    Meaning(
        codes=".*K8sVersionNotSupported|K8sVersionNotSupported|.*OrchestratorVersion.*|BadRequest",
        words="version",
        remedy="set aks.version to one that the location offers, or leave it out (`mops-azure doctor` lists them)",
    ),
    Meaning(
        codes=".*K8sVersionNotSupported", remedy="set aks.version to one that the location offers, or leave it out"
    ),
    Meaning(
        codes="AlreadyInUse|NameNotAvailable|ServerNameAlreadyExists|VaultAlreadyExists|.*NameAlreadyTaken|DnsPrefixTaken|StorageAccountAlreadyTaken|AlreadyExists",
        remedy="the name is taken by somebody else; set another one in the provider config",
    ),
    Meaning(
        codes="RequestDisallowedByPolicy|.*DisallowedByPolicy|PolicyViolation",
        remedy="a policy of your organisation forbids it: follow what it names (often a tag or a location), or ask its owner",
    ),
    Meaning(
        codes="MissingSubscriptionRegistration|.*NotRegistered|SubscriptionNotRegistered",
        remedy="run `mops-azure doctor --register`, or let an owner of the subscription run it once",
    ),
    Meaning(
        codes="Throttled|TooManyRequests|SubscriptionRequestsThrottled|.*Throttl.*|429",
        remedy="Azure asks to go slower; wait a minute and run the same command again",
    ),
    Meaning(
        codes="ScopeLocked",
        remedy="a lock keeps it; `mops-azure delete --unlock` removes ours, another is its owner's to remove (`az lock list`)",
    ),
    Meaning(
        codes="ResourceGroupDeletion.*|DeletionFailed|ResourceDeletionFailed",
        remedy="delete what is named first, or what still uses it (`az resource list -g GROUP`), then run the same command again",
    ),
    Meaning(
        codes="PrincipalNotFound",
        remedy="Entra does not know the new identity yet; wait a minute and run the same command again",
    ),
    Meaning(
        codes="ServicePrincipalNotFound",
        remedy="check auth.client_id and tenant_id; a new service principal takes a minute to be known",
    ),
    Meaning(
        codes=DENIED,
        remedy="ask an owner of the subscription for the role that this needs (`mops-azure doctor` names it)",
    ),
    Meaning(
        codes="SubscriptionNotFound",
        remedy="there is no such subscription, or you may not see it: compare subscription_id with `az account list`",
    ),
    Meaning(
        codes="InvalidSubscriptionId",
        remedy="write subscription_id as `az account show --query id` says it",
    ),
    Meaning(
        codes="InvalidAuthenticationTokenTenant|.*TenantMismatch|TenantNotFound",
        remedy="subscription_id belongs to another tenant than tenant_id: write the one of `az account show --query tenantId`",
    ),
    Meaning(
        codes="InvalidAuthenticationToken|ExpiredAuthenticationToken|AuthenticationFailed|Unauthorized",
        remedy="sign in again: `az login --tenant TENANT`, or renew the service principal's secret",
    ),
    Meaning(codes="RoleAssignmentExists", remedy="it is there already; nothing to do"),
    Meaning(
        codes="ServerIsBusy|OperationNotAllowed|.*InProgress|Conflict|EtagMismatch|AnotherOperationInProgress|OperationPreempted",
        remedy="another change is under way; wait until `mops-azure status` shows Succeeded and run the same command again",
    ),
    Meaning(
        codes="ResourceGroupBeingDeleted",
        remedy="the group is just being deleted; wait until `mops-azure status` no longer shows it, then run it again",
    ),
    Meaning(
        codes="ResourceGroupNotFound|ResourceNotFound|NotFound",
        remedy="it is not there (any more); `mops-azure plan` shows what is missing",
    ),
    Meaning(
        codes="SystemPoolHasRestrictedTaint",
        remedy="take the taints off the system pool; put them on a workload pool",
    ),
    Meaning(
        codes="CreatesNotAllowed|.*Deprecated|.*Retired",
        remedy="Azure no longer makes these; update modelops",
    ),
    Meaning(
        codes="FailedIdentityOperation|GetVnetError|.*InternalError|InternalServerError|InternalExecutionError|ServiceUnavailable|ServerTimeout|"
        "BadGateway.*|GatewayTimeout|ServerBusy|5\\d\\d",
        remedy="a fault inside Azure; run the same command again, it goes on where it stopped",
    ),
    Meaning(
        codes="Canceled|OperationCanceled",
        remedy="somebody or something cancelled it; run the same command again",
    ),
    Meaning(
        codes=".*",
        remedy="`mops-azure doctor` checks what is commonly wrong; running the same command again is always safe",
    ),
)


def meaning_of(code: str, message: str) -> Meaning:
    """The first of MEANINGS whose code and words match."""
    return next(
        one
        for one in MEANINGS
        if re.fullmatch(one.codes, code, re.IGNORECASE)
        and (not one.words or re.search(one.words, message, re.IGNORECASE))
    )


def from_reply(doing: str, status: int, body: Any) -> AzureError:
    """The error of a reply or a failed operation; `body` is parsed JSON, text or None."""
    code, message, _ = refusal_of(status, body)
    right = missing_right(message)
    if right is None:
        return AzureError(doing, code, one_line(message), meaning_of(code, message).remedy, status, None)
    return AzureError(
        doing, code, one_line(message, 200), right.remedy, status, right.action
    )  # the remedy says the rest


ROLES = {
    "microsoft.authorization/roleassignments/": "Role Based Access Control Administrator",
    "microsoft.authorization/": "Owner",
    "microsoft.network/": "Network Contributor",
}
"""Begin of an action in lower case -> the least role that holds it; all others: Contributor."""


def role_for(action: str) -> str:
    return next((role for head, role in ROLES.items() if action.lower().startswith(head)), "Contributor")


class MissingRight(NamedTuple):
    """A right that the caller lacks, and what to ask an owner for."""

    action: str
    remedy: str


def missing_right(message: str) -> MissingRight | None:
    """From Azure's "does not have authorization to perform action 'A' over scope 'S'"; None for any other message."""
    found = re.search(
        r"does not have (?:authorization|permission) to perform action(?:\(s\))? '([^']+)'"
        r"(?: (?:over|on)(?: the)?(?: linked)? scope(?:\(s\))? '([^']+)')?",
        message,
        re.IGNORECASE,
    )
    if found is None:
        return None
    action, scope = found[1], found[2]
    if scope is None:
        remedy = f"ask an owner of the subscription for the right to {action} (`mops-azure doctor` names its role)"
        return MissingRight(action, remedy)
    # A role is given on what holds the assignment.
    scope = scope.partition("/providers/Microsoft.Authorization/")[0] or scope
    who = re.search(r"object id '([^']+)'", message)
    return MissingRight(
        action,
        f"ask an owner of it for the right to {action}: az role assignment create --assignee {who[1] if who else 'YOU'} "
        f'--role "{role_for(action)}" --scope {scope}',
    )


ABSENT = ("resourcenotfound", "resourcegroupnotfound")
"""Codes in lower case that mean "not found". Azure also answers 404 for a wrong subscription."""

NOT_ITS_OWN = "subscription|tenant|provider|parent|resourcetype|apiversion"
"""Words of a code which show that something other than the resource itself was not found."""


def is_absence(id_: str, status: int, body: Any) -> bool:
    """Whether a refusal means that the resource does not exist. Children and locks have other codes, such as LockNotFound."""
    if status != 404:
        return False
    code = refusal_of(status, body).code.lower()
    if code in ABSENT:
        return True
    from_aks = isinstance(body, Mapping) and str(body.get("subcode")).lower().endswith("_notfound")
    _, *providers = id_.lower().split("/providers/")
    is_child = any(one.startswith("microsoft.authorization/") or one.count("/") > 2 for one in providers)
    of_a_child = is_child and code.endswith("notfound") and not re.match(NOT_ITS_OWN, code)
    return of_a_child or (code == "notfound" and from_aks)


class Refusal(NamedTuple):
    """What an answer of Azure says about why it refused."""

    code: str
    message: str
    has_reason: bool = True
    """Whether the message is Azure's; else it is ours, since Azure gave neither code nor message."""


def refusal_of(status: int, body: Any) -> Refusal:
    """From `{"error": {code, message}}`, from AKS' bare `{code, message, details}`, or from anything else."""
    if isinstance(body, str | bytes):
        try:
            body = json.loads(body)
        except ValueError:
            body = None
    error = body.get("error", body) if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping) or not error.get("code"):
        return Refusal(str(status), f"Azure answered {status} without saying why", has_reason=False)
    code, message = str(error["code"]), str(error.get("message") or "")
    details = error.get("details")
    inner = next((one for one in details if isinstance(one, Mapping)), {}) if isinstance(details, list) else {}
    if inner.get("code") and (code in ("Conflict", "BadRequest", "DeploymentFailed") or not message):
        code, message = str(inner["code"]), str(inner.get("message") or message)
    if code.lower().startswith("resourcegroupdeletion") and isinstance(details, list):
        message = _refusals(details) or message
    return Refusal(code, message or code)


def _refusals(details: list[Any]) -> str:
    """Each resource that stayed in a group that was not deleted, and why."""
    found = []
    for one in details:
        target = str(one.get("target") or "") if isinstance(one, Mapping) else ""
        if target:
            name = target.rpartition("/providers/")[2]
            why = refusal_of(0, one.get("message"))
            found.append(f"{name}: {why.message if why.has_reason else str(one.get('message') or 'it stayed')}")
    return "; ".join(found)


def one_line(text: str, limit: int = 300) -> str:
    """Words in one line, no links and no correlation ids; cut at `limit` letters."""
    text = re.sub(r"https?://\S+", "", text)
    text = re.sub(
        r"(?i)(please )?(see|visit|for more details,? (please )?go to)\s*(for more.*|to .*)?$", "", text.strip()
    )
    text = re.sub(r"(?i)correlation ?id:? ?[0-9a-f-]+", "", text)
    text = " ".join(text.split()).rstrip(" .,;:")
    return text if len(text) <= limit else f"{text[: limit - 1]}…"

"""Explains errors of Helm and Kubernetes in one line: what happened, and what to try next."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from modelops_runtime.contracts.errors import ModelOpsError, UserError

if TYPE_CHECKING:
    from kubernetes.client import ApiException


class _Actionable(Exception):
    """One line of two parts: what happened, and what to try next."""

    @property
    def what(self) -> str:
        return str(self.args[0])

    def __str__(self) -> str:
        return "; ".join(str(part) for part in self.args if part)


class ClusterError(_Actionable, ModelOpsError):
    """The cluster refused or failed: `ClusterError(what happened, what to try next)`."""


class Forbidden(ClusterError):
    """The cluster knows the user, who lacks the right."""


class NotOnCluster(_Actionable, UserError):
    """Something that a command names does not exist: `NotOnCluster(what, what to try next)`."""


class WrongValues(_Actionable, UserError):
    """A chart refuses the user's values: `WrongValues(what, what to correct)`."""


DOCTOR = "`mops doctor` looks for the cause"

_CORRECT = "correct the spec, or --values"
"""What to try next if the mistake is the user's."""

_UNREACHABLE = r"(?is)cluster unreachable|connection refused|no such host|i/o timeout|connection reset|TLS handshake"


class Explanation(NamedTuple):
    """The meaning of an error, each part on one line."""

    what: str
    next_step: str
    is_users_mistake: bool = False
    """The user's values are at fault."""


class _Meaning(NamedTuple):
    pattern: str
    what: str
    next_step: str
    is_users_mistake: bool = False
    is_forbidden: bool = False
    """The API server itself says so, with its status 403: it has that one status for a missing right and for a quota."""


_HELM: tuple[_Meaning, ...] = (
    _Meaning(_UNREACHABLE, "the cluster does not answer", DOCTOR),
    _Meaning(r"(?s)(?:user|User) \"(?P<a>[^\"]+)\" cannot (?P<b>\w+) resource \"(?P<c>[^\"]+)\"",
     "{a} may not {b} {c} there", "ask for the rights in docs/cluster.md, or give a --namespace where you have them",
     is_forbidden=True),
    _Meaning(r"(?i)unauthorized|provide credentials|expired", "the cluster does not take your credentials", "sign in again"),
    _Meaning(r"another operation .* is in progress", "another helm is at work on it", "the same command again, in a minute"),
    _Meaning(r"(?s)execution error at \([^)]*\):\s*(?P<a>.+?)\s*(?:Use --debug.*)?$", "{a}", _CORRECT, is_users_mistake=True),
    _Meaning(r"(?s)don't meet the specifications of the schema\(s\) in the following chart\(s\):\s*(?P<a>.+)",
     "the chart does not take these values: {a}", _CORRECT, is_users_mistake=True),
    _Meaning(r"(?s)(?P<a>\w+) \"(?P<b>[^\"]+)\" in namespace \"(?P<c>[^\"]+)\" exists and cannot be imported",
     "{a} {b} is there already, and is not this release's", "give another --namespace, or remove it"),
    _Meaning(r"(?s)applying object (?P<a>\S+) .*?conflict with \"(?P<b>[^\"]+)\".*?: (?P<c>\.\S+)",
     "{c} of {a} was changed by {b}", "`helm upgrade --reuse-values --force-conflicts` takes it back, once"),
    _Meaning(r"(?s)exceeded quota: (?P<a>[^,]+)", "the namespace's quota {a} is used up", "ask for more, or for fewer workers",
     is_forbidden=True),
    _Meaning(r"(?s)namespaces \"(?P<a>[^\"]+)\" not found", "there is no namespace {a}", "`up` makes it"),
    _Meaning(r"(?i)kubernetes version|kubeVersion", "the chart is not for this version of Kubernetes", DOCTOR),
    _Meaning(r"(?i)timed out|deadline exceeded", "the cluster took too long",
     "give a longer --timeout, or run the same command again"),
)  # fmt: skip
"""Pattern in Helm's stderr -> what it means, what to try; {a} {b} {c} are what the pattern caught."""


def explain_helm(stderr: str) -> Explanation:
    if found := _explained(stderr.replace('\\"', '"'), _HELM):  # as --debug quotes the API's answer
        return found
    last = next((line for line in reversed(stderr.splitlines()) if line.strip()), "helm says nothing")
    return Explanation(_one_line(last).removeprefix("Error: "), DOCTOR)


def _explained(text: str, meanings: Iterable[_Meaning]) -> Explanation | None:
    """By the first of `meanings` whose pattern is in `text`."""
    for meaning in meanings:
        if found := re.search(meaning.pattern, text):
            groups = {name: _one_line(caught or "") for name, caught in found.groupdict().items()}
            what, next_step = meaning.what.format(**groups), meaning.next_step.format(**groups)
            return Explanation(what, next_step, meaning.is_users_mistake)
    return None


_STATUS = {
    401: ("the cluster does not take your credentials", "sign in again"),
    404: ("it is not there", "`mops workspace ls` and `mops adaptive status` list what is"),
    409: ("something else changed it at the same time", "run the same command again"),
    429: ("the cluster is too busy", "run the same command again in a minute"),
}


def explain_api(error: ApiException) -> Explanation:
    """Of an answer of the Kubernetes API."""
    message = _message(error)
    if error.status == 403:
        forbidden = (meaning for meaning in _HELM if meaning.is_forbidden)
        return _explained(message, forbidden) or Explanation(message, DOCTOR)
    what, next_step = _STATUS.get(error.status or 0, (message, DOCTOR))
    return Explanation(f"{what}: {message}" if error.status in (404, 409) and message else what, next_step)


def _message(error: ApiException) -> str:
    import json

    try:
        return _one_line(json.loads(error.body or "")["message"])
    except (ValueError, KeyError, TypeError):
        return _one_line(str(error.reason or error.status))


def _one_line(text: str) -> str:
    return " ".join(text.split())


@contextmanager
def translated_errors(action: str) -> Iterator[None]:
    """Turns errors of Helm and Kubernetes inside the block into ours; `action` is what was tried: `making namespace x`."""
    import pyhelm3.errors
    from kubernetes.client import ApiException
    from kubernetes.config import ConfigException
    from urllib3.exceptions import HTTPError
    from websocket import WebSocketException

    try:
        yield
    except pyhelm3.errors.Error as error:
        means = explain_helm(error.stderr.decode(errors="replace"))
        kind = WrongValues if means.is_users_mistake else ClusterError
        raise kind(f"{action}: {means.what}", means.next_step) from error
    except ApiException as error:
        answer = _handshake(error)
        means = explain_api(answer)
        kind = Forbidden if answer.status == 403 else ClusterError
        raise kind(f"{action}: {means.what}", means.next_step) from error
    except ConfigException as error:
        raise UserError(f"{_one_line(str(error))}; set KUBECONFIG, or give --kubeconfig and --context") from error
    except WebSocketException as error:
        raise ClusterError(f"{action}: {_refusal(error)}", DOCTOR) from error
    except (HTTPError, ConnectionError) as error:
        raise ClusterError(f"{action}: the cluster does not answer ({_cause(error)})", DOCTOR) from error


def _handshake(error: ApiException) -> ApiException:
    """The answer to a refused port-forward, which the client hides in its reason; any other error unchanged."""
    from kubernetes.client import ApiException

    found = re.search(r"(?s)Handshake status (\d+).*-\+-\+- (?:b')?(\{.*\})", str(error.reason))
    if error.status or found is None:
        return error
    answer = ApiException(status=int(found[1]))
    answer.body = found[2]
    return answer


def _refusal(error: BaseException) -> str:
    """The API server's answer to a port-forward, at the end of a line of headers."""
    return _one_line(str(error).rpartition("-+-+-")[2])[:200]


def _cause(error: BaseException) -> str:
    reason = getattr(error, "reason", None)
    return _one_line(str(reason or error)).rpartition("> ")[2][:200]


@contextmanager
def naming_files(files: tuple[Path, ...]) -> Iterator[None]:
    """A chart's refusal of its values inside the block names the --values files that may hold the mistake."""
    try:
        yield
    except WrongValues as error:
        if not files:
            raise
        raise WrongValues(error.what, f"correct the spec, or {' or '.join(map(str, files))}") from error

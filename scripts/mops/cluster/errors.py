"""What Helm and Kubernetes say, as one line with the next command to try."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from modelops_runtime.contracts.errors import ModelOpsError, UserError

if TYPE_CHECKING:
    from kubernetes.client import ApiException


class _WhatAndThen(Exception):
    """One line of its parts: what happened, what to try next."""

    def __str__(self) -> str:
        return "; ".join(str(part) for part in self.args if part)


class ClusterError(_WhatAndThen, ModelOpsError):
    """The cluster refused or failed: `ClusterError(what happened, what to try next)`."""


class Forbidden(ClusterError):
    """The cluster knows who asks, and does not let them."""


class NotOnCluster(_WhatAndThen, UserError):
    """What a command names is not there: `NotOnCluster(what, what to try next)`."""


class WrongValues(_WhatAndThen, UserError):
    """A chart does not take what the user gave: `WrongValues(what, what to correct)`."""


DOCTOR = "`mops doctor` looks for the cause"

_CORRECT = "correct the spec, or --values"
"""What to try next where the mistake is the user's."""

_UNREACHABLE = r"(?is)cluster unreachable|connection refused|no such host|i/o timeout|connection reset|TLS handshake"

_HELM: tuple[tuple[str, str, str], ...] = (
    (_UNREACHABLE, "the cluster does not answer", DOCTOR),
    (r"(?s)(?:user|User) \"(?P<a>[^\"]+)\" cannot (?P<b>\w+) resource \"(?P<c>[^\"]+)\"",
     "{a} may not {b} {c} there", "ask for the rights in docs/cluster.md, or give a --namespace where you have them"),
    (r"(?i)unauthorized|provide credentials|expired", "the cluster does not take your credentials", "sign in again"),
    (r"another operation .* is in progress", "another helm is at work on it", "the same command again, in a minute"),
    (r"(?s)execution error at \([^)]*\):\s*(?P<a>.+?)\s*(?:Use --debug.*)?$", "{a}", _CORRECT),
    (r"(?s)don't meet the specifications of the schema\(s\) in the following chart\(s\):\s*(?P<a>.+)",
     "the chart does not take these values: {a}", _CORRECT),
    (r"(?s)(?P<a>\w+) \"(?P<b>[^\"]+)\" in namespace \"(?P<c>[^\"]+)\" exists and cannot be imported",
     "{a} {b} is there already, and is not this release's", "give another --namespace, or remove it"),
    (r"(?s)applying object (?P<a>\S+) .*?conflict with \"(?P<b>[^\"]+)\".*?: (?P<c>\.\S+)",
     "{c} of {a} was changed by {b}", "`helm upgrade --reuse-values --force-conflicts` takes it back, once"),
    (r"(?s)exceeded quota: (?P<a>[^,]+)", "the namespace's quota {a} is used up", "ask for more, or for fewer workers"),
    (r"(?s)namespaces \"(?P<a>[^\"]+)\" not found", "there is no namespace {a}", "`up` makes it"),
    (r"(?i)kubernetes version|kubeVersion", "the chart is not for this version of Kubernetes", DOCTOR),
    (r"(?i)timed out|deadline exceeded", "the cluster took too long", "give a longer --timeout, or run the same command again"),
)  # fmt: skip
"""Pattern in Helm's stderr -> what it means, what to try; {a} {b} {c} are what the pattern caught."""


def helm_meaning(stderr: str) -> tuple[str, str]:
    """(what happened, what to try next), each on one line."""
    plain = stderr.replace('\\"', '"')  # as --debug quotes what the API said
    for pattern, what, then in _HELM:
        if found := re.search(pattern, plain):
            caught = {name: _one_line(text or "") for name, text in found.groupdict().items()}
            return what.format(**caught), then.format(**caught)
    last = next((line for line in reversed(stderr.splitlines()) if line.strip()), "helm says nothing")
    return _one_line(last).removeprefix("Error: "), DOCTOR


_STATUS = {
    401: ("the cluster does not take your credentials", "sign in again"),
    404: ("it is not there", "`mops workspace ls` and `mops adaptive status` list what is"),
    409: ("something else changed it at the same time", "run the same command again"),
    429: ("the cluster is too busy", "run the same command again in a minute"),
}


def api_meaning(error: ApiException) -> tuple[str, str]:
    """(what happened, what to try next) of an answer of the Kubernetes API."""
    message = _message(error)
    if error.status == 403:
        return helm_meaning(message) if "cannot" in message or "quota" in message else (message, DOCTOR)
    what, then = _STATUS.get(error.status or 0, (message, DOCTOR))
    return (f"{what}: {message}" if error.status in (404, 409) and message else what), then


def _message(error: ApiException) -> str:
    import json

    try:
        return _one_line(json.loads(error.body or "")["message"])
    except (ValueError, KeyError, TypeError):
        return _one_line(str(error.reason or error.status))


def _one_line(text: str) -> str:
    return " ".join(text.split())


@contextmanager
def said_plainly(doing: str) -> Iterator[None]:
    """Errors of Helm and Kubernetes inside the block leave it as ours; `doing` is what was tried: `making namespace x`."""
    import pyhelm3.errors
    from kubernetes.client import ApiException
    from kubernetes.config import ConfigException
    from urllib3.exceptions import HTTPError
    from websocket import WebSocketException

    try:
        yield
    except pyhelm3.errors.Error as error:
        what, then = helm_meaning(error.stderr.decode(errors="replace"))
        raise (WrongValues if then == _CORRECT else ClusterError)(f"{doing}: {what}", then) from error
    except ApiException as error:
        answer = _handshake(error)
        what, then = api_meaning(answer)
        raise (Forbidden if answer.status == 403 else ClusterError)(f"{doing}: {what}", then) from error
    except ConfigException as error:
        raise UserError(f"{_one_line(str(error))}; set KUBECONFIG, or give --kubeconfig and --context") from error
    except WebSocketException as error:
        raise ClusterError(f"{doing}: {_refusal(error)}", DOCTOR) from error
    except (HTTPError, ConnectionError) as error:
        raise ClusterError(f"{doing}: the cluster does not answer ({_cause(error)})", DOCTOR) from error


def _handshake(error: ApiException) -> ApiException:
    """A refused port-forward's answer, which the client hides in its reason; any other error as it is."""
    from kubernetes.client import ApiException

    found = re.search(r"(?s)Handshake status (\d+).*-\+-\+- (?:b')?(\{.*\})", str(error.reason))
    if error.status or found is None:
        return error
    answer = ApiException(status=int(found[1]))
    answer.body = found[2]
    return answer


def _refusal(error: BaseException) -> str:
    """What the API server said to a port-forward: the text is at the end of a line of headers."""
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
        raise WrongValues(error.args[0], f"correct the spec, or {' or '.join(map(str, files))}") from error

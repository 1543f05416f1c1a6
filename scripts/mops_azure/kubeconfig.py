"""Kubeconfigs: renamed to our context, merged with existing ones, readable by the owner only."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from modelops_runtime.contracts.errors import UserError
from modelops_runtime.contracts.private_files import make_folder
from mops_azure.kubeconfig_text import CannotSplice, block, same_but, spliced
from mops_azure.settings import AuthSpec

KINDS = {"clusters": "cluster", "users": "user", "contexts": "context"}
"""A kubeconfig's lists -> the key of each entry beside its name."""


def renamed(text: str, name: str) -> dict[str, Any]:
    """The one cluster, user and context of `text`, all called `name`."""
    found = YAML(typ="safe").load(text)
    cluster, user = deepcopy(found["clusters"][0]["cluster"]), deepcopy(found["users"][0]["user"])
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }


LOGINS = {
    "use_azure_cli": "azurecli",
    "service_principal": "spn",
    "workload_identity": "workloadidentity",
    "managed_identity": "msi",
}
"""Our sign-in methods -> kubelogin's; it reads a service principal's secret from AZURE_CLIENT_SECRET."""


def signing_in(text: str, auth: AuthSpec) -> str:
    """The kubeconfig of a cluster with Entra sign-in runs a program that signs in through a browser; here it gets the arguments
    to sign in as `auth` says. Any other kubeconfig stays as it is. Pure."""
    found = YAML(typ="safe").load(text)
    programs = [one["user"]["exec"] for one in found["users"] if "exec" in one["user"]]
    if not programs:
        return text
    for program in programs:
        args = list(program.get("args") or [])
        program["args"] = _with_option(args, "--login", LOGINS[auth.method])
        if auth.client_id:
            program["args"] = _with_option(program["args"], "--client-id", auth.client_id)
    return dumped(found)


def _with_option(args: list[str], name: str, value: str) -> list[str]:
    at = args.index(name) if name in args else len(args)
    return [*args[:at], name, value, *args[at + 2 :]]


def missing_program(text: str) -> str | None:
    """The sign-in program that the kubeconfig names, if it is not on PATH; else None."""
    users = YAML(typ="safe").load(text)["users"]
    programs = [str(one["user"]["exec"]["command"]) for one in users if "exec" in one["user"]]
    return next((program for program in programs if shutil.which(program) is None), None)


def merge(existing: dict[str, Any], ours: dict[str, Any], *, overwrite: bool) -> dict[str, Any]:
    """`ours` merged into `existing`. Raises UserError if our name belongs to another cluster, unless `overwrite`."""
    name = ours["current-context"]
    result: dict[str, Any] = deepcopy(existing) if existing else {"apiVersion": "v1", "kind": "Config"}
    foreign = _foreign(result, ours)
    if foreign and not overwrite:
        raise UserError(f"the kubeconfig already has {foreign}; say --overwrite to replace it")
    for kind in KINDS:
        there, (own,) = result.get(kind) or [], ours[kind]
        at = next((at for at, one in enumerate(there) if one.get("name") == name), len(there))
        result[kind] = [*there[:at], own, *(one for one in there[at:] if one.get("name") != name)]
    if not result.get("current-context"):
        result["current-context"] = name
    return result


def merged_text(text: str, ours: dict[str, Any], *, overwrite: bool, use: bool) -> str:
    """The text of a kubeconfig with `ours` in it, as the current context if `use`. Every other byte stays.

    Raises UserError for a text that is no kubeconfig, as `merge` does, and where `ours` cannot be inserted without other changes.
    """
    existing = parsed(text)
    wanted = merge(existing, ours, overwrite=overwrite)
    if use:
        wanted["current-context"] = ours["current-context"]
    if wanted == existing:
        return text
    own = {
        key: ours[key][0] if key in KINDS else value
        for key, value in wanted.items()
        if key in KINDS or existing.get(key) != value
    }
    for at_end in (True, False):
        try:
            found = spliced(text, existing, own, at_end=at_end)
            if _ours_last(parsed(found), own) == _ours_last(wanted, own) and same_but(text, found, own):
                return found
        except (CannotSplice, UserError):
            continue
    raise UserError(
        "it is written so that nothing can be added without a change to the rest; it was left alone, use --file"
    )


def _ours_last(content: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    return {**content, **{kind: sorted(content.get(kind) or [], key=lambda one: one == own[kind]) for kind in KINDS}}


def _foreign(existing: dict[str, Any], ours: dict[str, Any]) -> str | None:
    """Which entry with our name belongs to another cluster: `a context NAME of another cluster`; None if there is none."""
    name = ours["current-context"]
    clusters, users, contexts = (
        [one.get(part, {}) for one in existing.get(kind) or [] if one.get("name") == name]
        for kind, part in KINDS.items()
    )
    server = ours["clusters"][0]["cluster"]["server"]
    if any(cluster.get("server") != server for cluster in clusters):
        return f"a cluster {name} at another address"
    if any(context.get("cluster") != name for context in contexts):
        return f"a context {name} of another cluster"
    if not clusters and any(user != ours["users"][0]["user"] for user in users):
        return f"a user {name} of another cluster"
    return None


def parsed(text: str) -> dict[str, Any]:
    """The content; {} if the text is empty. Raises UserError for what is no kubeconfig."""
    try:
        found = YAML(typ="safe", pure=True).load(text)
        json.dumps(found, default=str, skipkeys=True)  # a ValueError for a node that contains itself
    except (YAMLError, ValueError, RecursionError) as error:  # a ValueError for an impossible date
        raise _no_kubeconfig(str(error).splitlines()[0]) from None
    if found is None:
        return {}
    wrong = _wrong_part(found)
    if wrong:
        raise _no_kubeconfig(wrong)
    return found


def _no_kubeconfig(why: str) -> UserError:
    return UserError(f"this is no kubeconfig ({why}); it was left alone")


def merge_into(path: Path, ours: dict[str, Any], *, overwrite: bool, use: bool) -> None:
    """Replaces a file by its `merged_text`, in one step and with mode 0600, while holding the lock that kubectl uses too.

    Raises UserError; the file is then unchanged.
    """
    with _locked(path):
        content = _content(path)
        try:
            text = merged_text(content.decode("utf-8"), ours, overwrite=overwrite, use=use)
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: {_no_kubeconfig(str(error))}") from None
        except UserError as error:
            raise UserError(f"{path}: {error}") from None
        if _content(path) != content:
            raise UserError(f"{path}: another program has just changed it; it was left alone, run this again")
        write_private(path, text)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except IsADirectoryError:
        raise UserError(f"{path}: this is a folder; name a file") from None
    except OSError as error:
        raise UserError(f"{path}: it cannot be read ({error.strerror}); name a file that you may read") from None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = Path(f"{path}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise UserError(f"{path}: it cannot be written ({error.strerror}); name another file") from None
    try:
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL, 0))
    except FileExistsError:
        raise UserError(f"{path}: another program is writing it; if there is none, delete {lock}") from None
    except OSError as error:
        raise UserError(f"{path}: it cannot be written ({error.strerror}); name another file") from None
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _wrong_part(found: Any) -> str | None:
    if not isinstance(found, dict):
        return "it holds no mapping"
    for kind, part in KINDS.items():
        entries = [] if found.get(kind) is None else found[kind]
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            return f"{kind} is no list of mappings"
        if not all(isinstance(one.get(part, {}), dict) for one in entries):
            return f"{kind} has one whose {part} is no mapping"
    return None


def dumped(content: dict[str, Any]) -> str:
    """YAML with every string in quotes, so that readers of YAML 1.1 and 1.2 agree."""
    return "".join(f"{line}\n" for line in block(content))


def write_private(path: Path, text: str) -> None:
    """Writes a file in one step, with mode 0600 from its first byte; follows a link. Raises UserError if it cannot."""
    try:
        if path.is_dir():
            raise UserError(f"{path}: this is a folder; name a file")
        if path.exists() and not path.is_file():  # a pipe, or /dev/stdout: it has no file mode to protect
            path.write_text(text, encoding="utf-8")
        else:
            _replace(path.resolve(), text)
    except (OSError, RuntimeError) as error:  # a RuntimeError for a link that leads to itself
        reason = error.strerror if isinstance(error, OSError) else "it is a link to itself"
        raise UserError(f"{path}: it cannot be written ({reason}); name another file") from None


def _replace(path: Path, text: str) -> None:
    make_folder(path.parent, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp: mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise

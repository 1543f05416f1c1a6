"""Refuse to send files that look like secrets or lie outside the folder, unless they are allowed by name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from modelops_runtime.bundles.archive import File, readable
from modelops_runtime.bundles.ignoring import Rule, is_ignored, rules_of
from modelops_runtime.contracts.errors import UserError

INCLUDE_FILE = ".mopsinclude"
"""A file in the folder of the model with patterns, as in .gitignore, of files that are sent although they look like secrets."""

SECRETS = (
    ".aws/", ".azure/", ".kube/", ".ssh/", ".gnupg/", ".docker/", ".config/gcloud/", ".config/gh/", ".config/rclone/",
    ".netrc", "_netrc", ".pgpass", "pgpass.conf", ".my.cnf", ".mylogin.cnf", ".htpasswd", ".dockercfg", ".dockerconfigjson",
    ".pypirc", ".npmrc", ".git-credentials", ".Renviron", ".envrc", ".vault-token", ".vault_pass*", "secring.*",
    ".databrickscfg", ".s3cfg", ".boto", ".cdsapirc", ".ecmwfapirc", "kaggle.json", "rclone.conf", "kubeconfig", "*.kubeconfig",
    "id_rsa", "id_dsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk", "*.ppk", "*.pem", "*.key", "*.p12", "*.pfx",
    "*.jks", "*.keystore", "*.kdb", "*.kdbx", "credentials", "credentials.json", "client_secret*.json", "service-account*.json",
    "service_account*.json", "application_default_credentials.json", "secrets.json", "secrets.toml", "secrets.yaml",
    "secrets.yml", "*.tfstate", "*.tfstate.backup", "*.tfvars",
)  # fmt: skip
"""Patterns as in .gitignore; case does not matter."""

_SIGNS = (b"PRIVATE KEY", b"aws_secret_access_key", b"AccountKey=")
_WRITTEN = re.compile(
    rb"^[\"']?-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    rb"|\"private_key\"\s*:\s*\"-----BEGIN "
    rb"|aws_secret_access_key[\"']?\s*[=:]\s*[\"']?[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])"
    rb"|AccountKey=[A-Za-z0-9/+]{80,}={0,2}",
    re.MULTILINE,
)
_LOOKED_INTO = 2**20
"""Bytes of the largest file whose content is checked."""
_NAMED = 20


def is_named_as_secret(name: str) -> bool:
    """Whether a file with that path from the root usually holds a secret."""
    return _is_one_of(name.lower(), _names())


def refuse_unsendable(root: Path, files: Iterable[File], where: str) -> None:
    """Raises UserError that names every file that looks like a secret or is behind a link out of `root`, and is not allowed."""
    allowed = _allowed(root)
    found: dict[str, str] = {}
    for file in files:
        if _is_one_of(file.name, allowed):
            continue
        if file.link:
            found[file.link] = f"{file.link} (a link to {os.path.realpath(root / file.link)})"
        elif is_named_as_secret(file.name) or _holds_one(file):
            found[file.name] = f"{file.name} (looks like a secret)"
    if not found:
        return
    named = list(found.values())[:_NAMED]
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    raise UserError(
        f"{root}: {', '.join(named)}{more} would be sent to {where}; "
        f"list what the model does not need in .mopsignore, and what is to be sent in {INCLUDE_FILE}"
    )


def _allowed(root: Path) -> list[Rule]:
    file = root / INCLUDE_FILE
    if not file.is_file():
        return []
    with readable(file):
        return rules_of(file.read_text("utf-8", errors="replace").splitlines())


@lru_cache(maxsize=1)
def _names() -> list[Rule]:
    return rules_of(pattern.lower() for pattern in SECRETS)


def _is_one_of(name: str, rules: list[Rule]) -> bool:
    """Whether a file, or a folder that it is in, is named by the rules."""
    parts = name.split("/")
    folders = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
    return any(is_ignored(folder, rules, is_folder=True) for folder in folders) or is_ignored(
        name, rules, is_folder=False
    )


def _holds_one(file: File) -> bool:
    """Whether the content of a small file looks like a secret."""
    if file.size > _LOOKED_INTO:
        return False
    with readable(file.path):
        content = file.path.read_bytes()
    return any(sign in content for sign in _SIGNS) and _WRITTEN.search(content) is not None

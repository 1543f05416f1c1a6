"""The public key of the nodes' administrator."""

from __future__ import annotations

import os
from pathlib import Path

from modelops_runtime.contracts.errors import UserError
from mops_azure.settings import SshSpec


def given_key(ssh: SshSpec) -> str | None:
    """The key that the config names; None for an ephemeral one."""
    if ssh.source == "ephemeral":
        return None
    if ssh.source == "path":
        file = Path(ssh.path or "").expanduser()
        if not file.is_file():
            raise UserError(f"ssh.path: there is no file {file}; `ssh-keygen` makes one, or write ssh: ephemeral")
        key, where = file.read_text(errors="replace").strip(), f"ssh.path: {file}"
    else:
        key, where = os.environ.get(ssh.variable or "", "").strip(), f"ssh.variable: {ssh.variable}"
    if not key.startswith(("ssh-", "ecdsa-")):
        raise UserError(f"{where} holds no public key; give the .pub half, never the private one")
    return key


def ephemeral_key() -> str:
    """A new public key; its private half is never written, so nobody can use it: nodes are reached by kubectl debug."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    return f"{key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()} modelops-ephemeral"

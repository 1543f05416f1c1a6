"""Names in a cluster, derived from the user's names. Pure."""

from __future__ import annotations

import re
from hashlib import blake2b

DEFAULT_WORKSPACE = "modelops"
LONGEST = 40
"""The longest release name, so that derived names stay DNS labels."""

_HASH = 8


def slug(name: str) -> str:
    """`name` as the name of a release or a part of a namespace's: a-z, 0-9 and -, a letter first, at most LONGEST letters.

    A valid name is unchanged; any other gets a hash appended, so that two names never become one.
    """
    if re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", name) and len(name) <= LONGEST:
        return name
    safe = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    safe = safe if safe[:1].isalpha() else f"r-{safe}"
    digest = blake2b(name.encode(), digest_size=_HASH // 2).hexdigest()
    return f"{safe[: LONGEST - _HASH - 1].rstrip('-')}-{digest}"


def workspace_namespace(name: str) -> str:
    """The default namespace of the workspace called `name`."""
    return DEFAULT_WORKSPACE if name == DEFAULT_WORKSPACE else f"modelops-ws-{slug(name)}"


def run_namespace(run_id: str) -> str:
    """The default namespace of a run."""
    return f"modelops-run-{slug(run_id)}"

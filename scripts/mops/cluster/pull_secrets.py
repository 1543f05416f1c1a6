"""The image registry's credentials: from an existing Secret, a file or a variable; never from a spec."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from modelops_runtime.contracts.errors import UserError
from mops.cluster.access import Kube

NAME = "modelops-pull"
VARIABLE = "MOPS_PULL_SECRET"


@dataclass(frozen=True)
class PullSecret:
    """By name, by file, or (neither) by the variable, if it is set."""

    name: str | None
    file: Path | None

    def content(self) -> bytes | None:
        """The docker config for the Secret. Raises UserError if it is not one."""
        if self.name and self.file:
            raise UserError("--pull-secret and --pull-secret-file are both given; keep one")
        if self.name:
            return None
        given, where = os.environ.get(VARIABLE), VARIABLE
        if self.file is not None:
            if not self.file.is_file():
                raise UserError(
                    f"--pull-secret-file: there is no file {self.file}; give one such as ~/.docker/config.json"
                )
            given, where = self.file.read_text("utf-8"), str(self.file)
        if not given:
            return None
        try:
            ok = bool(json.loads(given)["auths"])
        except (ValueError, KeyError, TypeError):
            ok = False
        if not ok:
            raise UserError(
                f"{where} holds no docker config with auths; `docker login` writes one, ~/.docker/config.json"
            )
        return given.encode()

    def names(self) -> list[str]:
        """What the pods are to name."""
        return [self.name] if self.name else [NAME] if self.content() is not None else []

    def write(self, kube: Kube, namespace: str) -> None:
        """Write the Secret if one must be created. Raises UserError if a named one does not exist."""
        content = self.content()
        if content is not None:
            kube.write_secret(namespace, NAME, "kubernetes.io/dockerconfigjson", {".dockerconfigjson": content}, {})
        elif self.name and kube.secret(namespace, self.name) is None:
            raise UserError(
                f"there is no Secret {self.name} in namespace {namespace}; make it there first, or give a file"
            )

"""The provider config, `~/.modelops/providers/azure.yaml`: one user's desired resources in Azure."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, ValidationError, create_model

from modelops_runtime.contracts.errors import SpecError, SpecErrors, UserError
from modelops_runtime.specs.document import read_document
from modelops_runtime.specs.messages import mistakes_of
from mops_azure import resources
from mops_azure.resources import registry
from mops_azure.resources.cluster import AksSpec, NetworkSpec
from mops_azure.resources.registry import AcrSpec
from mops_azure.secrets import expanded, read_secret
from mops_azure.settings import AuthSpec, Settings

DEFAULT_PATH = "~/.modelops/providers/azure.yaml"

CONFIG_VARIABLE = "MOPS_AZURE_CONFIG"
"""Environment variable with the path of the config."""


class _Core(Settings):
    """The whole file."""

    aks: AksSpec = Field(default_factory=AksSpec)
    acr: AcrSpec = Field(default_factory=AcrSpec)
    network: NetworkSpec = Field(default_factory=NetworkSpec)

    @property
    def registry_group(self) -> str:
        return registry.group_name(self)

    @property
    def registry_name(self) -> str:
        return registry.registry_name(self)


if TYPE_CHECKING:

    class AzureConfig(_Core):
        """The whole file; the sections of the kinds beside the cluster are read by their own modules."""
else:
    AzureConfig = create_model(
        "AzureConfig",
        __base__=_Core,
        __module__=__name__,
        __doc__=_Core.__doc__,
        **{
            one.key: (one.spec, Field(default_factory=one.spec))
            for one in resources.sections()
            if one.key not in _Core.model_fields
        },
    )


def config_file(path: Path) -> Path:
    """The path with ~ expanded; it may not exist. Raises UserError for a folder."""
    path = expanded(path)
    if os.path.isdir(path):
        raise UserError(f"{path}: this is a folder; name a file, such as {DEFAULT_PATH}")
    return path


def load_config(path: Path) -> AzureConfig:
    """Read and check the config. Raises SpecErrors with all mistakes, UserError if there is no file."""
    path = config_file(path)
    if not path.exists():
        raise UserError(f"{path}: there is no such file; `mops-azure init` writes it")
    document, ambiguous = read_document(path)
    try:
        config = AzureConfig.model_validate(document.content)
    except ValidationError as error:
        raise SpecErrors(*ambiguous, *document.errors(mistakes_of(error))) from None
    if ambiguous:
        raise SpecErrors(*ambiguous)
    _check_mode(config, path)
    return config


def _check_mode(config: AzureConfig, path: Path) -> None:
    named = [config.auth.client_secret_file]
    named += [getattr(getattr(config, one.key), key) for one in resources.sections() for key in one.secret_files]
    secrets = [file for file in named if file]
    for file in [path, *(Path(os.path.expanduser(secret)) for secret in secrets)] if secrets else []:
        if os.path.exists(file) and not file.is_dir() and stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise SpecError(str(file), "others may read it, and it leads to a secret", f"chmod 600 {file}")


def client_secret(auth: AuthSpec) -> str:
    """From the named file or variable; never from the config itself."""
    return read_secret(
        "auth", "client_secret", auth.client_secret_file, auth.client_secret_env, "the service principal's secret"
    )

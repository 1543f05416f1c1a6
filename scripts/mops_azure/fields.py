"""Kinds of values in the provider config, each with what would be right."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any

from pydantic import PlainValidator

from modelops_runtime.specs.base import mistake


def matching(pattern: str, right: str) -> PlainValidator:
    def check(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise mistake(f"{value!r} is not allowed here", right)
        return value

    return PlainValidator(check)


def _is_network(value: Any) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        raise mistake(f"{value!r} is not a network", "write one such as 10.244.0.0/16") from None


def _is_https(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"https://[^\s/?#]+/?", value):
        raise mistake(f"{value!r} is not an endpoint", "write an address such as https://management.azure.com")
    return value.rstrip("/")


GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
Guid = Annotated[str, matching(GUID, "write an id such as 00000000-0000-0000-0000-000000000000 (`az account show`)")]
Location = Annotated[
    str, matching(r"[a-z0-9]+", "write a location's short name such as eastus2 (`az account list-locations`)")
]
PoolName = Annotated[
    str, matching(r"[a-z][a-z0-9]{0,11}", "write 1 to 12 lower-case letters and digits, a letter first")
]
ClusterName = Annotated[
    str,
    matching(
        r"[a-zA-Z0-9]|[a-zA-Z0-9][-_a-zA-Z0-9]{0,61}[a-zA-Z0-9]",
        "write 1 to 63 letters, digits, - and _, none of - _ at an end",
    ),
]
GroupBase = Annotated[str, matching(r"[A-Za-z0-9_-]{1,60}", "write 1 to 60 letters, digits, - and _")]
RegistryName = Annotated[str, matching(r"[a-zA-Z0-9]{5,50}", "write 5 to 50 letters and digits; the name is global")]
VmSize = Annotated[
    str, matching(r"(Standard|Basic)_[A-Za-z0-9_-]+", "write a size such as Standard_D4s_v5 (`az vm list-sizes`)")
]
Version = Annotated[str, matching(r"1\.\d{1,3}(\.\d{1,3})?", 'write a Kubernetes version such as "1.35" or "1.35.6"')]
Taint = Annotated[
    str,
    matching(r"[^\s=:]+(=[^\s=:]*)?:(NoSchedule|PreferNoSchedule|NoExecute)", "write key=value:NoSchedule"),
]
Network = Annotated[str, PlainValidator(_is_network)]
Url = Annotated[str, PlainValidator(_is_https)]
Variable = Annotated[
    str, matching(r"[A-Za-z_][A-Za-z0-9_]*", "write the name of an environment variable, never its value")
]

ServiceAccount = Annotated[
    str, matching(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?:[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", "write NAMESPACE:NAME")
]
StorageName = Annotated[
    str, matching(r"[a-z0-9]{3,24}", "write 3 to 24 lower-case letters and digits; the name is global")
]
ContainerName = Annotated[
    str,
    matching(r"[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]", "write 3 to 63 lower-case letters, digits and single hyphens"),
]
ServerName = Annotated[
    str,
    matching(
        r"[a-z0-9]([a-z0-9-]{1,61})[a-z0-9]", "write 3 to 63 lower-case letters, digits, hyphens; the name is global"
    ),
]
VaultName = Annotated[
    str,
    matching(
        r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]{1,22}[a-zA-Z0-9]",
        "write 3 to 24 letters, digits and single hyphens, a letter first; the name is global",
    ),
]
DatabaseName = Annotated[
    str, matching(r"[a-z_][a-z0-9_]{0,62}", "write lower-case letters, digits and _, a letter first")
]

"""Types of values in the provider config, each with the correction of a mistake."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, PlainValidator

from modelops_runtime.options.base import mistake
from modelops_runtime.specs.scalars import shown


def matching(pattern: str, right: str, *, hidden: bool = False) -> PlainValidator:
    """`hidden`: the value may be a secret by mistake, so the line does not quote it."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise mistake(f"{'what stands' if hidden else repr(value)} is not allowed here", right)
        return value

    return PlainValidator(check)


def _is_network(value: Any) -> str:
    right = "write one such as 10.244.0.0/16"
    if isinstance(value, str):
        try:
            return str(ipaddress.IPv4Network(value))
        except ValueError:
            if ":" in value:
                raise mistake(f"{value!r} is not an IPv4 network, and the cluster has no other", right) from None
    raise mistake(f"{value!r} is not a network", right)


def _is_https(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"https://[^\s/?#]+/?", value):
        raise mistake(f"{value!r} is not an endpoint", "write an address such as https://management.azure.com")
    return value.rstrip("/")


def as_text(value: Any) -> Any:
    """`17` means "17" where only texts are allowed; a float does not: 1.30 would become 1.3."""
    return str(value) if type(value) is int else value


def _labelling(pattern: str, right: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise mistake(f"{shown(text)} is not allowed here", right)
        return text

    return AfterValidator(check)


def _not_reserved(key: str) -> str:
    if key.startswith(AZURES_PREFIX):
        raise mistake(f"Azure keeps labels that begin with {AZURES_PREFIX} for itself", "use another prefix, or none")
    return key


def _each_zone_once(zones: list[str]) -> list[str]:
    twice = next((zone for zone in zones if zones.count(zone) > 1), None)
    if twice:
        raise mistake(f"zone {twice} is there twice", "name each zone once")
    return zones


def _each_taint_once(taints: list[str]) -> list[str]:
    """Kubernetes tells them apart by key and effect, not by value."""
    kinds = [re.sub("=[^:]*", "", taint) for taint in taints]
    twice = next((kind for kind in kinds if kinds.count(kind) > 1), None)
    if twice:
        raise mistake(f"the taint {twice} is there twice", "a key has one value for each effect; keep one of them")
    return taints


def _fits_a_tag(text: str) -> str:
    if len(text) > TAG_LETTERS:
        raise mistake(
            f"{shown(text)} has {len(text)} letters", f"a tag holds at most {TAG_LETTERS} in Azure; shorten it"
        )
    return text


TAG_LETTERS = 256
AZURES_PREFIX = "kubernetes.azure.com/"
_WORD = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_DNS_NAME = r"(?=[^/]{1,253}/)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
_LABEL_KEY = f"({_DNS_NAME}/)?{_WORD}"
_LETTERS = "at most 63 letters, digits, - _ . with a letter or digit at both ends"
GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
Guid = Annotated[str, matching(GUID, "write an id such as 00000000-0000-0000-0000-000000000000 (`az account show`)")]
ClientId = Annotated[
    str, matching(GUID, "write the application's id, such as 00000000-0000-0000-0000-000000000000", hidden=True)
]
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
GroupName = Annotated[
    str,
    matching(r"[\w.()-]{0,89}[\w()-]", "write a group's name: 1 to 90 letters, digits and - _ . ( ), no . at the end"),
]
GroupBase = Annotated[str, matching(r"[A-Za-z0-9_-]{1,60}", "write 1 to 60 letters, digits, - and _")]
RegistryName = Annotated[str, matching(r"[a-zA-Z0-9]{5,50}", "write 5 to 50 letters and digits; the name is global")]
VmSize = Annotated[
    str, matching(r"(Standard|Basic)_[A-Za-z0-9_-]+", "write a size such as Standard_D4s_v5 (`az vm list-sizes`)")
]
Version = Annotated[str, matching(r"1\.\d{1,3}(\.\d{1,3})?", 'write a Kubernetes version such as "1.35" or "1.35.6"')]
Taint = Annotated[
    str,
    matching(
        f"{_LABEL_KEY}(=({_WORD})?)?:(NoSchedule|PreferNoSchedule|NoExecute)",
        f"write key=value:NoSchedule; a key is {_LETTERS}, and so is a value",
    ),
]
Taints = Annotated[list[Taint], AfterValidator(_each_taint_once)]
LabelKey = Annotated[
    str,
    _labelling(_LABEL_KEY, f"write {_LETTERS}; before it may stand a domain and a /"),
    AfterValidator(_not_reserved),
]
LabelValue = Annotated[str, _labelling(f"({_WORD})?", f"write {_LETTERS}, or nothing")]
Zone = Annotated[Literal["1", "2", "3"], BeforeValidator(as_text)]
Zones = Annotated[list[Zone], AfterValidator(_each_zone_once)]
TagValue = Annotated[str, AfterValidator(_fits_a_tag)]
Network = Annotated[str, PlainValidator(_is_network)]
Url = Annotated[str, PlainValidator(_is_https)]
Variable = Annotated[
    str, matching(r"[A-Za-z_][A-Za-z0-9_]*", "write the name of an environment variable, never its value", hidden=True)
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

"""Parses the text of an entry point, without reading any file."""

from __future__ import annotations

from dataclasses import dataclass

from modelops_runtime.contracts.failures import BadOutput
from modelops_runtime.models.source import ENTRYPOINT_PATH

FORMS = "write model.py:fn, pkg.mod:fn or pkg.mod.Class/scenario"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The parsed entry point: the file or module, the attribute in it, and the scenario."""

    file: str | None
    """A path from the folder of the model."""
    module: str | None
    attribute: str
    """`fn` or `Class`; dots are allowed (`Class.method`)."""
    scenario: str | None

    @property
    def place(self) -> str:
        """The file or module, as the user wrote it."""
        return self.file or self.module or ""


def parse_reference(text: str) -> Reference:
    """Raises BadOutput that lists the supported forms."""
    if ".py:" in text or text.endswith(".py"):
        head, colon, rest = text.rpartition(".py:")
        file = head + ".py" if colon else text
        attribute, scenario = _scenario_of(rest if colon else "")
        return _checked(text, Reference(file=file, module=None, attribute=attribute, scenario=scenario))
    body, scenario = _scenario_of(text)
    module, colon, attribute = body.partition(":")
    if not colon:
        module, _, attribute = body.rpartition(".")
    return _checked(text, Reference(file=None, module=module, attribute=attribute, scenario=scenario))


def _scenario_of(text: str) -> tuple[str, str | None]:
    body, slash, scenario = text.partition("/")
    return body, scenario if slash else None


def _checked(text: str, reference: Reference) -> Reference:
    if reference.file and not reference.attribute:
        raise BadOutput(f"{text!r} names no function", ENTRYPOINT_PATH, right=f"write {text.rstrip(':')}:simulate")
    names = [*reference.attribute.split("."), *(reference.module.split(".") if reference.module is not None else [])]
    if not all(name.isidentifier() for name in names) or reference.scenario == "":
        raise BadOutput(f"{text!r} is not an entry point", ENTRYPOINT_PATH, right=FORMS)
    return reference

"""The `loss:` of a target: an installed kind with its options, a bare kind, or a function of one's own. Formulas: `losses`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Protocol

from pydantic import GetJsonSchemaHandler, PlainValidator, ValidationError
from pydantic_core import CoreSchema

from modelops_runtime.losses.custom import REFERENCE, CustomLoss
from modelops_runtime.losses.registry import LossUnavailable, known_loss, loss_kinds, loss_named, wanted
from modelops_runtime.options.base import Mistake, StrictModel, mistakes


class LossOptions(Protocol):
    """What the options of all losses have in common; the class of each is its loss's own."""

    @property
    def kind(self) -> str: ...


def _refuse(value: Any, wrong: str, right: str, *loc: str) -> ValidationError:
    return mistakes([Mistake(loc, wrong, right)], value)


def _pick(value: Any) -> StrictModel:
    """Validates by the model of its kind alone, so that an error's location is the path in the file."""
    if isinstance(value, StrictModel):
        return value
    if isinstance(value, str):
        return _from_text(value)
    if not isinstance(value, dict):
        raise _refuse(value, f"{value!r} is not a loss", wanted())
    given = [name for name in ("kind", "function") if name in value]
    if not given:
        raise _refuse(value, "the loss has no kind", wanted())
    if len(given) == 2:
        raise _refuse(value, "kind and function name the same thing", "give one of them", "function")
    key, rest = given[0], {name: item for name, item in value.items() if name != given[0]}
    kind = value[key]
    return _model_of(kind, key, own=key == "function").model_validate({"kind": kind, **rest})


def _from_text(kind: str) -> StrictModel:
    model = _model_of(kind)
    if needed := [name for name in _required(model) if name != "kind"]:
        more = ", ".join(f"{name}: ..." for name in needed)
        raise _refuse(kind, f"{kind} needs {' and '.join(needed)}", f"write {{kind: {kind}, {more}}}")
    return model.model_validate({"kind": kind})


def _model_of(kind: Any, *loc: str, own: bool = False) -> type[StrictModel]:
    if own and (not isinstance(kind, str) or not re.match(REFERENCE, kind)):
        raise _refuse(kind, f"{kind!r} is not a function", wanted(), *loc)
    if not isinstance(kind, str):
        raise _refuse(kind, f"{kind!r} is not a loss", wanted(), *loc)
    try:
        return CustomLoss if own else loss_named(kind).options
    except LossUnavailable as error:
        raise _refuse(kind, *error.args, *loc) from error


def _required(model: type[StrictModel]) -> list[str]:
    return [name for name, field in model.model_fields.items() if field.is_required()]


class _KindSchema:
    """What an editor may offer: any installed kind's mapping, a bare kind, a reference; and any kind installed elsewhere."""

    def __get_pydantic_json_schema__(self, _core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        kinds = loss_kinds()
        models = {kind: loss.options for kind in kinds if (loss := known_loss(kind)) is not None}
        bare = [name for name, model in models.items() if not _required(model)]
        own = {
            "type": "object",
            "properties": {"function": {"type": "string", "pattern": REFERENCE}, "options": {"type": "object"}},
            "required": ["function"],
            "additionalProperties": False,
        }
        elsewhere = {
            "type": "object",
            "description": "a loss that is installed where the run is, and not where this schema was made",
            "properties": {"kind": {"type": "string", "not": {"anyOf": [{"enum": [*kinds]}, {"pattern": REFERENCE}]}}},
            "required": ["kind"],
        }
        texts = [{"type": "string", "enum": bare}, {"type": "string", "pattern": REFERENCE}]
        whole = [handler(model.__pydantic_core_schema__) for model in (*models.values(), CustomLoss)]
        installed = [handler.resolve_ref_schema(each) for each in whole]
        return {"anyOf": [*installed, own, elsewhere, *texts]}


LossSpec = Annotated[LossOptions, PlainValidator(_pick), _KindSchema()]

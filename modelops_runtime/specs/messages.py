"""Errors of Pydantic in plain words: what was given, and what would be right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from modelops_runtime.options.base import Loc, Mistake
from modelops_runtime.specs.scalars import nearest, shown

_Context = Mapping[str, Any]

_WANTED: dict[str, Callable[[_Context], str]] = {
    "int_type": lambda _: "a whole number is wanted",
    "float_type": lambda _: "a number is wanted",
    "bool_type": lambda _: "true or false is wanted",
    "model_type": lambda _: "a mapping is wanted: keys, each with a value",
    "model_attributes_type": lambda _: "a mapping is wanted: keys, each with a value",
    "dict_type": lambda _: "a mapping is wanted: keys, each with a value",
    "tuple_type": lambda _: "a list is wanted, such as [a, b]",
    "list_type": lambda _: "a list is wanted, such as [a, b]",
    "finite_number": lambda _: "a finite number is wanted",
    "greater_than": lambda ctx: f"it must be above {ctx['gt']:g}",
    "greater_than_equal": lambda ctx: f"it must be at least {ctx['ge']:g}",
    "less_than": lambda ctx: f"it must be below {ctx['lt']:g}",
    "less_than_equal": lambda ctx: f"it must be at most {ctx['le']:g}",
}
_EMPTY = {"too_short", "string_too_short"}


def mistakes_of(error: ValidationError) -> list[Mistake]:
    """One for each place, in the order of the models' keys."""
    found: dict[Loc, Mistake] = {}
    for line in error.errors(include_url=False):
        one = _mistake_of(dict(line))
        found.setdefault((*one.loc, one.wrong) if one.wrong else one.loc, one)
    return list(found.values())


def _mistake_of(line: dict[str, Any]) -> Mistake:
    context: _Context = line.get("ctx", {})
    at_key = bool(context.get("at_key")) or line["loc"][-1:] == ("[key]",)
    loc = tuple(part for part in line["loc"] if part != "[key]")
    kind, given = line["type"], line["input"]
    if "wrong" in context:
        return Mistake(loc, context["wrong"], context["right"], at_key)
    if kind == "extra_forbidden":
        return Mistake(loc, f"there is no key {shown(loc[-1])} here", _known(loc[-1], context["known"]), True)
    label = label_of(loc)
    if kind == "missing":
        return Mistake(loc, f"{label} is missing", f"add {label}: {context['about']}".removesuffix(": "))
    if kind == "string_type":
        return Mistake(loc, f"{label} is {shown(given)}", _text_wanted(given), at_key)
    if kind == "literal_error":
        return Mistake(loc, f"{label} is {shown(given)}", _one_of(given, context["expected"]))
    if kind == "string_pattern_mismatch":
        return Mistake(
            loc, f"{label} is {shown(given)}", f"it must be {context.get('about') or context['pattern']}", at_key
        )
    if kind in _EMPTY:
        return Mistake(loc, f"{label} is empty", context.get("about") or "give at least one", at_key)
    if kind in _WANTED:
        quoted = ", without quotes" if isinstance(given, str) and _is_number(given) else ""
        return Mistake(loc, f"{label} is {shown(given)}", _WANTED[kind](context) + quoted)
    wrong, _, right = line["msg"].removeprefix("Value error, ").partition("; ")
    return Mistake(loc, wrong if kind == "loss" else f"{label}: {wrong}", right or f"{shown(given)} was given")


def label_of(loc: Loc) -> str:
    """The last key, with the places in the list that it holds: `guesses[0]`."""
    last = max((at for at, part in enumerate(loc) if isinstance(part, str)), default=None)
    if last is None:
        return "the file"
    return f"{loc[last]}" + "".join(f"[{part}]" for part in loc[last + 1 :])


def _known(word: object, known: list[str]) -> str:
    near = nearest(word, known)
    if near:
        return f"did you mean {near}?"
    return f"the only key is {known[0]}" if len(known) == 1 else f"the keys are {', '.join(known)}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _text_wanted(given: object) -> str:
    if given is None or isinstance(given, dict | list):
        return "text is wanted"
    if isinstance(given, bool):
        return f'text is wanted: put it in quotes, "{shown(given)}"'
    return f'text is wanted: put it in quotes, "{given}"'


def _one_of(given: object, expected: str) -> str:
    known = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
    near = nearest(given, known)
    if len(known) == 1:
        return f"it must be {known[0]}"
    return f"it must be one of {', '.join(known)}" + (f"; did you mean {near}?" if near else "")

"""Options of a search algorithm, checked strictly: unknown options and wrong types give one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from modelops_runtime.contracts.algorithm import OptionError, UnknownOption


def check_known(options: Mapping[str, object], known: Iterable[str], of: str) -> None:
    """Raises OptionError for the first option that is not among `known`, with those that are."""
    names = sorted(known)
    for name in options:
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            there = f"its options are {', '.join(names)}" if names else "it takes no options"
            raise UnknownOption(name, f"{of} has no option {name!r}{hint}", there)


def whole(options: Mapping[str, object], name: str, default: int, *, least: int) -> int:
    """An integer of at least `least`. Raises OptionError."""
    value = options.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise OptionError(name, f"option {name} is {value!r}", f"give an integer of at least {least}")
    return value


def maybe_whole(options: Mapping[str, object], name: str, *, least: int) -> int | None:
    """The same, or None when it is absent."""
    return None if options.get(name) is None else whole(options, name, least, least=least)


def switch(options: Mapping[str, object], name: str, default: bool) -> bool:
    """True or false. Raises OptionError."""
    value = options.get(name, default)
    if not isinstance(value, bool):
        raise OptionError(name, f"option {name} is {value!r}", "give true or false")
    return value


def share(options: Mapping[str, object], name: str, default: float) -> float:
    """A number above 0, at most 1. Raises OptionError."""
    value = options.get(name, default)
    if not isinstance(value, float | int) or isinstance(value, bool) or not 0 < value <= 1:
        raise OptionError(name, f"option {name} is {value!r}", "give a number above 0, at most 1")
    return float(value)


def one_of(options: Mapping[str, object], name: str, default: str, known: Iterable[str]) -> str:
    """One of the words `known`. Raises OptionError."""
    value = options.get(name, default)
    names = list(known)
    if value not in names:
        raise OptionError(name, f"option {name} is {value!r}", f"give one of {', '.join(names)}")
    return str(value)

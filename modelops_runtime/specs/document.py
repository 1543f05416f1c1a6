"""A YAML 1.2 file as plain values with their positions; invalid or ambiguous YAML is a mistake with its position."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from modelops_runtime.contracts.errors import SpecError, SpecErrors
from modelops_runtime.options.base import Loc, Mistake
from modelops_runtime.specs.scalars import shown

VALUES_LIMIT = 100_000
"""Largest number of values in a spec, aliases included: a few lines of aliases can expand to billions."""

SIZE_LIMIT = 2**20
"""Largest size of a spec in bytes; a larger file is data that was named by mistake."""

_MERGE = "tag:yaml.org,2002:merge"
_HINTS = {
    "mapping values are not allowed": "check the indentation, and put text that holds a colon in quotes",
    "cannot start any token": "indent with spaces, and put text that begins with a special character in quotes",
    "could not find expected ':'": "write key: value, with a space after the colon",
    "expected <block end>": "keys of one mapping begin in the same column",
    "expected the node content": "put text that begins with a special character in quotes",
    "flow sequence": "close the [ with a ]",
    "flow mapping": "close the { with a }, with commas between the keys",
    "end of stream": "close the quote or bracket that is open",
    "undefined alias": "name it first, with &name",
    "another document": "keep one document, without ---",
}


@dataclass(frozen=True)
class FileKind:
    """The kind of a file, for messages about one that cannot be read."""

    file: str
    """`an adaptive.yaml`"""
    example: str
    """An example of its name."""
    begin: str
    """How to begin one, as half of a message."""


SPEC = FileKind("an adaptive.yaml", "adaptive.yaml", "begin with version: 1")


class Position(NamedTuple):
    """The position of a key (or list item) and of its value; (line, column) from 1."""

    key: tuple[int, int]
    value: tuple[int, int]
    is_scalar: bool
    """Whether the value is a scalar with a position: `trials:` alone has none."""


@dataclass(frozen=True)
class Document:
    """A file's content and the positions in it."""

    name: str
    """The file as the user named it."""
    content: Any
    positions: Mapping[Loc, Position]

    def place(self, loc: Loc, *, at_key: bool = False) -> tuple[int, int]:
        """The position of a scalar's value, of the key of a mapping or list, or of the deepest existing part of a missing key."""
        depth = next(n for n in range(len(loc), -1, -1) if loc[:n] in self.positions)
        place = self.positions[loc[:depth]]
        return place.value if depth == len(loc) and place.is_scalar and not at_key else place.key

    def loc_of(self, path: str) -> Loc:
        """`targets.in_bed.match` as keys; names may contain dots. A part that does not exist stays one key."""
        loc: Loc = ()
        parts = path.split(".") if path else []
        while parts:
            for taken in range(len(parts), 0, -1):
                word = ".".join(parts[:taken])
                following = [
                    part for part in (word, int(word) if word.isdecimal() else word) if (*loc, part) in self.positions
                ]
                if following:
                    break
            else:
                return (*loc, *parts)
            loc, parts = (*loc, following[0]), parts[taken:]
        return loc

    def error(self, one: Mistake) -> SpecError:
        line, column = self.place(one.loc, at_key=one.at_key)
        return SpecError(f"{self.name}:{line}:{column}", one.wrong, one.right)

    def errors(self, found: list[Mistake]) -> list[SpecError]:
        """The mistakes as errors with their positions, in the order of the file."""
        return [self.error(one) for one in sorted(found, key=lambda one: self.place(one.loc, at_key=one.at_key))]


def read_document(path: Path, wanted: FileKind = SPEC) -> tuple[Document, list[SpecError]]:
    """The content of a spec and its ambiguous parts as errors. Raises SpecErrors if it cannot be read."""
    document, ambiguous = read_values(path, wanted)
    if not isinstance(document.content, Mapping):
        wrong = f"the file holds {_kind(document.content)}"
        where = "{}:{}:{}".format(document.name, *document.positions[()].value)
        raise SpecErrors(SpecError(where, wrong, wanted.begin))
    return document, ambiguous


def read_values(path: Path, wanted: FileKind) -> tuple[Document, list[SpecError]]:
    """As `read_document`, for a file whose content may be any value but must not be empty."""
    name = str(path)
    text = _text_of(path, name, wanted)
    try:
        return _read(text, name, wanted)
    except RecursionError:
        raise SpecErrors(SpecError(f"{name}:1:1", "the file is nested too deeply", wanted.begin)) from None


def _read(text: str, name: str, wanted: FileKind) -> tuple[Document, list[SpecError]]:
    yaml = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(text)
    except MarkedYAMLError as error:
        raise SpecErrors(_syntax_error(error, name)) from error
    except ReaderError as error:
        line, column = _line_column(text, int(error.position))
        wrong = f"the character {int(error.character):#x} is not allowed"
        raise SpecErrors(SpecError(f"{name}:{line}:{column}", wrong, "remove it")) from error
    except YAMLError as error:
        raise SpecErrors(SpecError(f"{name}:1:1", "this is not YAML", str(error).splitlines()[0])) from error
    if root is None:
        raise SpecErrors(SpecError(f"{name}:1:1", "the file is empty", wanted.begin))
    builder = _Builder(yaml, name)
    content = builder.build(root, (), _position(root))
    return Document(name, content, builder.positions), builder.errors


def _kind(content: object) -> str:
    return "a list" if isinstance(content, list) else f"one value, {shown(content)}"


def _text_of(path: Path, name: str, wanted: FileKind) -> str:
    try:
        if (size := path.stat().st_size) > SIZE_LIMIT and path.is_file():
            wrong = f"the file has {size / 2**20:.1f} MiB, above {SIZE_LIMIT // 2**20} MiB"
            raise SpecErrors(SpecError(name, wrong, f"give the path of {wanted.file}"))
        data = path.read_bytes()
    except FileNotFoundError:
        raise SpecErrors(SpecError(name, "there is no such file", f"give the path of {wanted.file}")) from None
    except IsADirectoryError:
        inside = path / wanted.example
        right = f"give the file in it: {inside}" if inside.is_file() else f"give the path of {wanted.file}"
        raise SpecErrors(SpecError(name, "this is a folder", right)) from None
    except OSError as error:
        raise SpecErrors(
            SpecError(name, f"it cannot be read: {error.strerror}", "give a file that you may read")
        ) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _line_column(data[: error.start].decode("utf-8-sig", "replace"), error.start)
        wrong = f"the byte {data[error.start]:#04x} is not UTF-8"
        raise SpecErrors(SpecError(f"{name}:{line}:{column}", wrong, "save the file as UTF-8")) from None


def _line_column(text: str, position: int) -> tuple[int, int]:
    before = text[:position]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _syntax_error(error: MarkedYAMLError, name: str) -> SpecError:
    mark = error.problem_mark or error.context_mark
    where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else f"{name}:1:1"
    said = " ".join(f"{error.context or ''} {error.problem or ''}".split())
    right = next((hint for part, hint in _HINTS.items() if part in said), "see this line and the one above it")
    return SpecError(where, f"this is not YAML: {(error.problem or said).splitlines()[0]}", right)


def _position(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


@dataclass
class _Builder:
    """Walks the nodes once: values, positions and mistakes together."""

    yaml: YAML
    name: str
    positions: dict[Loc, Position] = field(default_factory=dict)
    errors: list[SpecError] = field(default_factory=list)
    _open: set[int] = field(default_factory=set)

    def build(self, node: Node, loc: Loc, key: tuple[int, int]) -> Any:
        is_written = isinstance(node, ScalarNode) and node.start_mark.index != node.end_mark.index
        self.positions[loc] = Position(key, _position(node), is_written)
        if len(self.positions) > VALUES_LIMIT:
            self._refuse(node, f"the file holds more than {VALUES_LIMIT:,} values", "keep data in files of its own")
            raise SpecErrors(*self.errors)
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if id(node) in self._open:
            self._refuse(node, "a part holds itself", "an alias must stand outside of what it names")
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, SequenceNode):
                return [self.build(item, (*loc, at), _position(item)) for at, item in enumerate(node.value)]
            return self._mapping(node, loc)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: Node, loc: Loc) -> dict[str, Any]:
        if str(node.tag) != "tag:yaml.org,2002:map":
            self._refuse(node, f"the tag {node.tag} is not known", "leave it out")
        content: dict[str, Any] = {}
        first: dict[str, int] = {}
        merged: list[Node] = []
        for key_node, value_node in node.value:
            if str(key_node.tag) == _MERGE:
                merged += value_node.value if isinstance(value_node, SequenceNode) else [value_node]
                continue
            key = self._key(key_node)
            if key is None:
                continue
            line = key_node.start_mark.line + 1
            if key in first:
                self._refuse(key_node, f"the key {key} is there twice (first in line {first[key]})", "keep one of them")
                continue
            first[key] = line
            content[key] = self.build(value_node, (*loc, key), _position(key_node))
        for other in merged:
            self._merge(other, loc, content)
        return content

    def _merge(self, node: Node, loc: Loc, content: dict[str, Any]) -> None:
        """`<<: *defaults`: keys that are not there yet, with the positions where they were written."""
        if not isinstance(node, MappingNode):
            self._refuse(node, "<< is followed by no mapping", "write <<: *name, of a mapping with &name")
            return
        before = dict(self.positions)
        for key, value in self.build(node, loc, _position(node)).items():
            content.setdefault(key, value)
        self.positions.update(before)

    def _key(self, node: Node) -> str | None:
        if not isinstance(node, ScalarNode):
            self._refuse(node, "a key is a list or a mapping", "keys are text")
            return None
        key = self._scalar(node)
        if not isinstance(key, str):
            self._refuse(node, f"the key {node.value or 'here'} is {_type(key)}", f'put it in quotes: "{node.value}"')
            return None
        return key

    def _scalar(self, node: ScalarNode) -> Any:
        tag = str(node.tag)
        if tag in ("tag:yaml.org,2002:value", _MERGE):
            return node.value
        try:
            return self._whole(node, self.yaml.constructor.construct_object(node))
        except (YAMLError, ValueError) as error:
            known = tag.startswith("tag:yaml.org,2002:")
            wrong = f"{shown(node.value)} cannot be read: {_short(error)}" if known else f"the tag {tag} is not known"
            self._refuse(node, wrong, "put it in quotes to make it text" if known else "leave it out")
            return node.value

    def _whole(self, node: Node, value: Any) -> Any:
        """The value; a text with a lone surrogate, which no file or database can store, is a mistake."""
        if not isinstance(value, str):
            return value
        try:
            value.encode()
        except UnicodeEncodeError as error:
            half = f"\\u{ord(value[error.start]):04x}"
            self._refuse(node, f"{half} is half of a letter", "write the letter itself, or its whole escape")
            return value.encode("utf-8", "replace").decode("utf-8")
        return value

    def _refuse(self, node: Node, wrong: str, right: str) -> None:
        line, column = _position(node)
        self.errors.append(SpecError(f"{self.name}:{line}:{column}", wrong, right))


def _short(error: Exception) -> str:
    return str(error).splitlines()[0]


def _type(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    return "empty" if value is None else f"a {type(value).__name__}"

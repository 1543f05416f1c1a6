"""Edits a kubeconfig's text: splices in the changes and keeps every other byte.

A parser only locates things; nothing is rewritten, since YAML writers remove quotes that other readers need: `"no"`, `"on"` and
`"y"` are words for them and booleans for kubectl.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

PLAIN_KEY = re.compile(r"[A-Za-z][A-Za-z0-9._/-]{4,}|name|user|args|env|kind")
"""Keys that are words in every version of YAML."""


class CannotSplice(ValueError):
    """The text has a form into which nothing can be inserted without other changes."""


class Edit(NamedTuple):
    """`text` instead of what is from `start` to `end`."""

    start: int
    end: int
    text: str


def quoted(value: Any) -> str:
    """Flow style, which is JSON: the same to every reader of YAML."""
    return json.dumps(value, ensure_ascii=False, default=str)


def block(value: Any) -> list[str]:
    """Lines of block style, each string in quotes."""
    if isinstance(value, Mapping) and value:
        return [line for key, one in value.items() for line in _under(_key(key), one)]
    if isinstance(value, list) and value:
        return [f"{'  ' if at else '- '}{line}" for one in value for at, line in enumerate(block(one))]
    return [quoted(value)]


def _key(key: Any) -> str:
    return key if isinstance(key, str) and PLAIN_KEY.fullmatch(key) else quoted(key)


def _under(key: str, value: Any) -> list[str]:
    if isinstance(value, Mapping) and value:
        return [f"{key}:", *(f"  {line}" for line in block(value))]
    if isinstance(value, list) and value:
        return [f"{key}:", *block(value)]
    return [f"{key}: {quoted(value)}"]


def composed(text: str) -> Node | None:
    """The one document with the places of its parts; None when there is none. Raises YAMLError, also for several."""
    return YAML(typ="safe", pure=True).compose(text)


def spliced(text: str, before: Mapping[str, Any], own: Mapping[str, Any], *, at_end: bool) -> str:
    """`text` with the values of `own`; all other bytes stay.

    `before` is the parsed `text`. `own` holds a word for a key, or a mapping: the entry to put into the list of that key, in
    place of the entry with the same name. New entries go after the existing ones if `at_end`, else before them.

    Raises CannotSplice.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    is_ended = text.endswith("\n") or not text
    work = text if is_ended else text + newline
    root = composed(work)
    if root is None or (isinstance(root, ScalarNode) and not root.value):
        return work + "".join(f"{line}{newline}" for line in block(_as_content(own)))
    if isinstance(root, ScalarNode):  # such as the word null
        return work[: root.start_mark.index] + quoted(_as_content(own)) + text[root.end_mark.index :]
    if not isinstance(root, MappingNode):
        raise CannotSplice("it holds no mapping")
    result, done = "", 0
    edits = _Splice(work, newline, at_end).edits(root, before, own)
    for edit in sorted(edits, key=lambda one: (one.start, one.end)):
        if edit.start < done:
            raise CannotSplice("two changes in one place")
        result, done = result + work[done : edit.start] + edit.text, edit.end
    result += work[done:]
    return result if is_ended else result.removesuffix(newline)


def _as_content(own: Mapping[str, Any]) -> dict[str, Any]:
    return {key: [value] if isinstance(value, Mapping) else value for key, value in own.items()}


class _Splice(NamedTuple):
    text: str
    newline: str
    at_end: bool

    def edits(self, root: MappingNode, before: Mapping[str, Any], own: Mapping[str, Any]) -> Iterator[Edit]:
        nodes = {key.value: (key, value) for key, value in root.value if isinstance(key, ScalarNode)}
        missing = {key: value for key, value in own.items() if key not in nodes}
        for key, wanted in own.items():
            if key in missing or before.get(key) == wanted:
                continue
            if isinstance(wanted, Mapping):
                yield from self._list(root, *nodes[key], before.get(key) or [], wanted)
            else:
                yield self._value(*nodes[key], f" {quoted(wanted)}")
        if missing:
            yield self._missing(root, _as_content(missing))

    def _missing(self, root: MappingNode, missing: dict[str, Any]) -> Edit:
        if root.flow_style:
            pairs = [f"{quoted(key)}: {quoted(value)}" for key, value in missing.items()]
            return self._into_flow(root, [key for key, _ in root.value], [value for _, value in root.value], pairs)
        first = root.value[0][0].start_mark
        at = root.end_mark.index if self.at_end else self._line_start(first.index)
        return Edit(at, at, self._indented(block(missing), first.column))

    def _list(
        self, root: MappingNode, key: Node, node: Node, before: Sequence[Any], wanted: Mapping[str, Any]
    ) -> Iterator[Edit]:
        if not before:
            is_plain = isinstance(node, ScalarNode) or self.text[node.start_mark.index] == "["
            if root.flow_style or not is_plain:
                yield self._value(key, node, f" {quoted([wanted])}")
            else:
                yield self._first_of_block(key, node, wanted)
            return
        if not isinstance(node, SequenceNode) or len(node.value) != len(before):
            raise CannotSplice("a list that is none")
        there = [(item, old) for item, old in zip(node.value, before, strict=True) if old.get("name") == wanted["name"]]
        if not there:
            yield self._added(node, wanted)
        for at, (item, old) in enumerate(there):
            if at or old != wanted:
                yield self._item(node, item, None if at else wanted)

    def _added(self, node: SequenceNode, wanted: Mapping[str, Any]) -> Edit:
        if node.flow_style:
            return self._into_flow(node, node.value, node.value, [quoted(wanted)])
        dash = self._dash(node.value[0])
        start = self._line_start(dash)
        at = self._line_end(self._end(node.value[-1], dash)) if self.at_end else start
        return Edit(at, at, self._indented(block([wanted]), dash - start))

    def _item(self, node: SequenceNode, item: Node, wanted: Any) -> Edit:
        """Replaces an entry of a list; None removes it."""
        if node.flow_style:
            if wanted is None:
                raise CannotSplice("an entry that is there twice")
            return Edit(item.start_mark.index, item.end_mark.index, quoted(wanted))
        dash = self._dash(item)
        start = self._line_start(dash)
        if self.text[start:dash].strip(" "):
            raise CannotSplice("a list in a list")
        lines = "" if wanted is None else self._indented(block([wanted]), dash - start)
        return Edit(start, self._line_end(self._end(item)), lines)

    def _first_of_block(self, key: Node, node: Node, wanted: Mapping[str, Any]) -> Edit:
        """Puts an entry below a key whose value is missing, null or []; a comment on the line of the key stays."""
        colon = self._colon(key)
        end = node.end_mark.index if node.start_mark.index < node.end_mark.index else colon
        rest = self.text[end : self._line_end(end)].rstrip("\r\n")
        if rest.strip() and not rest.strip().startswith("#"):
            raise CannotSplice("more on the line of an empty list")
        lines = self._indented(block([wanted]), key.start_mark.column)
        return Edit(colon, self._line_end(end), rest.rstrip() + self.newline + lines)

    def _value(self, key: Node, node: Node, text: str) -> Edit:
        colon = self._colon(key)
        if node.start_mark.index == node.end_mark.index:
            return Edit(colon, colon, text)
        if getattr(node, "style", None) in ("|", ">"):
            end = self._end(node)
            return Edit(colon, end, text + self.newline)
        return Edit(colon, node.end_mark.index, text)

    def _into_flow(self, node: Node, starts: list[Node], ends: list[Node], new: list[str]) -> Edit:
        if not starts:
            at = node.end_mark.index - 1
            return Edit(at, at, ", ".join(new))
        gap = re.search(r"[\[{,]([ \t\r\n]*)$", self.text[: starts[-1].start_mark.index])
        between = gap[1] if gap and (gap[1] or len(starts) > 1) else " "
        if self.at_end:
            at = ends[-1].end_mark.index
            return Edit(at, at, "".join(f",{between}{one}" for one in new))
        at = starts[0].start_mark.index
        return Edit(at, at, "".join(f"{one},{between}" for one in new))

    def _indented(self, lines: list[str], column: int) -> str:
        return "".join(f"{' ' * column}{line}{self.newline}" for line in lines)

    def _dash(self, item: Node) -> int:
        found = re.search(r"-[ \t]*(?:#.*)?(?:\r?\n[ \t]*(?:#.*)?)*$", self.text[: item.start_mark.index])
        if not found:
            raise CannotSplice("an entry without its dash")
        return found.start()

    def _colon(self, key: Node) -> int:
        found = re.compile(r"[ \t]*:").match(self.text, key.end_mark.index)
        if not found:
            raise CannotSplice("a key without its colon")
        return found.end()

    def _line_start(self, at: int) -> int:
        return max(self.text.rfind("\n", 0, at) + 1, 1 if self.text.startswith("\ufeff") else 0)

    def _line_end(self, at: int) -> int:
        """The end, after the line break, of the line that contains the character before `at`."""
        if at and self.text[at - 1] == "\n":
            return at
        found = self.text.find("\n", at)
        return len(self.text) if found < 0 else found + 1

    def _end(self, node: Node, after: int = 0) -> int:
        """Where the text of the node ends, without the blank lines and comments that the parser includes."""
        if node.start_mark.index < after:
            return after  # an alias: the node is elsewhere
        if isinstance(node, MappingNode) and not node.flow_style and node.value:
            key, value = node.value[-1]
            return self._end(value, self._colon(key))
        if isinstance(node, SequenceNode) and not node.flow_style and node.value:
            return self._end(node.value[-1], node.start_mark.index)
        if node.start_mark.index == node.end_mark.index:
            return after or node.end_mark.index
        if isinstance(node, ScalarNode) and node.style in ("|", ">"):
            return self._end_of_text(node.start_mark.index)
        return node.end_mark.index

    def _end_of_text(self, header: int) -> int:
        """Where a block scalar ends: its lines are indented more than the line of its header."""
        first = self.text[self._line_start(header) :]
        depth = len(first) - len(first.lstrip(" "))
        at = last = self._line_end(header)
        keeps = "+" in self.text[header:at]
        while at < len(self.text):
            end = self._line_end(at + 1)
            line = self.text[at:end]
            if line.strip() and len(line) - len(line.lstrip(" ")) <= depth:
                break
            at, last = end, end if line.strip() or keeps else last
        return last


def same_but(before: str, after: str, own: Mapping[str, Any]) -> bool:
    """Whether two texts differ only in what is `own` (as for `spliced`). Different quoting counts as a difference."""
    return _rest(before, own) == _rest(after, own)


def _rest(text: str, own: Mapping[str, Any]) -> list[Any]:
    root = composed(text)
    found = []
    for key, value in root.value if isinstance(root, MappingNode) else []:
        known = own.get(key.value) if isinstance(key, ScalarNode) else None
        if isinstance(known, Mapping):
            items = value.value if isinstance(value, SequenceNode) else []
            kept = [_form(one) for one in items if _name_of(one) != known["name"]]
            found += [(_form(key), kept)] if kept else []
        elif known is None:
            found.append((_form(key), _form(value)))
    return found


def _name_of(node: Node) -> str | None:
    pairs = node.value if isinstance(node, MappingNode) else []
    return next((value.value for key, value in pairs if key.value == "name"), None)


def _form(node: Node) -> Any:
    if isinstance(node, MappingNode):
        return node.tag, [(_form(key), _form(value)) for key, value in node.value]
    if isinstance(node, SequenceNode):
        return node.tag, [_form(one) for one in node.value]
    return node.tag, node.value, getattr(node, "style", None)

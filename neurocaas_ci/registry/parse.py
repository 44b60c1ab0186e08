"""Bytes of one YAML file to data with positions; hostile input is the normal case here.

The parser's events are folded with an explicit stack: nothing recurses, and reading stops at the
first bound that is passed, so time and memory do not depend on what the bytes say. I/O is not
handled here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NoReturn

from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.registry.decode import decode
from neurocaas_ci.registry.document import Document, Node, Step, json_pointer
from neurocaas_ci.registry.libyaml import Loader, yaml
from neurocaas_ci.registry.scalars import NotFiniteError, is_ambiguous, may_be_special, resolve

_MAX_DEPTH = 50
_MAX_VALUES = 100_000
_MAX_FINDINGS = 100
_KEPT = 8

_CORE = "tag:yaml.org,2002:"


class _StopError(Exception):
    """Nothing that follows in the file can be read."""


class _Frame:
    """A collection under construction; `key` is the key that waits for its value."""

    __slots__ = ("anchor", "data", "key", "node", "skip")

    def __init__(self, data: Any, node: Node, anchor: str | None) -> None:
        self.data = data
        self.node = node
        self.anchor = anchor
        self.key: tuple[str, int, int] | None = None
        # True while the value of an unusable key goes by.
        self.skip = False


@functools.lru_cache(maxsize=_KEPT)
def parse(path: str, content: bytes) -> tuple[Document, tuple[Finding, ...]]:
    """Return the document of a file and all problems of its form; nobody may change it.

    The last few are kept: a command reads the same blueprint and the same job again and again, at
    different commits.
    """
    findings: list[Finding] = []
    text = decode(path, content, findings)
    if text is None:
        return Document(path), tuple(findings)
    folding = _Folding(path, findings)
    try:
        folding.feed(text)
    except _StopError:
        return Document(path), tuple(findings)
    except yaml.MarkedYAMLError as error:
        findings.append(_syntax(path, error))
        return Document(path), tuple(findings)
    except (yaml.YAMLError, UnicodeError, ValueError, RecursionError) as error:
        message = f"this is not YAML: {str(error).splitlines()[0] if str(error) else 'unreadable'}"
        findings.append(_finding("NC-F004", Location(path), message, "write plain YAML 1.2"))
        return Document(path), tuple(findings)
    if folding.root is None:
        findings.append(
            _finding("NC-F005", Location(path), "the file is empty", "write one YAML document")
        )
    return Document(path, folding.value, folding.root), tuple(findings)


class _Folding:
    """Folds events into data and nodes, and collects what is wrong with them."""

    def __init__(self, path: str, findings: list[Finding]) -> None:
        self.path = path
        self.findings = findings
        self.value: Any = None
        self.root: Node | None = None
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, Node] | None] = {}
        self._documents = 0
        self._values = 0

    def feed(self, text: str) -> None:
        """Take all events; raise _StopError when reading on is useless or dangerous."""
        take: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._mapping,
            yaml.SequenceStartEvent: self._sequence,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }
        end = yaml.StreamEndEvent
        loader = Loader(text)
        try:
            # A job is some fifty events, and there may be 100,000 jobs: `yaml.parse` takes twice
            # the calls for each.
            while (kind := type(event := loader.get_event())) is not end:
                if kind in take:
                    take[kind](event)
        finally:
            loader.dispose()

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            self._stop(
                "NC-F005",
                event,
                "a second YAML document starts here",
                "one file holds one document: remove the `---` line, or make another file",
            )

    def _mapping(self, event: Any) -> None:
        self._open(event, {})

    def _sequence(self, event: Any) -> None:
        self._open(event, [])

    def _close(self, _: Any) -> None:
        frame = self._stack.pop()
        if frame.anchor is not None:
            self._anchors[frame.anchor] = (frame.data, frame.node)
        self._place(frame.data, frame.node)

    def _scalar(self, event: Any) -> None:
        if event.tag is not None:
            self._tag(event, "str")
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.key is None and frame.node.fields is not None:
            self._key(frame, event)
            return
        mark = event.start_mark
        node = Node(mark.line + 1, mark.column + 1)
        value: Any = event.value
        if not event.style and event.tag is None and may_be_special(value):
            value = self._plain(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, node)
        self._place(value, node)

    def _plain(self, event: Any) -> Any:
        """Return what a plain scalar means, and add what readers would disagree about."""
        text = event.value
        shown = _short(text)
        value: Any = 0
        try:
            value = resolve(text)
        except NotFiniteError:
            self._add(
                "NC-F009",
                event,
                f"{shown} is no number that every reader can hold",
                "write a finite number of at most 18 digits, or put text into quotes",
            )
        if is_ambiguous(text):
            self._add(
                "NC-F008",
                event,
                f"`{shown}` means different things to YAML 1.1 and YAML 1.2",
                f'write "{shown}" for the text, true or false for a switch, '
                "or a plain decimal number",
            )
        return value

    def _key(self, frame: _Frame, event: Any) -> None:
        mark = event.start_mark
        key = event.value
        frame.key = (key, mark.line + 1, mark.column + 1)
        if not event.style and event.tag is None and (key == "<<" or may_be_special(key)):
            self._plain_key(frame, event)
            if frame.skip:
                return
        if key in frame.data:
            self._add(
                "NC-F006",
                event,
                f"the key `{_short(key)}` stands here twice",
                "keep one of the two; readers disagree about which one counts",
            )
            frame.skip = True
        if event.anchor is not None:
            self._anchors[event.anchor] = (key, Node(mark.line + 1, mark.column + 1))

    def _plain_key(self, frame: _Frame, event: Any) -> None:
        key = event.value
        if key == "<<":
            self._add("NC-F007", event, "merge keys (`<<`) are not YAML 1.2", "write the keys out")
            frame.skip = True
            return
        try:
            text = isinstance(resolve(key), str) and not is_ambiguous(key)
        except NotFiniteError:
            text = False
        if not text:
            shown = _short(key) or "(empty)"
            self._add("NC-F007", event, f"the key {shown} is not text", f'write "{shown}"')

    def _open(self, event: Any, data: Any) -> None:
        mapping = isinstance(data, dict)
        if event.tag is not None:
            self._tag(event, "map" if mapping else "seq")
        mark = event.start_mark
        node = Node(mark.line + 1, mark.column + 1)
        if mapping:
            node.fields, node.keys = {}, {}
        else:
            node.items = []
        parent = self._stack[-1] if self._stack else None
        if parent is not None and parent.node.fields is not None and parent.key is None:
            self._stop(
                "NC-F007",
                event,
                "a list or a mapping cannot be a key",
                "write the key as text",
            )
        if len(self._stack) >= _MAX_DEPTH:
            self._stop(
                "NC-F012",
                event,
                f"values are nested more than {_MAX_DEPTH} deep",
                "flatten the file; no format of the registry needs this",
            )
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._stack.append(_Frame(data, node, event.anchor))

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            self._stop(
                "NC-F011",
                event,
                f"no anchor is named `{_short(event.anchor)}`",
                "write the value itself instead of the alias",
            )
        target = self._anchors[event.anchor]
        if target is None:
            self._stop(
                "NC-F011",
                event,
                f"`*{_short(event.anchor)}` contains itself",
                "write the value itself instead of the alias",
            )
        value, node = target
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.node.fields is not None and frame.key is None:
            self._stop("NC-F007", event, "an alias cannot be a key", "write the key as text")
        self._place(value, node)

    def _place(self, value: Any, node: Node) -> None:
        """Put a finished value where it belongs and count it, aliases expanded."""
        if not self._stack:
            self.value, self.root = value, node
            return
        frame = self._stack[-1]
        frame.node.weight += node.weight
        self._values += 1
        if self._values > _MAX_VALUES or frame.node.weight > _MAX_VALUES:
            self.findings.append(
                _finding(
                    "NC-F013",
                    Location(self.path, node.line, node.column),
                    f"the file holds more than {_MAX_VALUES} values once aliases are expanded",
                    "split it, and write values out instead of repeating them by alias",
                )
            )
            raise _StopError
        if frame.node.items is not None:
            frame.data.append(value)
            frame.node.items.append(node)
            return
        key, line, column = frame.key or ("", 0, 0)
        frame.key = None
        if frame.skip:
            frame.skip = False
            return
        frame.data[key] = value
        fields, keys = frame.node.fields, frame.node.keys
        if fields is not None and keys is not None:
            fields[key] = node
            keys[key] = (line, column)

    def _tag(self, event: Any, expected: str) -> None:
        if event.tag in {"!", _CORE + expected}:
            return
        self._add(
            "NC-F010",
            event,
            f"the tag {_short(event.tag.replace(_CORE, '!!'))} is not allowed",
            "remove it; quotes make a value text",
        )

    def _pointer(self) -> str:
        steps: list[Step] = []
        for frame in self._stack:
            if frame.node.items is not None:
                steps.append(len(frame.node.items))
            elif frame.key is not None:
                steps.append(frame.key[0])
        return json_pointer(steps)

    def _add(self, rule: str, event: Any, message: str, fix: str) -> None:
        mark = event.start_mark
        place = Location(self.path, mark.line + 1, mark.column + 1, self._pointer())
        self.findings.append(_finding(rule, place, message, fix))
        if len(self.findings) >= _MAX_FINDINGS:
            raise _StopError

    def _stop(self, rule: str, event: Any, message: str, fix: str) -> NoReturn:
        self._add(rule, event, message, fix)
        raise _StopError


def _syntax(path: str, error: yaml.MarkedYAMLError) -> Finding:
    mark = error.problem_mark or error.context_mark
    place = Location(path, mark.line + 1, mark.column + 1) if mark else Location(path)
    problem = (error.problem or "it cannot be read").replace("did not find expected", "expected")
    while_ = f" {error.context}" if error.context else ""
    start = error.context_mark
    since = f" (which starts in line {start.line + 1})" if start and while_ else ""
    if "found character that cannot start any token" in problem:
        problem = "a value cannot start with this character (a tab, `@`, `%` or a backtick)"
    return _finding(
        "NC-F004",
        place,
        f"this is not YAML{while_}{since}: {problem}",
        "check indentation (spaces only), colons, quotes and brackets in this line and the one before",
    )


def _finding(rule: str, place: Location, message: str, fix: str) -> Finding:
    return Finding(rule, "error", place, message, fix)


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."  # noqa: PLR2004 - characters shown

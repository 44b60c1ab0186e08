"""Judge a document by one of our schemas, in plain words; I/O is not handled here.

This knows the draft-07 keywords that our own schemas use, and nothing else, because importing a
complete implementation costs more time than loading a registry, and because its messages
("is not valid under any of the given schemas") help nobody. The tests hold it against `jsonschema`.
The extra keyword `x-expects` says in words what a pattern asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neurocaas_ci.named import NamedTuple
from neurocaas_ci.schemas.fits import IS_OF_TYPE, compiled, fitting

Step = str | int
UNKNOWN_KEY, MISSING_KEY, WRONG_TYPE, WRONG_VALUE = "NC-S001", "NC-S002", "NC-S003", "NC-S004"
KEYWORDS = frozenset(
    {"$schema", "$id", "$ref", "definitions", "title", "description", "x-expects", "type", "const"}
    | {"enum", "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems"}
    | {"uniqueItems", "items", "required", "properties", "additionalProperties", "propertyNames"}
    | {"maxProperties", "allOf", "if", "then"}
)

_MAX_ISSUES = 100
_MAX_SHOWN = 40
# Ratios of difflib: what is worth a question, and what needs none.
_NEAR, _VERY_NEAR = 0.6, 0.75
_TYPES: Mapping[str, str] = {
    "object": "a mapping (`key: value` lines)",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


class Issue(NamedTuple):
    """One difference between a document and a schema; `on_key` puts it on the key, not the value.

    `instead` is the one word that was surely meant in the place of the word that is there.
    """

    rule: str
    pointer: tuple[Step, ...]
    message: str
    fix: str
    on_key: bool = False
    instead: str | None = None


def check(schema: Mapping[str, Any], data: Any) -> list[Issue]:
    """Return all differences, in the order of the document (100 at most)."""
    judge = _Judge(schema)
    judge.value(schema, data, ())
    return judge.issues[:_MAX_ISSUES]


class _Judge:
    """One walk over one document."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.issues: list[Issue] = []
        self._definitions: Mapping[str, Any] = root.get("definitions", {})

    def value(self, schema: Any, data: Any, at: tuple[Step, ...]) -> None:
        """Judge one value; what has the wrong type is not judged further."""
        if len(self.issues) >= _MAX_ISSUES:
            return
        reference = schema.get("$ref")
        if reference is not None:
            schema = self._definitions[reference.rpartition("/")[2]]
        kind = schema.get("type")
        if kind is not None and not IS_OF_TYPE[kind](data):
            self._wrong_type(schema, kind, data, at)
            return
        choices = [schema["const"]] if "const" in schema else schema.get("enum")
        if choices is not None and data not in choices:
            self._no_choice(choices, data, at)
        self._inside(schema, data, at)
        for part in schema.get("allOf", ()):
            self.value(part, data, at)
        if "if" in schema and self._holds(schema["if"], data):
            self.value(schema["then"], data, at)

    def _inside(self, schema: Mapping[str, Any], data: Any, at: tuple[Step, ...]) -> None:
        if isinstance(data, str):
            self._text(schema, data, at)
        elif isinstance(data, dict):
            self._mapping(schema, data, at)
        elif isinstance(data, list):
            self._list(schema, data, at)
        elif isinstance(data, int | float):
            self._number(schema, data, at)

    def _no_choice(self, choices: Any, data: Any, at: tuple[Step, ...]) -> None:
        fix = nearest(data, choices) or f"write {_choice(choices)}"
        self._bad(at, data, f"must be {_choice(choices)}", fix, meant(data, choices))

    def _holds(self, schema: Mapping[str, Any], data: Any) -> bool:
        return fitting(schema, self._definitions)(data)

    def _wrong_type(
        self, schema: Mapping[str, Any], kind: str, data: Any, at: tuple[Step, ...]
    ) -> None:
        expected = schema.get("x-expects") or _TYPES[kind]
        fix = f"write {expected}"
        if kind == "string" and isinstance(data, int | float):
            fix = f"{fix}; quotes make it text"
        self._add(WRONG_TYPE, at, f"{_name(at)} is {_show(data)}, but must be {expected}", fix)

    def _text(self, schema: Mapping[str, Any], data: str, at: tuple[Step, ...]) -> None:
        expected = schema.get("x-expects")
        low, high = schema.get("minLength", 0), schema.get("maxLength")
        if len(data) < low:
            self._bad(at, data, "must not be empty" if low == 1 else f"needs {low} characters", "")
        elif high is not None and len(data) > high:
            self._bad(at, data, f"must have {high} characters at most", "shorten it")
        elif "pattern" in schema and not compiled(schema["pattern"]).search(data):
            self._bad(at, data, f"must be {expected}", f"write {expected}")

    def _number(self, schema: Mapping[str, Any], data: float, at: tuple[Step, ...]) -> None:
        low, high = schema.get("minimum"), schema.get("maximum")
        if (low is not None and data < low) or (high is not None and data > high):
            bounds = f"between {low} and {high}" if high is not None else f"{low} or more"
            self._bad(at, data, f"must be {bounds}", f"write a number {bounds}")

    def _list(self, schema: Mapping[str, Any], data: list[Any], at: tuple[Step, ...]) -> None:
        low, high = schema.get("minItems", 0), schema.get("maxItems")
        if len(data) < low or (high is not None and len(data) > high):
            need = f"at least {low}" if len(data) < low else f"{high} at most"
            self._add(
                WRONG_VALUE,
                at,
                f"{_name(at)} has {len(data)} entries, but needs {need}",
                "add or remove entries",
            )
        item = schema.get("items")
        if item is not None:
            for index, element in enumerate(data):
                self.value(item, element, (*at, index))
        if schema.get("uniqueItems"):
            seen: set[str] = set()
            for index, element in enumerate(data):
                if isinstance(element, str) and element in seen:
                    self._bad((*at, index), element, "must not stand here twice", "remove it")
                seen.add(str(element))

    def _mapping(
        self, schema: Mapping[str, Any], data: Mapping[str, Any], at: tuple[Step, ...]
    ) -> None:
        properties: Mapping[str, Any] = schema.get("properties", {})
        if len(data) > schema.get("maxProperties", len(data)):
            limit = schema["maxProperties"]
            self._add(
                WRONG_VALUE, at, f"{_name(at)} has more than {limit} keys", "remove some of them"
            )
        for key, value in data.items():
            if len(self.issues) >= _MAX_ISSUES:
                # Looking for near words takes time, and nobody will see more.
                return
            self._field(schema, key, value, data, at)
        for key in schema.get("required", ()):
            if key not in data:
                self._add(
                    MISSING_KEY, at, f"{_name(at)} has no key `{key}`", self._how(properties, key)
                )

    def _field(
        self,
        schema: Mapping[str, Any],
        key: str,
        value: Any,
        data: Mapping[str, Any],
        at: tuple[Step, ...],
    ) -> None:
        properties: Mapping[str, Any] = schema.get("properties", {})
        more = schema.get("additionalProperties", True)
        if "propertyNames" in schema:
            self._key_name(schema["propertyNames"], key, at)
        rule = properties.get(key)
        if rule is False:
            text = f"`{key}` does not go with the other values of {_name(at)}"
            self._add(UNKNOWN_KEY, (*at, key), text, "remove it", on_key=True)
        elif rule is not None:
            self.value(rule, value, (*at, key))
        elif isinstance(more, Mapping):
            self.value(more, value, (*at, key))
        elif more is False:
            self._unknown_key(properties, key, data, at)

    def _unknown_key(
        self,
        properties: Mapping[str, Any],
        key: str,
        data: Mapping[str, Any],
        at: tuple[Step, ...],
    ) -> None:
        message = f"`{_cut(key)}` is not a key of {_name(at)}"
        missing = [name for name in properties if name not in data]
        fix = nearest(key, missing) or f"known keys: {', '.join(properties)}"
        word = meant(key, missing)
        self._add(UNKNOWN_KEY, (*at, key), message, fix, on_key=True, instead=word)

    def _key_name(self, schema: Mapping[str, Any], key: str, at: tuple[Step, ...]) -> None:
        if "$ref" in schema:
            schema = self._definitions[schema["$ref"].rpartition("/")[2]]
        if not compiled(schema["pattern"]).search(key):
            text = f"the key {_show(key)} must be {schema['x-expects']}"
            self._add(WRONG_VALUE, (*at, key), text, f"write {schema['x-expects']}", on_key=True)

    def _how(self, properties: Mapping[str, Any], key: str) -> str:
        rule = properties.get(key)
        if not isinstance(rule, Mapping):
            return f"add `{key}: ...`"
        if "const" in rule:
            return f"add `{key}: {rule['const']}`"
        text = str(rule.get("description", "")).rstrip(".")
        if "enum" in rule:
            return f"add `{key}: ...`, {_choice(rule['enum'])}"
        return f"add `{key}: ...` ({text[:1].lower()}{text[1:]})" if text else f"add `{key}: ...`"

    def _bad(
        self, at: tuple[Step, ...], data: Any, must: str, fix: str, instead: str | None = None
    ) -> None:
        text = f"{_name(at)} is {_show(data)}, but {must}"
        self._add(WRONG_VALUE, at, text, fix or "write another value", instead=instead)

    def _add(
        self,
        rule: str,
        at: tuple[Step, ...],
        message: str,
        fix: str,
        *,
        on_key: bool = False,
        instead: str | None = None,
    ) -> None:
        self.issues.append(Issue(rule, at, message, fix, on_key, instead))


def nearest(given: Any, known: Any) -> str:
    """Return `did you mean ...?` for the known word that is close to the given one, or nothing."""
    close = _close(given, known, _NEAR)
    return f"did you mean `{close[0]}`?" if close else ""


def meant(given: Any, known: Any) -> str | None:
    """Return the known word that was surely meant: no other one is close, and it is very close."""
    close, closer = _close(given, known, _NEAR), _close(given, known, _VERY_NEAR)
    return closer[0] if len(close) == len(closer) == 1 else None


def _close(given: Any, known: Any, cutoff: float) -> list[str]:
    import difflib

    words = [word for word in known if isinstance(word, str)]
    text = _cut(str(given))
    # Swapped letters weigh more in a short word than difflib thinks.
    close = [word for word in words if sorted(word) == sorted(text)]
    return close or difflib.get_close_matches(text, words, n=2, cutoff=cutoff)


def _name(at: tuple[Step, ...]) -> str:
    if not at:
        return "the file"
    text = ""
    for step in at:
        text += f"[{step}]" if isinstance(step, int) else f".{_cut(step)}"
    return f"`{text.lstrip('.')}`"


def _show(data: Any) -> str:
    if data is None:
        return "empty"
    if isinstance(data, bool):
        return "true" if data else "false"
    if isinstance(data, dict):
        return "a mapping"
    if isinstance(data, list):
        return "a list"
    return f'"{_cut(data)}"' if isinstance(data, str) else str(data)


def _cut(text: str) -> str:
    short = text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 3]}..."
    return short.encode("unicode_escape").decode() if not short.isprintable() else short


def _choice(choices: list[Any]) -> str:
    words = [f"`{choice}`" for choice in choices]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"

"""Whatever is typed into a form comes back from the field it was typed into, or the form is refused."""

from __future__ import annotations

from pathlib import Path

from form_body import body
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocaas_ci.forges.forms import Field, fields_of, read

_FORMS = Path(__file__).parents[2] / ".github/ISSUE_TEMPLATE"
_COMMITTED = {p.name: fields_of(p.name, p.read_bytes()) for p in sorted(_FORMS.glob("[!c]*.yml"))}
_SMALL = (
    Field("a", "Alpha", "input", required=True),
    Field("b", "Beta", "textarea"),
    Field("c", "Gamma", "textarea", fenced=True),
    Field("d", "Delta", "textarea"),
    Field("e", "Epsilon", "dropdown", options=("one", "two")),
)


def _hostile(fields: tuple[Field, ...]) -> st.SearchStrategy[str]:
    """Return lines of which each could move the border of a field."""
    labels = [f.label for f in fields]
    line = st.one_of(
        st.sampled_from([f"### {label}" for label in labels]),
        st.sampled_from([f"## {label} ##" for label in labels]),
        st.sampled_from(["```", "````", "~~~", "``` yaml", "   ```", "> ```", "- ```", "~~~~~"]),
        st.sampled_from(["", "", "_No response_", "<!--", "-->", "- [X] one", "---", "***", "\t"]),
        st.sampled_from(["x", "key: value", "one", "two", "fake"]),
        st.text(max_size=12),
    )
    return st.lists(line, max_size=14).map("\n".join)


def _typed(fields: tuple[Field, ...]) -> st.SearchStrategy[dict[str, str]]:
    values = {}
    for field in fields:
        if field.kind == "textarea":
            values[field.id] = _hostile(fields)
        elif field.kind == "input":
            values[field.id] = st.one_of(
                _hostile(fields).map(lambda t: t.split("\n")[0]),
                st.text(alphabet=st.characters(exclude_characters="\n"), max_size=20),
            )
        elif field.kind == "dropdown":
            values[field.id] = st.sampled_from(field.options)
        else:
            values[field.id] = st.just(field.options)
    return st.fixed_dictionaries(values)


def _canonical(text: object) -> object:
    """Return what was typed, but for what a form cannot carry: space around it, and nothing at all."""
    if not isinstance(text, str):
        return text
    # A line feed follows in the form, and takes a carriage return for its own.
    lines = f"{text}\n".replace("\r\n", "\n").split("\n")
    while lines and not lines[0].strip(" \t"):
        lines.pop(0)
    value = "\n".join(lines).rstrip(" \t\n")
    return None if value in {"", "_No response_"} else value


def _check(fields: tuple[Field, ...], typed: dict[str, str], ends: str) -> None:
    reading = read(body(fields, typed).replace("\n", ends), fields)
    assert bool(reading.answers) != bool(reading.problems)
    for field in fields if reading.answers else ():
        expected = _canonical(typed[field.id])
        got = reading.answers[field.id]
        if field.kind == "input" and isinstance(expected, str):
            expected = expected.strip(" \t")
        assert got == expected, f"{field.id} of {typed}"


@settings(max_examples=600)
@given(_typed(_SMALL), st.sampled_from(["\n", "\r\n"]))
def test_answers_never_move(typed, ends):
    _check(_SMALL, typed, ends)


@settings(max_examples=150)
@given(st.data(), st.sampled_from(sorted(_COMMITTED)))
def test_answers_of_the_committed_forms_never_move(data, name):
    _check(_COMMITTED[name], data.draw(_typed(_COMMITTED[name])), "\n")


@given(st.text(alphabet=st.sampled_from("abcxyz 0123:[]{}-,.\n"), min_size=1, max_size=200))
def test_harmless_text_is_accepted(text):
    typed = {"a": "x", "b": text, "c": text, "d": text, "e": "one"}
    reading = read(body(_SMALL, typed), _SMALL)
    assert not reading.problems
    assert reading.answers["c"] == _canonical(text)


@settings(max_examples=300)
@given(st.one_of(_hostile(_SMALL), st.text(max_size=300)))
def test_any_text_is_read_or_refused(text):
    reading = read(text, _SMALL)
    assert bool(reading.answers) != bool(reading.problems)

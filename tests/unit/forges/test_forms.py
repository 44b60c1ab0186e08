"""Issue forms: what is read, and what is refused with which words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from neurocaas_ci.errors import UsageError
from neurocaas_ci.forges.form_text import fenced_value, heading_like, plain_lines
from neurocaas_ci.forges.forms import MAX_CHARACTERS, Field, begins, fields_of, read

# The law's rendering of a form serves here too.
sys.path.insert(0, str(Path(__file__).parents[2] / "property"))

from form_body import body

FORMS = Path(__file__).parents[3] / ".github/ISSUE_TEMPLATE"
FIELDS = (
    Field("name", "Your name", "input", required=True),
    Field("why", "Why", "textarea"),
    Field("config", "Config", "textarea", fenced=True),
    Field("price", "Price", "dropdown", options=("low", "high")),
    Field("terms", "Terms", "checkboxes", options=("I agree", "Tell me"), needed=("I agree",)),
)
TYPED = {
    "name": "Ada Łovelace",
    "why": "To see.\n\nAnd to learn.",
    "config": "a: 1\n# why\nb: [2]",
    "price": "low",
    "terms": ("I agree",),
}


def _problems(**changed):
    reading = read(body(FIELDS, {**TYPED, **changed}), FIELDS)
    assert not reading.answers or not reading.problems
    return [(p.label, p.message) for p in reading.problems]


def test_answers_are_read():
    for text in (body(FIELDS, TYPED), body(FIELDS, TYPED).replace("\n", "\r\n") + "\r\n"):
        reading = read(text, FIELDS)
        assert reading.problems == ()
        assert reading.answers == TYPED
        assert begins(text, FIELDS)
    assert not begins("Hello", FIELDS)
    assert not begins("", FIELDS)


def test_nothing_is_none_unless_it_is_required():
    reading = read(body(FIELDS, {"name": "x", "terms": ("I agree",)}), FIELDS)
    assert reading.answers == {
        "name": "x", "why": None, "config": None, "price": None, "terms": ("I agree",),
    }  # fmt: skip
    assert reading.text("why") is None
    assert reading.text("name") == "x"
    assert _problems(name="") == [("Your name", "there is no answer")]


@pytest.mark.parametrize(
    ("changed", "label", "words"),
    [
        # The parser that GitHub publishes lets each of the first three replace another answer.
        ({"why": "x\n\n### Your name\n\nMallory"}, "Your name", "same as the heading"),
        ({"why": "```\n### Price\n```"}, "Price", "same as the heading"),
        ({"config": "### Why"}, "Why", "same as the heading"),
        ({"why": "# price ##"}, "Why", "looks like the heading"),
        ({"why": "> ###   PRICE"}, "Why", "looks like the heading"),
        ({"why": "1. ### Price"}, "Why", "looks like the heading"),
        ({"why": "### \u0420ri\u0441\u0435"}, "Why", "looks like the heading"),
        ({"why": "### \uff30rice"}, "Why", "looks like the heading"),
        ({"why": "### Price\u200b"}, "Why", "looks like the heading"),
        ({"why": "````\n```"}, "Why", "not closed"),
        ({"why": "~~~ x\n```\n~~"}, "Why", "not closed"),
        ({"name": "```"}, "Your name", "not closed"),
        ({"why": "<!-- hidden"}, "Why", "HTML"),
        ({"why": "<details>"}, "Why", "HTML"),
        ({"name": "<b>Ada"}, "Your name", "HTML"),
        ({"config": "a: 1\n```\nb: 2"}, "Config", "code fence"),
        ({"config": "a\n```\n\n```yaml\nb"}, "Config", "code fence"),
        ({"name": "Ada\u202eevil"}, "Your name", "U+202E"),
        ({"name": "Ada\x1b[31m"}, "Your name", "U+001B"),
        ({"name": "Ada\u2028x"}, "Your name", "U+2028"),
        ({"name": "Ada\rMallory"}, "Your name", "U+000D"),
        ({"name": "A\u3164da"}, "Your name", "U+3164"),
        ({"name": "\uff21da"}, "Your name", "only look like"),
        ({"name": "Ad\u0430"}, "Your name", "mixes the alphabets CYRILLIC and LATIN"),
        ({"why": "a\u0085b"}, "Why", "U+0085"),
        ({"why": "a\u200bb"}, "Why", "U+200B"),
        ({"price": "free"}, "Price", "none of the choices"),
        ({"terms": ()}, "Terms", "is not ticked"),
    ],
)
def test_hostile_answers_are_refused(changed, label, words):
    found = _problems(**changed)
    assert [one for one, message in found if words in message] == [label], found


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "山田太郎 Ñandú O'Neil-Šťastný"},
        {"name": "Анна Ада"},
        {"why": "```\n# Price\n<b>\n```\nand a < b, #5, ###x"},
        {"why": "~~~~\n```\n~~~\n~~~~"},
        {"config": "text: '<!-- x -->'\n~~~\n# price"},
    ],
)
def test_harmless_answers_are_taken(changed):
    assert _problems(**changed) == []


def test_two_readings_are_refused():
    """A fence that spans fields hides the true headings, and shows false ones before them."""
    why = "x\n\n### Config\n\n```\nfalse\n```\n\n### Price\n\nhigh\n\n```"
    text = body(FIELDS, {**TYPED, "why": why, "config": "a"})
    assert {p.label for p in read(text, FIELDS).problems} == {"Config", "Price"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the heading of this field is missing"),
        ("hello " + body(FIELDS, TYPED), "missing"),
        ("hello\n\n" + body(FIELDS, TYPED), "text before the first field"),
        (body(FIELDS[::-1], TYPED), "not in the order"),
        (body(FIELDS[1:], TYPED), "missing"),
        (body(FIELDS, TYPED).replace("### Why", "### why"), "missing"),
        (body(FIELDS, TYPED).replace("- [X]", "- [X] ["), "boxes are not those"),
        (body(FIELDS, TYPED) + "\n\nmore", "boxes are not those"),
        (body(FIELDS, {**TYPED, "why": "x" * MAX_CHARACTERS}), "more than 65,536 characters"),
    ],
)
def test_what_is_no_form_is_refused(text, words):
    assert any(words in p.message for p in read(text, FIELDS).problems)


def test_large_texts_cost_little():
    """Linear in the text: each of these would take minutes if it were not."""
    for unit in ("`", "```\n", "#", "### ", "> " * 9 + "\n", "- [ ] I agree\n", "\n", " \t", "### Why\n"):  # fmt: skip
        text = unit * (MAX_CHARACTERS // len(unit) - 200)
        reading = read(body(FIELDS, {**TYPED, "why": text})[:MAX_CHARACTERS], FIELDS)
        assert reading.problems or reading.answers


def test_lines_that_look_alike_are_equal():
    words = "### Your name"
    for line in (
        "# your NAME", "  ### Your  name ###", "> - ## Your_name", "### \u0423our name", "######\tYour-name",
    ):  # fmt: skip
        assert heading_like(line) == heading_like(words)
    for line in ("#Your name", "Your name", "", "x ### Your name"):
        assert heading_like(line) != heading_like(words)


def test_fences_follow_commonmark():
    assert plain_lines(["a", "```x", "b", "````", "c"]) == ["a", "c"]
    assert plain_lines(["```", "``", "~~~", "``` x"]) is None
    assert plain_lines(["    ```", "``` `", "~~~ `", "~~~"]) == ["    ```", "``` `"]
    assert plain_lines(["```", "    ```"]) is None
    assert fenced_value(["````x", "```", "````"]) == ["```"]
    assert fenced_value(["```", "```"]) == []
    assert fenced_value(["```"]) is None
    assert fenced_value(["x", "```"]) is None
    assert fenced_value(["```", "a", "```", "```", "b", "```"]) is None


@pytest.mark.parametrize("name", ["user.yml", "job.yml"])
def test_the_committed_forms_are_understood(name):
    fields = fields_of(name, (FORMS / name).read_bytes())
    assert len(fields) > 3


def test_the_committed_forms_are_what_github_takes():
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.github-issue-forms",
    ]
    files = [str(FORMS / name) for name in ("user.yml", "job.yml")]
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "template",
    [
        "a: [",
        "name: x",
        "body: []",
        "body: [{type: input}]",
        "body: [{type: upload, id: a, attributes: {label: A}}]",
        "body: [{type: dropdown, id: a, attributes: {label: A, options: [x], multiple: true}}]",
        "body: [{type: input, id: a, attributes: {label: A}}, {type: input, id: b, attributes: {label: a}}]",
        "body: [{type: input, id: a, attributes: {label: A}}, {type: input, id: a, attributes: {label: B}}]",
    ],
)
def test_other_templates_are_refused(template):
    with pytest.raises(UsageError, match=r"f\.yml"):
        fields_of("f.yml", template.encode())

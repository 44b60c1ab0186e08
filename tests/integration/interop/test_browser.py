"""A page verifies certificates by itself, in a real browser and without asking anybody.

It is the unmodified library for browsers, which is less strict than the others in some points;
whoever builds pages on it has to know them.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from headless_browser import Browser, find_browser, serving, verifying_script
from interop_verifiers import Answer
from signed_results import b64
from tamper_rows import ROWS, VALID

pytestmark = pytest.mark.slow

PAGE = """<!doctype html><meta charset="utf-8"><title>Certificates</title>
<script{source}>{script}</script>
<script>
globalThis.answers = (async () => {{
  const answers = {{}};
  for (const [name, question] of Object.entries({questions})) {{
    answers[name] = await verifyCertificate(question);
  }}
  return answers;
}})();
</script>
"""

_TIME = "without the log's signed promise the time of the entry is taken on trust"
_FORM = "the browser's library does not look at it"
_DER = "of the DER around a signature only the two numbers count"
LENIENT = {
    "tlogEntries.0.inclusionPromise: no value of its kind": _TIME,
    "tlogEntries.0.inclusionPromise.signedEntryTimestamp: no value of its kind": _TIME,
    "tlogEntries.0.inclusionProof.checkpoint: no value of its kind": "the root is taken on trust",
    "mediaType: no value of its kind": _FORM,
    "mediaType: of no bundle": _FORM,
    "tlogEntries.0.inclusionPromise.signedEntryTimestamp: one bit, one byte": _DER,
    "tlogEntries.0.inclusionProof.checkpoint.envelope: another signature": _DER,
}
"""Changes that all others refuse and the browser's library accepts, at least in part."""


@pytest.fixture(scope="module")
def program():
    return find_browser()


@pytest.fixture(scope="module")
def script(program, tmp_path_factory):
    return verifying_script(tmp_path_factory.mktemp("script") / "verify.js")


@pytest.fixture
def web():
    with serving() as web:
        yield web


@pytest.fixture
def browser(program, tmp_path, web):
    folder = tmp_path / "profiles"
    folder.mkdir()
    return Browser(program, folder, web)


def page(questions, script=None):
    """Return a page with these questions in it, and with the verifier in it or beside it."""
    asked = {
        name: {
            "root": question.root.read_text(), "identity": question.identity,
            "issuer": question.issuer, "bundle": question.bundle.decode("utf-8", "replace"),
        }
        for name, question in questions.items()
    }  # fmt: skip
    source = ' src="verify.js"' if script is None else ""
    # Neither may end the element that it stands in.
    inline = (script or "").replace("</script", "<\\/script")
    literal = json.dumps(asked).replace("<", "\\u003c")
    return PAGE.format(source=source, script=inline, questions=literal)


def read(answers):
    return {
        name: Answer(answer.get("payload"), answer.get("refused", ""))
        for name, answer in answers.items()
    }


def some(signed):
    """Return questions about a certificate, and about some that do not hold."""
    payload = json.loads(signed.statement)
    payload["subject"][0]["digest"]["sha256"] = "b" * 64
    changed = signed.document
    changed["dsseEnvelope"]["payload"] = b64(json.dumps(payload).encode())
    mixed = signed.document
    mixed["dsseEnvelope"] = json.loads(signed.other)["dsseEnvelope"]
    return {
        "good": signed.asked,
        "other": signed.asked.about(signed.other),
        "changed": signed.asked.about(json.dumps(changed).encode()),
        "mixed": signed.asked.about(json.dumps(mixed).encode()),
    }


def check(answers, signed):
    found = read(answers)
    assert {n: a.said for n, a in found.items() if n in {"good", "other"} and not a.valid} == {}
    assert [name for name, answer in found.items() if answer.valid] == ["good", "other"]
    assert found["good"].payload == b64(signed.statement)


def test_a_page_on_the_web_verifies_and_asks_nobody(browser, web, script, signed):
    web.pages = {"/page.html": page(some(signed)), "/verify.js": script}
    visit = browser.visit(f"{web.address}/page.html")
    check(visit.answers, signed)
    assert visit.requests == [f"{web.address}/page.html", f"{web.address}/verify.js"]
    if browser.is_silent:
        assert set(web.asked) <= {"/page.html", "/verify.js", "/favicon.ico"}
        assert web.elsewhere == []


def test_a_page_in_a_file_verifies_and_asks_nobody(browser, web, script, signed, tmp_path):
    file = tmp_path / "page.html"
    file.write_text(page(some(signed), script))
    visit = browser.visit(file.as_uri())
    check(visit.answers, signed)
    assert visit.requests == [file.as_uri()]
    if browser.is_silent:
        assert web.asked == web.elsewhere == []


def test_another_signer_is_refused(browser, web, script, signed, tmp_path):
    file = tmp_path / "page.html"
    questions = {
        "right": signed.asked,
        "name": replace(signed.asked, identity=f"{signed.asked.identity}x"),
        "issuer": replace(signed.asked, issuer="https://example.org"),
    }
    file.write_text(page(questions, script))
    answers = read(browser.visit(file.as_uri()).answers)
    assert [name for name, answer in answers.items() if answer.valid] == ["right"]


def test_the_tamper_table_in_the_browser(browser, web, script, signed, tmp_path):
    questions, rows = {}, {}
    for row in (row for row in ROWS if row.ours != VALID and not row.js):
        for name, changed in row.change(signed, row.place):
            if isinstance(changed, dict):
                key = f"{row.name} {name}"
                rows[key] = row.name
                questions[key] = signed.asked.about(json.dumps(changed).encode())
    file = tmp_path / "page.html"
    file.write_text(page(questions, script))
    answers = read(browser.visit(file.as_uri()).answers)
    assert answers.keys() == questions.keys()
    assert {rows[key] for key, answer in answers.items() if answer.valid} == set(LENIENT)


def test_a_request_elsewhere_would_be_noticed(browser, web, tmp_path):
    """Prove the other tests: whatever a page asks for is seen, twice."""
    file = tmp_path / "page.html"
    file.write_text(
        "<script>globalThis.answers = Promise.allSettled(["
        "fetch('http://elsewhere.example/a'), fetch('https://elsewhere.example/b'),"
        f"fetch('{web.address}/c')]).then((all) => all.length)</script>"
    )
    visit = browser.visit(file.as_uri())
    assert visit.answers == 3
    asked = {"http://elsewhere.example/a", "https://elsewhere.example/b", f"{web.address}/c"}
    assert set(visit.requests) == asked | {file.as_uri()}
    assert {"CONNECT elsewhere.example:443", "GET http://elsewhere.example/a"} <= set(web.elsewhere)
    assert "/c" in web.asked

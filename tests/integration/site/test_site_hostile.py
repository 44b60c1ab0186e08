"""Strangers edit the registry: whatever they write is shown as text, in every place that shows it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from certify_facts import make_record
from site_world import MONTH, Page, files

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]

PAYLOADS = {
    "element": "<script>alert(1)</script>",
    "handler": '"><img src=x onerror=alert(1)>',
    "quote": "' onmouseover='alert(1)",
    "closing": "</title></style></code></pre><svg onload=alert(1)>",
    "comment": "<!-- --><iframe src=javascript:alert(1)>",
    "entity": "&lt;script&gt;&#x3c;b&#x3e;",
    "address": "javascript:alert(1)",
    "template": "{{7*7}} {% raw %} ${{ github.token }} <%= 1 %>",
}
HIDDEN = {
    "right to left": "safe\u202etxt.exe", "escape": "a\x1b[2Jb", "zero width": "pay\u200bload",
    "mark": "a\u2066b\u2069",
}  # fmt: skip
_ELEMENTS = {
    "a", "body", "code", "dd", "div", "dl", "dt", "footer", "h1", "h2", "h3", "head", "header", "html",
    "li", "link", "main", "meta", "nav", "ol", "p", "pre", "rect", "section", "small", "span", "strong",
    "svg", "table", "tbody", "td", "th", "thead", "title", "tr", "ul",
}  # fmt: skip
_ATTRIBUTES = {
    "aria-current", "aria-label", "charset", "class", "content", "data-label", "height", "href",
    "http-equiv", "id", "lang", "name", "preserveaspectratio", "rel", "role", "scope", "tabindex", "title",
    "viewbox", "width",
}  # fmt: skip


def poison(world, text):
    """Write a text into every place of a registry where a text may stand."""
    world.edit(
        "registry/blueprints/kalman-smoother.yaml",
        title=text, summary=text, subfield=text,
        references=[{"citation": text, "url": f"https://example.org/?q={'x' if ' ' in text else text}"}],
        parameters={
            "type": "object",
            "properties": {
                text: {"type": "string", "default": text, "enum": [text], "description": text},
                "other": {"type": "string", "pattern": text, "description": text},
            },
        },
    )  # fmt: skip
    world.edit("registry/users/ada.yaml", name=text)
    world.edit("registry/hardware/laptop.yaml", source=text)
    waiting = world.job("waiting-01", parameters={text: text}, cancelled={"reason": text})
    done = world.job("done-01", datasets=[{"uri": f"store:{text.replace('/', '')}", "sha256": "8" * 64, "size": 1}])  # fmt: skip

    def everywhere(statement):
        predicate = statement["predicate"]
        details, definition = predicate["runDetails"], predicate["buildDefinition"]
        details["metadata"]["invocationId"] = text
        details["metadata"]["startedOn"] = text
        details["builder"]["id"] = text
        details["builder"]["version"]["neurocaas-ci"] = text
        definition["externalParameters"]["parameters"] = {text: text}
        definition["externalParameters"]["registry"] = {"repository": text, "ref": text}
        definition["internalParameters"] = {
            "hardware": {"got": {"cpu_model": text, "cpus": text, "kernel": text}, "asked": {text: text}},
            "isolation": [{"runs": text, "level": text, "network": text, "enforced": [text]}],
        }  # fmt: skip
        for item in details["byproducts"]:
            if "annotations" in item:
                item["annotations"] |= {"message": text, "taken_from": text}
            if item.get("annotations", {}).get("status") not in {None, "succeeded"}:
                item["annotations"]["status"] = text
        name = text.replace("/", "").replace("\\", "") or "x"
        statement["subject"].append({"name": name, "digest": {"sha256": "a" * 64}})

    payload = world.certify(done, make_record(job=done), change=everywhere)
    world.attest(done, payload, "identical", text.replace("/", "")[:60])
    return waiting, done


def judge(made):
    """Fail where anything in a page is not what this site is made of."""
    for path, content in made.items():
        if not path.endswith(".html"):
            continue
        page = Page(content)
        for name, given in page.elements:
            assert name in _ELEMENTS, f"{path}: <{name}>"
            assert set(given) <= _ATTRIBUTES, f"{path}: {given}"
            link = str(given.get("href", "#"))
            assert ":" not in link or link.startswith(("https://", "http://", "data:,")), link
        (policy,) = [g["content"] for n, g in page.elements if g.get("http-equiv")]
        assert policy.startswith("default-src 'none'")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_hostile_text_is_only_text(world, tmp_path, payload):
    text = PAYLOADS[payload]
    waiting, done = poison(world, text)
    world.commit()
    world.site(tmp_path / "out", "--title", text)
    made = files(tmp_path / "out")
    judge(made)
    for path in ("index.html", f"jobs/{waiting}.html", f"jobs/{done}.html", "analyses.html",
                 "analyses/kalman-smoother.html"):  # fmt: skip
        assert text in Page(made[path]).text, path


@pytest.mark.parametrize("what", HIDDEN)
def test_what_hides_in_a_text_is_spelt_out(world, tmp_path, what):
    text = HIDDEN[what]
    world.edit("registry/blueprints/kalman-smoother.yaml", summary=text)
    world.edit("registry/users/ada.yaml", name=text)
    world.commit()
    world.site(tmp_path / "out")
    made = files(tmp_path / "out")
    judge(made)
    for content in made.values():
        assert text.encode() not in content


@pytest.mark.parametrize(
    "name", ["<img src=x onerror=alert(1)>", "..", "a b", "%2e%2e", "Ä", "con\nx"]
)
def test_a_hostile_file_name_becomes_no_page(world, tmp_path, name):
    text = (world.repo / "registry/blueprints/kalman-smoother.yaml").read_text()
    world.write(f"registry/blueprints/{name}.yaml", text)
    world.write(f"registry/jobs/{name if name != '..' else 'x..'}/{MONTH}/job-01.yaml", "a: 1\n")
    world.write(f"registry/jobs/ada/{MONTH}/{name}.yaml", "a: 1\n")
    world.commit()
    done = world.site(tmp_path / "out")
    made = files(tmp_path / "out")
    judge(made)
    assert {path for path in made if path.startswith("jobs/")} == set()
    shipped = {path.stem for path in (ROOT / "registry/blueprints").glob("*.yaml")}
    assert {p for p in made if p.startswith("analyses/")} == {f"analyses/{n}.html" for n in shipped}
    assert done.stderr.count("left out: ") == 3
    assert "\x1b" not in done.stderr


def test_links_and_folders_in_the_place_of_files_are_not_followed(world, tmp_path):
    job = world.job("tracking-01")
    secret = tmp_path / "secret"
    secret.write_text("the secret")
    (world.repo / f"certificates/ada/{MONTH}").mkdir(parents=True)
    os.symlink(secret, world.repo / f"certificates/{job}.sigstore.json")
    (world.repo / "registry/blueprints/pmd.yaml").unlink()
    os.symlink(secret, world.repo / "registry/blueprints/pmd.yaml")
    world.commit()
    world.site(tmp_path / "out")
    made = files(tmp_path / "out")
    assert not any(b"the secret" in content for content in made.values())
    assert "unreadable" in Page(made[f"jobs/{job}.html"]).text
    assert "analyses/pmd.html" not in made


def test_a_certificate_in_anothers_place_is_not_shown_as_his(world, tmp_path):
    mine, his = world.job("mine-01"), world.job("his-01", login="grace")
    world.certify(mine)
    content = (world.repo / f"certificates/{mine}.sigstore.json").read_bytes()
    world.write(f"certificates/{his}.sigstore.json", content)
    world.commit()
    world.site(tmp_path / "out")
    assert (
        f"it is the certificate of {mine}"
        in Page((tmp_path / f"out/jobs/{his}.html").read_bytes()).text
    )
    assert not (tmp_path / f"out/jobs/{his}.sigstore.json").exists()


def test_a_verdict_about_another_job_counts_for_neither(world, tmp_path):
    one, two = world.job("one-01"), world.job("two-01")
    payload = world.certify(one)
    world.certify(two)
    world.attest(one, payload, "identical", "moved")
    world.git("add", "-A")
    source = world.repo / f"certificates/{one}.replays"
    source.rename(world.repo / f"certificates/{two}.replays")
    world.commit()
    world.site(tmp_path / "out")
    assert "identical" not in Page((tmp_path / "out/jobs.html").read_bytes()).text

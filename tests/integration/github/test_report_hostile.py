"""Names, artifacts and comments of strangers: shown as text, believed in nothing, and obeyed by nobody."""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from actions import Actions
from fake import archive
from platform_on_github import ADA, GRACE, MALLORY, REPOSITORY, Bot, job, propose, registry_files
from workflow_world import workflow_files

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

VALIDATE = ".github/workflows/validate.yml"
OWN, OWN_TEXT = job()
CERTIFICATE = "certificates/grace/2026-11/theirs.sigstore.json"


@pytest.fixture
def repository(hub):
    return hub.create_repository(REPOSITORY, files={**registry_files(), CERTIFICATE: "{}"})


@pytest.fixture
def bot(hub, repository, tmp_path):
    return Bot(hub, repository, tmp_path)


def outside_code(text: str) -> str:
    """Return a comment without its code blocks and spans, where Markdown and HTML mean nothing."""
    text = re.sub(r"(?ms)^(`{3,})[^\n]*\n.*?^\1`*$", "", text)
    return re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", text)


def is_open(repository, number) -> bool:
    return repository.items[number].state == "open"


NAMES = {
    "a command": "registry/jobs/ada/2026-11/$(touch pwned).yaml",
    "a back quote": "registry/jobs/ada/2026-11/`touch pwned`.yaml",
    "HTML": "registry/jobs/ada/2026-11/<img src=x onerror=alert(1)>.yaml",
    "a mention and a link": "registry/jobs/ada/2026-11/@everyone [x](javascript:evil.example) ![x](y).yaml",
    "an annotation": "registry/jobs/ada/2026-11/a\n::error file=x::fake.yaml",
    "a heading": "registry/jobs/ada/2026-11/a\n\n# NeuroCAAS: valid; merged\n\n.yaml",
    "an option": "registry/jobs/ada/2026-11/--upload-pack=touch pwned.yaml",
    "an escape": "registry/jobs/ada/2026-11/\x1b]0;pwned\x07.yaml",
    "right to left": "registry/jobs/ada/2026-11/\u202egnp.yaml",
}


@pytest.mark.parametrize("case", NAMES)
def test_a_hostile_file_name_is_refused_and_only_text(hub, repository, bot, case):
    number = propose(hub, repository, "ada", ADA, {NAMES[case]: OWN_TEXT})
    talk, comment = bot.report(number, code=10)
    assert is_open(repository, number)
    assert "NC-" in comment
    plain = outside_code(comment)
    for word in ("<img", "@everyone", "evil.example", "![", "\n# ", "\x1b", "\u202e"):
        assert word not in plain, plain
    assert not any(line.startswith("::") for line in (comment + talk).splitlines())
    assert "\x1b" not in talk
    assert not list(bot.clone.parent.rglob("pwned*"))


BRANCHES = (
    'x";touch${IFS}pwned;"$(touch${IFS}pwned)`touch${IFS}pwned`', "--upload-pack=x", "refs/heads/main",
    "<script>alert(1)</script>\u0430da",
)  # fmt: skip


@pytest.mark.parametrize("branch", BRANCHES)
def test_a_hostile_branch_name_means_nothing(hub, repository, bot, branch):
    path, text = job(user="grace")
    number = propose(hub, repository, "ada", ADA, {path: text}, branch=f"x/{branch}")
    _, comment = bot.report(number, code=10)
    assert is_open(repository, number)
    assert "script" not in outside_code(comment)
    assert not list(bot.clone.parent.rglob("pwned*"))


FOREIGN = {
    "another's budget": {"registry/users/grace.yaml": ("budget_usd: 20", "budget_usd: 9000")},
    "the budget of a group": {
        "registry/groups/example-lab.yaml": ("budget_usd: ", "budget_usd: 9")
    },
    "another's number": {"registry/users/grace.yaml": ("forge_id: 102", "forge_id: 101")},
    "another's certificate": {CERTIFICATE: ("{}", '{"mine": 1}')},
}


@pytest.mark.parametrize("case", FOREIGN)
def test_what_is_anothers_is_not_changed(hub, repository, bot, case):
    ((path, (old, new)),) = FOREIGN[case].items()
    text = repository.read(path).decode()
    assert old in text
    number = propose(hub, repository, "ada", ADA, {path: text.replace(old, new, 1), OWN: OWN_TEXT})
    main = repository.head()
    _, comment = bot.report(number, code=None)
    assert repository.head() == main
    assert "maintainer" in comment or "NC-" in comment


def zipped(entries) -> bytes:
    """Return an archive in which names may stand twice."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in entries:
            made.writestr(name, content)
    return target.getvalue()


GOOD = {"schema": "neurocaas/rebuild/v1", "rebuilds": []}
ARTIFACTS = {
    "another number": archive({"number": "1", "pr.json": '{"number": 1}', "rebuild.json": json.dumps({**GOOD, "number": 1})}),
    "a verdict": archive({"plan.json": '{"verdict": "auto"}', "findings.json": "[]", "rebuild.json": json.dumps({"merge": True})}),
    "a bomb": zipped([("rebuild.json", b"0" * 50_000_000)]),
    "a way out": zipped([("../../rebuild.json", "{}"), ("/etc/rebuild.json", "{}")]),
    "one name twice": zipped([("rebuild.json", "[]"), ("rebuild.json", json.dumps(GOOD))]),
    "no archive": b"PK\x03\x04 and nothing more",
    "a deep document": archive({"rebuild.json": "[" * 100_000}),
    "not a number": archive({"rebuild.json": '{"schema": "neurocaas/rebuild/v1", "rebuilds": NaN}'}),
}  # fmt: skip


@pytest.mark.parametrize("case", ARTIFACTS)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_forged_artifact_speaks_for_nobody(hub, repository, bot, case):
    """Which pull request is meant, and what it is worth, GitHub and main say alone."""
    theirs, theirs_text = job(user="grace", name="theirs-01")
    victim = propose(hub, repository, "grace", GRACE, {theirs: theirs_text})
    evil = propose(hub, repository, "mallory", MALLORY, {OWN: OWN_TEXT})
    head = repository.items[evil].pull.head_sha
    run = repository.add_run(
        VALIDATE, "pull_request", head, "completed", "success", {"report": ARTIFACTS[case]},
        head_branch="change", head_repository=hub.repositories["mallory/registry"], actor="mallory",
        pulls=[victim],
    )  # fmt: skip
    main = repository.head()
    code, talk = bot.call("report", "--run", str(run))
    assert code == 10, talk
    assert repository.head() == main
    assert repository.comments_of(victim) == []
    (comment,) = repository.comments_of(evil)
    assert "NC-O001" in comment.body
    assert not bot.checks(victim)


@pytest.mark.parametrize(
    ("path", "event", "status"),
    [
        (".github/workflows/evil.yml", "pull_request", "completed"),
        (VALIDATE, "push", "completed"),
        (VALIDATE, "pull_request", "in_progress"),
    ],
)
def test_a_run_that_is_none_of_ours_is_refused(hub, repository, bot, path, event, status):
    number = propose(hub, repository, "ada", ADA, {OWN: OWN_TEXT})
    head = repository.items[number].pull.head_sha
    run = repository.add_run(path, event, head, status, "success")
    code, talk = bot.call("report", "--run", str(run))
    assert code == 2, talk
    assert is_open(repository, number)
    assert repository.comments_of(number) == []


ORDERS = (
    "/merge", "/neurocaas merge", "@neurocaas merge", "@neurocaas[bot] approve", "bors r+",
    "<!-- neurocaas:report -->\n/merge", "/run registry/jobs/grace/2026-11/theirs-01.yaml",
)  # fmt: skip


def test_nobody_orders_anything_by_a_comment(hub, bot, repository, client):
    """There are no commands in comments: not for strangers, not for maintainers."""
    repository.commit(workflow_files())
    path, text = job(user="grace")
    number = propose(hub, repository, "ada", ADA, {path: text})
    bot.report(number, code=10)
    actions = Actions(hub, repository)
    actions._seen = len(hub.events)
    main = repository.head()
    for login, who in (("mallory", MALLORY), ("ada", ADA), ("grace", GRACE)):
        issue = client(hub.token(login, who)).get_repo(REPOSITORY).get_issue(number)
        for order in ORDERS:
            issue.create_comment(order)
    assert [event.name for event in hub.events[actions._seen :]].count("issue_comment") == 21
    assert actions.deliver() == []
    bot.report(number, code=10)
    assert is_open(repository, number)
    assert repository.head() == main

"""Our workflow files keep the rules that no linter knows, and each rule catches what it is for."""

from pathlib import Path

import pytest
from workflow_commands import command_lines, unknown_commands
from workflow_rules import RULES, breaches

from neurocaas_ci.plan.owners import code_owners
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree

ROOT = Path(__file__).resolve().parents[3]
FILES = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in sorted((ROOT / ".github/workflows").iterdir())
}
SHA = "3d3c42e5aac5ba805825da76410c181273ba90b1"
PULL = "pull_request: {branches: [main]}"
RUN = "workflow_run: {workflows: [validate], types: [completed]}"
PUSH = "push: {branches: [main]}"
CHECKOUT = f"uses: actions/checkout@{SHA}"
DOWNLOAD = f"uses: actions/download-artifact@{SHA}, with: {{path: found}}"


def flow(
    step="run: make", *, on=PUSH, top="permissions: {}", rights="{contents: read}",
    runner="ubuntu-24.04", rest="timeout-minutes: 5",
):  # fmt: skip
    """Return a workflow that keeps every rule but for what is given."""
    return (
        f"on: {{{on}}}\n{top}\njobs:\n  one:\n    runs-on: {runner}\n    permissions: {rights}\n"
        f"    {rest}\n    steps:\n      - {{{step}}}\n"
    )


GUARDED = "timeout-minutes: 5\n    environment: bot"
IF = "\n    if: ${{{{ {} }}}}"
CALLER = (
    "\njobs:\n  call:\n    permissions: {contents: read}\n    uses: ./.github/workflows/sign.yml\n"
)
REUSED = flow(on="workflow_call: {}", runner="my-machine")
BAD = {
    "no permissions at the top": ("permissions", flow(top="name: x")),
    "rights for all jobs": ("permissions", flow(top="permissions: {contents: read}")),
    "no permissions of the job": ("permissions", flow().replace("    permissions: {contents: read}\n", "")),
    "pull_request_target": ("events", flow(on="pull_request_target: {}")),
    "comments are commands": ("events", flow(on="issue_comment: {}")),
    "push to any branch": ("events", flow(on="push: {}")),
    "push of tags": ("events", flow(on="push: {branches: [main], tags: ['*']}")),
    "a pull request that writes": ("rights", flow(on=PULL, rights="{pull-requests: write}")),
    "all rights": ("rights", flow(rights="write-all")),
    "contents without environment": ("rights", flow(rights="{contents: write}")),
    "identity without environment": ("rights", flow(rights="{id-token: write}")),
    "identity for strangers": ("rights", flow(on=RUN, rights="{id-token: write}", rest=GUARDED)),
    "identity for strangers, by a condition that is no guard": (
        "rights", flow(on=RUN, rights="{id-token: write}", rest=GUARDED + IF.format(
            "github.event.workflow_run.conclusion != 'failure'"))),
    "identity for strangers, by a condition that nobody can judge": (
        "rights", flow(on=RUN, rights="{id-token: write}", rest=GUARDED + IF.format(
            "always() && github.event.workflow_run.event == 'push'"))),
    "identity for forms": ("rights", flow(on="issues: {}", rights="{id-token: write}", rest=GUARDED)),
    "a secret for pull requests": (
        "secrets", flow("run: make, env: {KEY: '${{ secrets.KEY }}'}", on=PULL, rest=GUARDED)),
    "all secrets for pull requests": (
        "secrets", flow("run: make, env: {KEY: '${{ toJSON(secrets) }}'}", on=PULL)),
    "an environment for pull requests": ("secrets", flow(on=PULL, rest=GUARDED)),
    "a secret without environment": (
        "secrets", flow("run: make, env: {KEY: '${{ secrets.KEY }}'}")),
    "a sourced file": ("artifacts", flow("run: 'source found/env'")),
    "a file sourced by a dot": ("artifacts", flow("run: 'make && . found/env'")),
    "an evaluated file": ("artifacts", flow("run: 'eval \"$(cat found/x)\"'")),
    "the environment of later steps": ("artifacts", flow("run: 'cat x >> \"$GITHUB_ENV\"'")),
    "an artifact of strangers": ("artifacts", flow(DOWNLOAD, on=RUN)),
    "an artifact of strangers by hand": ("artifacts", flow("run: gh run download 1", on=RUN)),
    "an artifact over the code": ("artifacts", flow(DOWNLOAD.replace("found", "."))),
    "an executed artifact": ("artifacts", flow(f"{DOWNLOAD}}}\n      - {{run: found/tool")),
    "an artifact as a script": ("artifacts", flow(f"{DOWNLOAD}}}\n      - {{run: bash ./found/x")),
    "credentials that stay": ("checkout", flow(CHECKOUT)),
    "the code of a pull request": (
        "checkout", flow(f"{CHECKOUT}, with: {{persist-credentials: false}}", on=PULL)),
    "the head of a pull request": (
        "checkout",
        flow(f"{CHECKOUT}, with: {{persist-credentials: false, "
             "ref: '${{ github.event.workflow_run.head_sha }}'}", on=RUN)),
    "a fork's code": (
        "checkout", flow(f"{CHECKOUT}, with: {{persist-credentials: false, repository: a/b}}")),
    "a cache": ("cache", flow(f"uses: actions/cache@{SHA}")),
    "a part of the cache action": ("cache", flow(f"uses: actions/cache/restore@{SHA}")),
    "a cache of packages": ("cache", flow(f"uses: actions/setup-python@{SHA}, with: {{cache: pip}}")),
    "no end": ("timeouts", flow(rest="name: x")),
    "an event in a script": ("expressions", flow("run: 'echo ${{ github.event.issue.title }}'")),
    "an input in a script": ("expressions", flow("run: 'echo ${{ inputs.x }}'")),
    "our machine for pull requests": ("runners", flow(on=PULL, runner="self-hosted")),
    "labels of our machine": ("runners", flow(on=PULL, runner="[self-hosted, linux]")),
    "a machine by a variable": ("runners", flow(on=RUN, runner="'${{ vars.RUNNER }}'")),
    "an action by its tag": ("actions", flow("uses: actions/checkout@v7")),
    "an action by a branch": ("actions", flow("uses: actions/setup-python@main")),
    "an image": ("actions", flow("uses: 'docker://alpine:3'")),
    "an action of this checkout": ("actions", flow("uses: ./.github/actions/setup")),
    "somebody's action": ("actions", flow(f"uses: someone/something@{SHA}")),
    "an unknown command": ("commands", flow("run: .venv/bin/neurocaas fly")),
    "an unknown option": ("commands", flow("run: .venv/bin/neurocaas plan --fast")),
    "an unknown format": ("commands", flow("run: neurocaas plan --format github > x")),
    "an unknown part of a command": ("commands", flow("run: make && neurocaas pr dance 3")),
    "an option that is missing": ("commands", flow("run: neurocaas onboard || true")),
}  # fmt: skip


def test_our_workflows_keep_the_rules():
    assert len(FILES) >= 8
    assert breaches(FILES) == []


@pytest.mark.parametrize("case", BAD)
def test_a_bad_workflow_is_caught_by_its_rule(case):
    rule, text = BAD[case]
    assert rule in {name for name, _ in breaches({".github/workflows/x.yml": text})}


def test_the_workflow_that_the_bad_ones_differ_from_is_good():
    assert breaches({".github/workflows/x.yml": flow()}) == []
    assert breaches({".github/workflows/x.yml": flow(on=PULL)}) == []


def test_an_identity_after_a_run_that_no_stranger_can_start_is_good():
    guard = IF.format("github.event.workflow_run.event == 'push'")
    text = flow(on=RUN, rights="{id-token: write}", rest=GUARDED + guard)
    assert breaches({".github/workflows/x.yml": text}) == []


def test_every_rule_has_a_bad_workflow():
    assert {rule for rule, _ in BAD.values()} == set(RULES)


@pytest.mark.parametrize(("event", "caught"), [(PULL, True), (PUSH, False)])
def test_a_called_workflow_is_judged_by_who_may_start_its_caller(event, caught):
    caller = f"on: {{{event}}}\npermissions: {{}}{CALLER}"
    files = {".github/workflows/sign.yml": REUSED, ".github/workflows/a.yml": caller}
    assert bool(breaches(files)) is caught


@pytest.mark.parametrize(
    ("script", "calls"),
    [
        ('a | .venv/bin/neurocaas plan --base "$A" \\\n  --head "$B" 2>&1 | tee x',
         [["plan", "--base", "$A", "--head", "$B"]]),
        ("neurocaas run || [ $? = 12 ]; neurocaas certify 2> log", [["run"], ["certify"]]),
        ("if ! A=b neurocaas fly; then x; fi", [["fly"]]),
        ('x="$(neurocaas fly)"', [["fly"]]),
        ("xargs .venv/bin/neurocaas fly", [["fly"]]),
        ('mkdir "$data/neurocaas" && tar -cf x neurocaas', []),
    ],
)  # fmt: skip
def test_commands_are_found_wherever_they_stand(script, calls):
    assert list(command_lines(script)) == calls


def test_what_is_right_is_not_an_unknown_command():
    script = (
        'neurocaas plan --base "$A" --format json > x || [ $? = 10 ]\n.venv/bin/neurocaas pr list'
    )
    assert list(unknown_commands(script)) == []


def test_code_owners_are_who_the_registry_names():
    """`neurocaas init owners` writes the file anew."""
    assert (ROOT / ".github/CODEOWNERS").read_text() == code_owners(Registry(FolderTree(ROOT)))


def test_code_owners_name_what_is_there():
    rows = [
        line.split()[0] for line in (ROOT / ".github/CODEOWNERS").read_text().splitlines()
        if line and not line.startswith("#")
    ]  # fmt: skip
    made_later = {"/certificates/", "/registry/trust/"}
    assert [p for p in rows if p not in made_later and not list(ROOT.glob(p.strip("/")))] == []

"""The report on GitHub: own jobs are merged, everything else waits or is refused, with reasons."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from platform_on_github import (
    ADA,
    BUDGET,
    GRACE,
    MALLORY,
    REPOSITORY,
    Bot,
    job,
    propose,
    registry_files,
)

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def repository(hub):
    return hub.create_repository(REPOSITORY, files=registry_files())


@pytest.fixture
def bot(hub, repository, tmp_path):
    return Bot(hub, repository, tmp_path)


def state(hub, repository, number):
    pull = repository.items[number].pull
    return "merged" if pull.merged_at else repository.items[number].state


def test_an_own_job_is_reported_and_merged(hub, repository, bot):
    path, text = job()
    number = propose(hub, repository, "ada", ADA, {path: text})
    before = len(hub.calls)
    talk, comment = bot.report(number)
    assert "valid; merged by itself" in talk
    assert comment.startswith("<!-- neurocaas:report -->\n**NeuroCAAS: valid; merged by itself**")
    assert "kalman-smoother" in comment
    check = bot.checks(number)["neurocaas"]
    assert (check.facts["status"], check.facts["conclusion"]) == ("completed", "success")
    assert state(hub, repository, number) == "merged"
    assert repository.read(path) == text.encode()
    # An app's merge starts what a push to main starts.
    assert ("push", "refs/heads/main") in [(e.name, e.payload.get("ref")) for e in hub.events]
    assert hub.violations == []
    asked = [call for call in hub.calls[before:] if not call.operation.startswith("git/upload")]
    assert len(asked) <= 20, [call.operation for call in asked]


def test_reporting_again_says_the_same_once(hub, repository, bot):
    path, text = job(user="grace")
    number = propose(hub, repository, "ada", ADA, {path: text})
    _, first = bot.report(number, code=None)
    before = len([c for c in hub.calls if c.method != "GET"])
    _, again = bot.report(number, code=None)
    assert first == again
    writes = [c for c in hub.calls if c.method != "GET" and "git" not in c.operation][before:]
    assert [c.operation for c in writes if c.operation.startswith("issues/")] == []
    assert len(bot.checks(number)) == 1


def test_a_hundred_jobs_in_one_pull_request_are_merged_at_once(hub, repository, bot):
    files = dict(job(name=f"sweep-{n:03}", max_runtime="1m") for n in range(100))
    number = propose(hub, repository, "ada", ADA, files)
    before = len(hub.calls)
    bot.report(number)
    assert state(hub, repository, number) == "merged"
    assert len(hub.calls) - before <= 25
    assert hub.violations == []


def test_broken_rules_are_said_with_their_fix_and_nothing_is_merged(hub, repository, bot):
    path, text = job(parameters={"em_iterations": -1})
    number = propose(hub, repository, "ada", ADA, {path: text})
    _, comment = bot.report(number, code=10)
    assert "to be mended: 1 error in 1 file" in comment
    assert f"`{path}:" in comment
    assert bot.checks(number)["neurocaas"].facts["conclusion"] == "failure"
    assert state(hub, repository, number) == "open"


def test_a_dry_run_writes_nothing(hub, repository, bot):
    path, text = job()
    number = propose(hub, repository, "ada", ADA, {path: text})
    talk, comment = bot.report(number, "--dry-run")
    assert "NeuroCAAS" in talk
    assert comment == ""
    assert bot.checks(number) == {}
    assert state(hub, repository, number) == "open"


def test_the_label_hold_keeps_the_bot_away(hub, repository, bot, client):
    path, text = job()
    number = propose(hub, repository, "ada", ADA, {path: text})
    repository.add_collaborator("grace")
    maintainer = client(hub.token("grace", GRACE)).get_repo(REPOSITORY)
    maintainer.create_label("hold", "ff0000")
    maintainer.get_issue(number).add_to_labels("hold")
    _, comment = bot.report(number)
    assert "not merged by itself: it has the label" in comment.replace("\\", "")
    assert state(hub, repository, number) == "open"


def test_an_answer_that_is_lost_after_the_merge_is_no_failure(hub, repository, bot):
    path, text = job()
    number = propose(hub, repository, "ada", ADA, {path: text})
    hub.drop("pulls/merge", after=True)
    bot.report(number)
    assert state(hub, repository, number) == "merged"


@pytest.mark.parametrize("operation", ["issues/create-comment", "checks/create"])
def test_what_was_written_twice_by_a_lost_answer_is_one_again(hub, repository, bot, operation):
    path, text = job(user="grace")
    number = propose(hub, repository, "ada", ADA, {path: text})
    hub.drop(operation, after=True)
    bot.run("report", "--pull", str(number), code=None)
    bot.report(number, code=None)


@pytest.mark.parametrize(
    "fault",
    [
        lambda hub: hub.fail("pulls/get", status=502, times=2),
        lambda hub: hub.limit("issues/create-comment", retry_after=1),
        lambda hub: hub.limit("checks/create", status=429, retry_after=1),
    ],
    ids=["a bad gateway", "secondary limit", "too many requests"],
)
def test_a_passing_fault_is_waited_for(hub, repository, bot, fault):
    path, text = job()
    number = propose(hub, repository, "ada", ADA, {path: text})
    fault(hub)
    bot.report(number)
    assert state(hub, repository, number) == "merged"


@pytest.mark.slow
def test_a_lasting_fault_is_an_error_that_says_so(hub, repository, bot):
    path, text = job()
    number = propose(hub, repository, "ada", ADA, {path: text})
    hub.fail("pulls/get", status=503, times=None)
    done = bot.run("report", "--pull", str(number), code=16)
    assert "Traceback" not in done.stderr
    assert "GitHub" in done.stderr


def test_a_permission_that_lacks_is_named(hub, repository, bot):
    path, text = job()
    number = propose(hub, repository, "ada", ADA, {path: text})
    weak = hub.token("weak", kind="app", permissions={"contents": "read", "pull_requests": "read"})
    without = {"NEUROCAAS_APP_ID": "", "NEUROCAAS_APP_KEY": "", "GITHUB_TOKEN": weak.value}
    done = bot.run("report", "--pull", str(number), code=2, **without, NEUROCAAS_BOT="weak[bot]")
    assert "Resource not accessible by integration" in done.stderr
    assert "doctor" in done.stderr
    assert weak.value not in done.stdout + done.stderr


def dear(name: str, datasets: int) -> tuple[str, str]:
    """Return a job of which each dataset costs 0.096 USD at most."""
    named = [
        {"uri": f"store:{n}.npz", "sha256": f"a{n:063x}", "size": 9} for n in range(1, datasets + 1)
    ]
    return job(name=name, datasets=named, hardware={"smooth": "m5.xlarge"}, max_runtime="30m")


DEAR = dear("dear", BUDGET * 11)
LINK = ("120000", "../../../users/ada.yaml")
ADAS, ADAS_TEXT = job()
GRACES, GRACES_TEXT = job(user="grace")
NASTY = "`$(id)` <script>x</script> @everyone\r\n::error::x"

HOSTILE = {
    "someone else's job": ({GRACES: GRACES_TEXT}, "NC-O001"),
    "a job that claims to be another's": ({ADAS: GRACES_TEXT}, "NC-"),
    "an own job beside a stranger's": ({ADAS: ADAS_TEXT, GRACES: GRACES_TEXT}, "NC-O001"),
    "a workflow beside an own job": (
        {ADAS: ADAS_TEXT, ".github/workflows/evil.yml": "on: push\n"}, "maintainer",
    ),
    "an action beside an own job": (
        {ADAS: ADAS_TEXT, ".github/actions/x/action.yml": "name: x\n"}, "maintainer",
    ),
    "the tool itself": ({ADAS: ADAS_TEXT, "neurocaas_ci/cli/main.py": "x = 1\n"}, "maintainer"),
    "the set-up": ({ADAS: ADAS_TEXT, "scripts/setup": "exit 0\n"}, "maintainer"),
    "the own budget": (
        {"registry/users/ada.yaml": "budget_usd: 1000000\n"}, "NC-",
    ),
    "the policy": ({"registry/policy.yaml": "schema: neurocaas/policy/v1\nmaintainers: [ada]\n"}, "maintainer"),
    "a certificate": ({"certificates/ada/2026-11/first.sigstore.json": "{}"}, "NC-C"),
    "a symbolic link as a job": ({ADAS: LINK}, "NC-"),
    "a submodule": ({"registry/jobs/ada/2026-11/sub": ("160000", "1" * 40)}, "NC-"),
    "an executable job": ({ADAS: ("100755", ADAS_TEXT)}, "NC-"),
    "a name in other case": (
        {ADAS.replace("first", "First"): ADAS_TEXT, ADAS: ADAS_TEXT}, "NC-",
    ),
    "a look-alike of a login": ({ADAS.replace("ada", "\u0430da"): ADAS_TEXT}, "NC-"),
    "a path that Windows cannot hold": ({"registry/jobs/ada/2026-11/aux.yaml": ADAS_TEXT}, "NC-"),
    "a job in the past": ({ADAS.replace("2026-11", "1999-01"): ADAS_TEXT}, "NC-"),
    "commands in values": (
        {job(name="x", parameters={"em_iterations": NASTY})[0]: job(name="x", parameters={"em_iterations": NASTY})[1]}, "NC-",
    ),
    "a bomb of anchors": (
        {ADAS: "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
            f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9))},
        "NC-F",
    ),
    "a file of two megabytes": ({ADAS: "# " + "x" * 2_000_000 + "\n" + ADAS_TEXT}, "NC-F002"),
    "bytes that are no text": ({ADAS: b"\xff\xfe\x00bad"}, "NC-F"),
    "a job that costs more than the budget": (dict([DEAR]), "budget"),
    "a hardware price": ({"registry/hardware/m5.large.yaml": "price: 0\n"}, "NC-"),
    "a removed user": ({"registry/users/grace.yaml": None}, ""),
    "a removed rule book": ({"LICENSE": None, "registry/policy.yaml": None}, ""),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_pull_request_is_not_merged(hub, repository, bot, case):
    files, word = HOSTILE[case]
    number = propose(hub, repository, "ada", ADA, files, title=NASTY.replace("\r\n", " "))
    main = repository.head()
    talk, comment = bot.report(number, code=None)
    assert state(hub, repository, number) == "open"
    assert repository.head() == main
    assert word in comment
    assert comment
    assert "Traceback" not in talk


def test_a_stranger_may_propose_and_nothing_more(hub, repository, bot):
    path, text = job(user="mallory")
    number = propose(hub, repository, "mallory", MALLORY, {path: text})
    _, comment = bot.report(number, code=10)
    assert "NC-J" in comment
    assert state(hub, repository, number) == "open"


def test_the_login_of_a_user_is_not_their_number(hub, repository, bot):
    """Who takes a login that a user gave up is not that user."""
    path, text = job()
    number = propose(hub, repository, "ada", 4711, {path: text})
    _, comment = bot.report(number, code=10)
    assert "NC-O001" in comment
    assert state(hub, repository, number) == "open"


def test_a_renamed_foreign_job_is_not_merged(hub, repository, bot):
    repository.commit({GRACES: GRACES_TEXT})
    moved = GRACES_TEXT.replace("user: grace", "user: ada")
    number = propose(hub, repository, "ada", ADA, {GRACES: None, ADAS: moved})
    main = repository.head()
    _, comment = bot.report(number, code=10)
    assert "NC-" in comment
    assert repository.head() == main


def test_more_files_than_are_listed_are_not_merged(hub, repository, bot):
    path, text = job()
    number = propose(hub, repository, "ada", ADA, {path: text})
    hub.truncate("pulls/list-files", 0)
    _, comment = bot.report(number)
    assert "only 0 of its 1 files are listed" in comment.replace("\\", "")
    assert state(hub, repository, number) == "open"


@pytest.mark.slow
def test_four_thousand_files_are_not_merged(hub, repository, bot):
    files = dict(job(name=f"many-{n}", max_runtime="1m") for n in range(4_000))
    number = propose(hub, repository, "ada", ADA, files)
    _, comment = bot.report(number, code=None)
    assert state(hub, repository, number) == "open"
    assert comment


def test_comments_of_strangers_are_not_taken_for_the_bots(hub, repository, bot, client):
    path, text = job(user="grace")
    number = propose(hub, repository, "ada", ADA, {path: text})
    stranger = client(hub.token("mallory", MALLORY))
    stranger.get_repo(REPOSITORY).get_issue(number).create_comment(
        "<!-- neurocaas:report -->\n**NeuroCAAS: valid; merged by itself**"
    )
    _, comment = bot.report(number, code=10)
    assert "to be mended" in comment
    assert len(repository.comments_of(number)) == 2


def test_two_merges_at_once_cannot_both_take_the_last_dollar(hub, repository, bot):
    """The second is judged over the main that the first one has made."""
    jobs = [dear(name, BUDGET * 6) for name in ("one", "two")]
    numbers = [propose(hub, repository, "ada", ADA, dict([one])) for one in jobs]
    assert state(hub, repository, numbers[0]) == "open"
    bot.report(numbers[0], code=None)
    assert state(hub, repository, numbers[0]) == "merged"
    _, comment = bot.report(numbers[1], code=None)
    assert state(hub, repository, numbers[1]) == "open"
    assert "budget" in comment


def test_a_pull_request_of_a_maintainer_waits_for_one(hub, repository, bot):
    number = propose(hub, repository, "grace", GRACE, {"README.md": "# Other\n"})
    _, comment = bot.report(number)
    assert "waits for a maintainer" in comment
    assert bot.checks(number)["neurocaas"].facts["conclusion"] == "success"
    assert state(hub, repository, number) == "open"

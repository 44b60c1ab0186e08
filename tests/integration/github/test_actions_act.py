"""What act makes of a workflow file, in the box: its results, and what is not let through."""

from __future__ import annotations

import contextlib
import json
import os
import socketserver
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from act_orders import HEAD, SETUP_PYTHON, Bench, log, one
from actions.errors import HarnessError

pytestmark = [pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


@contextlib.contextmanager
def listening():
    """Greet whoever connects to a free port."""

    class Greeter(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.sendall(f"hello from {self.server.server_address[1]}\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Greeter) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


def test_results_annotations_summaries_outputs_and_masks_are_read(bench):
    text = """
name: some / thing
on: push
permissions: {}
jobs:
  one:
    name: The first
    runs-on: ubuntu-24.04
    outputs: {x: "${{ steps.main.outputs.x }}"}
    steps:
      - id: main
        run: |
          echo x=17 >> $GITHUB_OUTPUT
          echo "# Hello" >> $GITHUB_STEP_SUMMARY
          echo "::error file=a.py,line=3,title=T%3A::bad%0Athing"
          echo "::add-mask::hunter2"
          echo it is hunter2
      - {name: may fail, run: exit 3, continue-on-error: true}
      - {name: left out, run: "true", if: false}
  legs:
    needs: one
    runs-on: ubuntu-24.04
    strategy: {matrix: {k: [a, b]}, fail-fast: false}
    steps: [{run: "test ${{ matrix.k }} = a"}]
  after: {needs: legs, runs-on: ubuntu-24.04, steps: [{run: "echo never"}]}
  always: {needs: [one, legs], if: always(), runs-on: ubuntu-24.04, steps: [{run: "echo ${{ needs.one.outputs.x }}"}]}
  call: {needs: one, uses: ./.github/workflows/called.yml, with: {x: "${{ needs.one.outputs.x }}"}}
  uncalled: {needs: one, if: false, uses: ./.github/workflows/called.yml}
"""
    called = """
on: {workflow_call: {inputs: {x: {type: string}}}}
permissions: {}
jobs:
  inner: {runs-on: ubuntu-24.04, steps: [{run: "echo inner ${{ inputs.x }}"}]}
"""
    outcome = bench.run(text, others={".github/workflows/called.yml": called})
    jobs = outcome.output.jobs
    results = {name: job.result for name, job in jobs.items() if job.result != "cancelled"}
    assert results.pop("legs (a)") in ("success", "failure")  # act gives all legs one result
    assert results == {
        "one": "success", "legs (b)": "failure", "after": "skipped", "always": "success",
        "call / inner": "success", "uncalled": "skipped",
    }  # fmt: skip
    assert [step.result for step in jobs["one"].steps] == ["success", "failure", "skipped"]
    assert jobs["one"].summary == "# Hello\n"
    assert jobs["one"].outputs["main.x"] == "17"
    assert jobs["always"].log.endswith("17\n")
    assert jobs["call / inner"].log == "inner 17\n"
    (note,) = outcome.output.annotations
    assert (note.level, note.message, note.job) == ("error", "bad\nthing", "one")
    assert note.facts == {"file": "a.py", "line": "3", "title": "T:"}
    assert outcome.output.masked == ["hunter2"]
    assert "hunter2" not in log(outcome)


def test_the_box_has_a_clean_environment_and_a_machine_that_cannot_be_changed(bench, monkeypatch):
    monkeypatch.setenv("OF_THE_TESTS", "seen")
    outcome = bench.run(
        one("""
env | cut -d= -f1 | sort
id -u
ls -A /tmp /root | grep -v '^$' || true
touch /usr/local/here /etc/here 2>&1 | grep -c Read-only
touch "$HOME/ok" "$GITHUB_WORKSPACE/ok" /tmp/ok
ps ax | grep -c "[p]ytest" || true
grep -E 'CapEff|NoNewPrivs' /proc/self/status
sudo -n true 2>/dev/null && echo root
""")
    )
    said = log(outcome)
    assert outcome.output.jobs["one"].steps[0].result == "failure"  # of sudo, the last command
    assert "OF_THE_TESTS" not in said
    assert "root\n" not in said.splitlines()
    assert "NoNewPrivs:\t1" in said
    assert "CapEff:\t0000000000000000" in said
    if os.geteuid() == 0:
        assert str(1_000_000 + os.getpid()) in said.splitlines()


def test_some_folders_are_read_and_some_are_kept(bench, tmp_path_factory):
    shown, kept = tmp_path_factory.mktemp("shown"), tmp_path_factory.mktemp("kept")
    (shown / "a").write_text("seen\n")
    shown.chmod(0o755)
    script = f"cat {shown}/a; touch {shown}/b || echo read-only; cat {kept}/n || true; echo x >> {kept}/n"
    first = bench.run(one(script), shown=(shown,), kept=(kept,))
    second = bench.run(one(script), shown=(shown,), kept=(kept,))
    assert log(first).splitlines()[0] == "seen"
    assert "read-only\n" in log(first)
    assert log(second).endswith("read-only\nx\n")


def test_steps_have_no_terminal(bench):
    assert log(bench.run(one("for i in 0 1 2; do test -t $i || echo $i; done"))) == "0\n1\n2\n"


def test_a_run_reaches_the_ports_that_it_is_given_and_nothing_else(bench):
    with listening() as given, listening() as other:
        script = f"""
cat < /dev/tcp/127.0.0.1/{given}
cat < /dev/tcp/127.0.0.1/{other} || echo refused
"""
        said = log(bench.run(one(script), ports=(given,)))
    assert f"hello from {given}" in said
    assert f"hello from {other}" not in said
    assert "refused" in said


def test_files_of_a_commit_do_not_set_act_up(bench):
    others = {
        ".env": "STOLEN=env\n", ".secrets": "STOLEN=secret\n", ".vars": "STOLEN=var\n",
        ".input": "STOLEN=input\n", ".actrc": "--env STOLEN=rc\n",
    }  # fmt: skip
    text = one('echo "[$STOLEN${{ secrets.STOLEN }}${{ vars.STOLEN }}${{ env.STOLEN }}]"')
    assert log(bench.run(text, others=others)) == "[]\n"


def test_secrets_and_variables_of_several_lines_arrive(bench):
    text = one(
        """
[ "$KEY" = $'a\\nb: "c"' ] && echo same
echo "${{ vars.V }}"
echo ${{ secrets.GITHUB_TOKEN }} | rev
""",
        'env: {KEY: "${{ secrets.KEY }}"}',
    )
    secrets = {"KEY": 'a\nb: "c"', "GITHUB_TOKEN": "ghs_x"}
    assert log(bench.run(text, secrets=secrets, variables={"V": "v w"})) == "same\nv w\nx_shg\n"


@pytest.mark.parametrize(
    "job",
    [
        "{runs-on: windows-2025, steps: [{run: 'true'}]}",
        "{runs-on: [self-hosted, gpu], steps: [{run: 'true'}]}",
    ],
)
def test_a_job_that_nothing_runs_is_not_overlooked(bench, job):
    text = f"{HEAD}  fine: {{runs-on: ubuntu-24.04, steps: [{{run: 'true'}}]}}\n  lost: {job}\n"
    with pytest.raises(HarnessError, match="lost was left out"):
        bench.run(text)


def test_an_action_without_a_stand_in_is_an_error(bench):
    text = f"{HEAD}  one: {{runs-on: ubuntu-24.04, steps: [{{uses: some/thing@v1}}]}}\n"
    with pytest.raises(HarnessError, match="no stand-in for some/thing@v1"):
        bench.run(text)


def test_a_workflow_that_act_cannot_read_is_an_error(bench):
    text = f"{HEAD}  one: {{runs-on: ubuntu-24.04, needs: nobody, steps: [{{run: 'true'}}]}}\n"
    with pytest.raises(HarnessError):
        bench.run(text)


def test_setup_python_gives_the_interpreter_of_the_tests(bench):
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    text = f"""{HEAD}  one:
    runs-on: ubuntu-24.04
    steps:
      - {{uses: {SETUP_PYTHON}, with: {{python-version: "{version}"}}}}
      - run: python -c 'import sys; print(sys.version_info[:2])'
"""
    assert log(bench.run(text)) == f"{sys.version_info[:2]}\n"


def test_the_sandbox_of_the_platform_works_inside_of_the_box(bench):
    line = (
        "bwrap --unshare-user --unshare-all --disable-userns --uid 65534 --gid 65534"
        " --die-with-parent --new-session --cap-drop ALL --ro-bind / / --proc /proc --dev /dev"
        " --tmpfs /tmp -- id -u"
    )
    assert log(bench.run(one(line))) == "65534\n"


def test_the_description_of_a_set_up_is_json(tmp_path):
    from actions.ready import ready

    found = json.loads(ready(Path(__file__).resolve().parents[3]))
    assert Path(found["site"], "yaml").is_dir()

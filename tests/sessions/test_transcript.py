"""What the comparison of a guide with what is printed forgives, and what it does not."""

import os
import time
from pathlib import Path

import pytest
from transcript import Shell, agrees, play, steps


@pytest.mark.parametrize(
    ("expected", "output"),
    [
        ("merged as 0123456789ab", "merged as ba9876543210"),
        ("a/2026-11/b", "a/2031-02/b"),
        ("took 1.5 s", "took 2 min 3 s"),
        ("first\n...\nlast", "first\nsecond\nthird\nlast"),
        ("first\n...\nlast", "first\nlast"),
        ("...", ""),
        ("sha256:...", "sha256:00ff"),
        ("  1/2 a done\n  2/2 b done", "  1/2 b done\n  2/2 a done"),
        ("x   y", "x  y"),
    ],
)
def test_forgives(expected, output):
    assert agrees(expected, output)


@pytest.mark.parametrize(
    ("expected", "output"),
    [
        ("", "anything"),
        ("one", ""),
        ("one", "one\ntwo"),
        ("each at most 5 min 0 s", "each at most 6 min 0 s"),
        ("first\n...\nlast", "first\nlast\nmore"),
        ("(a+b)", "aab"),
        ("  1/2 a done\n  2/2 b done", "  1/2 a done\n  2/2 b failed"),
        (f"sha256:{'0' * 64}", f"sha256:{'1' * 64}"),
        ("  indented", "indented"),
    ],
)
def test_does_not_forgive(expected, output):
    assert not agrees(expected, output)


@pytest.fixture
def shell(tmp_path):
    with Shell(tmp_path, dict(os.environ)) as started:
        yield started


def _guide(tmp_path, block):
    guide = tmp_path / "guide.md"
    guide.write_text(f"# Guide\n\n```console\n{block}```\n")
    return guide


def test_one_shell_keeps_folder_variables_and_the_last_exit_code(tmp_path, shell):
    block = """\
$ mkdir inner && cd inner
$ export GREETING=hello
$ cat > note <<'EOF'
> $GREETING
>
> end
> EOF
$ cat note; echo "$GREETING" >&2
$GREETING

end
hello
$ (exit 7)
$ echo $?
7
"""
    assert len(play(_guide(tmp_path, block), shell, 10)) == 6


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("$ true\n$ false\n", r"guide.md:5: \$ false\nended with 1"),
        ("$ echo one\ntwo\n", "the guide says:\ntwo"),
        ("$ (exit 3)\n$ echo $?\n4\n", "it prints:\n3"),
        ("output without a command\n", "begins with"),
    ],
)
def test_stops_where_the_guide_is_wrong(tmp_path, shell, block, message):
    with pytest.raises(AssertionError, match=message):
        play(_guide(tmp_path, block), shell, 10)


def _running(group):
    """Return the processes of a group that are more than a number waiting to be collected."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(its_group) == group and state not in "ZX":
            found.append(stat.parent.name)
    return found


def test_a_command_that_hangs_is_ended_with_all_that_it_started(tmp_path):
    with Shell(tmp_path, dict(os.environ)) as shell:
        with pytest.raises(AssertionError, match="did not end"):
            shell.type("echo $$ > pid; sleep 300", 0.3)
        group = int((tmp_path / "pid").read_text())
        assert _running(group)
    deadline = time.monotonic() + 10
    while _running(group) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _running(group)


def test_steps_name_their_lines(tmp_path):
    guide = _guide(tmp_path, "$ one\nout\n$ two\n")
    assert [(s.line, s.command, s.expected) for s in steps(guide)] == [
        (4, "one", "out"),
        (6, "two", ""),
    ]

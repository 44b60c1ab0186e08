"""The documentation says what is: commands, options, files, links and help are compared with the real ones."""

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from neurocaas_ci.cli.commands import cli

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
IDS = [str(page.relative_to(ROOT)) for page in PAGES]
# Folders of this repository; a path in a document that begins with one of them is a promise.
_OURS = ("docs/", "neurocaas_ci/", "scripts/", "tests/", "benchmarks/", "iae/", "registry/", ".ci/")
_EXAMPLES = re.compile(
    r"spike-intervals|registry/jobs/|my-analysis|[<>*{}…]|\.\.\.|registry/\w+$|"
    r"registry/(users|groups|hardware)/(ada|grace|example-lab|laptop)\.yaml"
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_WRAPPER = re.compile(r"^\w+=\S+$")


def _script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _typed(text):
    """Yield the command lines of console blocks and of code in running text."""
    for language, block in _FENCE.findall(text):
        if language == "console":
            joined = block.replace("\\\n> ", " ")
            for line in re.findall(r"^\$ (.*)$", joined, re.MULTILINE):
                yield from line.split(" && ")
    for code in _CODE.findall(_FENCE.sub("", text)):
        if code.startswith("neurocaas "):
            yield code


def _neurocaas(text):
    for line in _typed(text):
        # `pr open|list|show` and `data put|ls|rm` stand for one command each.
        words = shlex.split(line, comments=True)
        while words and _WRAPPER.match(words[0]):
            words = words[1:]
        if words[:1] == ["neurocaas"]:
            yield line, words[1:]


def _resolve(words):
    """Return the command and the words after its name; None where they are only a prefix of one."""
    command, context = cli, click.Context(cli, info_name="neurocaas")
    rest = list(words)
    while isinstance(command, click.Group):
        while rest and rest[0].startswith("-"):
            names = {name for option in command.params for name in option.opts}
            assert rest[0] in names | {"--help", "-h"}, f"no option {rest[0]}"
            rest = rest[1:]
        if not rest or rest[0] in {"…", "..."}:
            return command, []
        try:
            found = command.get_command(context, rest[0])
        except click.UsageError:
            found = None
        assert found is not None, f"no command {rest[0]}"
        command, context = found, click.Context(found, info_name=rest[0], parent=context)
        rest = rest[1:]
    return command, rest


def _judge(words):
    for alternative in _alternatives(words):
        command, rest = _resolve(alternative)
        options = {name: o for o in command.params for name in (*o.opts, *o.secondary_opts)}
        skip = False
        for word in rest:
            name, equals, value = word.partition("=")
            if skip or not word.startswith("-") or word == "--":
                skip = False
                continue
            if name in {"--help", "-h"}:
                continue
            assert name in options, f"no option {name}"
            option = options[name]
            if isinstance(option.type, click.Choice) and equals:
                assert value in option.type.choices, f"{name} does not take {value}"
            takes_value = isinstance(option, click.Option) and not option.is_flag
            skip = takes_value and not equals


def _alternatives(words):
    """Turn `data put|ls|rm` into three commands."""
    for position, word in enumerate(words[:2]):
        if "|" in word and not word.startswith("-"):
            return [[*words[:position], one, *words[position + 1 :]] for one in word.split("|")]
    return [words]


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_command_line_exists_with_its_options(page):
    for line, words in _neurocaas(page.read_text(encoding="utf-8")):
        try:
            _judge(words)
        except AssertionError as error:
            pytest.fail(f"{page.relative_to(ROOT)}: `{line}`: {error}")


def test_readme_and_guides_show_the_commands_of_the_three_sessions():
    shown = set()
    for name in ("README.md", "docs/publisher.md", "docs/scientist.md"):
        for _, words in _neurocaas((ROOT / name).read_text(encoding="utf-8")):
            shown |= {alternative[0] for alternative in _alternatives(words)}
    needed = {"init", "iae", "try", "build", "validate", "pr", "data", "job", "reconcile"}
    assert needed | {"status", "logs", "fetch"} <= shown


@pytest.mark.parametrize(
    "words",
    [
        ["reconsile"],
        ["pr", "opne"],
        ["reconcile", "--verfy"],
        ["job", "new", "x", "--dataset", "store:a", "--colour", "red"],
        ["pr", "open|lost"],
        ["validate", "--format=xml"],
        ["--loud", "status"],
    ],
)
def test_a_wrong_command_line_would_be_found(words):
    with pytest.raises(AssertionError):
        _judge(words)


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_relative_links_resolve(page):
    text = page.read_text(encoding="utf-8")
    for target in _LINK.findall(_FENCE.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.is_relative_to(ROOT), f"{target} leaves the repository"
        assert linked.exists(), f"{page.relative_to(ROOT)} links {target}, which is not there"
        if anchor:
            assert anchor in _anchors(linked), f"{page.relative_to(ROOT)}: no heading {target}"


def _anchors(page):
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_files_that_are_named_exist(page):
    assert _missing(page.read_text(encoding="utf-8")) == []


def test_a_file_that_is_not_there_would_be_found():
    text = "See `scripts/nowhere`, `scripts/setup dev` and `iae/<name>/iae.yaml`."
    assert _missing(text) == ["scripts/nowhere"]


def _missing(text):
    """Return the paths of this repository that a text names in running text and that are not there."""
    found = []
    for code in _CODE.findall(_FENCE.sub("", text)):
        for word in code.split():
            path = word.rstrip(".,:;")
            if not path.startswith(_OURS) or _EXAMPLES.search(path):
                continue
            # Pages about the code leave out the name of the package.
            if not any((folder / path).exists() for folder in (ROOT, ROOT / "neurocaas_ci")):
                found.append(path)
    return found


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_make_targets_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in _typed(page.read_text(encoding="utf-8")):
        words = shlex.split(line, comments=True)
        if words[:1] == ["make"]:
            assert set(words[1:]) <= targets
    for target in re.findall(r"`make ([a-z-]+)`", page.read_text(encoding="utf-8")):
        assert target in targets


def test_every_page_is_reached_from_the_index():
    index = ROOT / "docs" / "README.md"
    linked = {
        (index.parent / target.partition("#")[0]).resolve()
        for target in _LINK.findall(index.read_text(encoding="utf-8"))
        if not re.match(r"[a-z]+:", target)
    }
    missing = set(ROOT.glob("docs/**/*.md")) - linked - {index}
    assert not missing, f"docs/README.md does not link {sorted(map(str, missing))}"


def test_command_reference_is_what_the_commands_say():
    page = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")
    assert page == _script("document_cli").page(), "run scripts/document_cli.py"


def test_every_command_is_in_the_reference():
    page = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")
    headings = set(re.findall(r"^## (neurocaas.*)$", page, re.MULTILINE))
    named = {" ".join(words) for words, _ in _script("document_cli").commands()}
    assert len(named) > len(cli.list_commands(click.Context(cli)))
    assert headings == named | {"neurocaas"}


@pytest.mark.parametrize("words", [[], ["pr", "merge"], ["job", "new"], ["run"]])
def test_reference_shows_the_help_that_a_terminal_shows(words):
    done = subprocess.run(
        [sys.executable, "-m", "neurocaas_ci.cli.main", *words, "--help"],
        check=True, capture_output=True, text=True, env={**os.environ, "COLUMNS": "80"},
    )  # fmt: skip
    title = " ".join(["neurocaas", *words])
    page = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")
    assert f"## {title}\n\n```text\n{done.stdout.rstrip()}\n```\n" in page


def test_exit_codes_of_all_errors_are_documented():
    import neurocaas_ci.errors as module

    page = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")
    codes = {v.exit_code for v in vars(module).values() if hasattr(v, "exit_code")}
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    assert codes <= documented


def test_committed_images_are_small():
    for image in (ROOT / "docs/images").iterdir():
        assert image.stat().st_size <= 200_000, image.name

"""The website says what the registry says, in whole links, the same bytes for the same commit."""

from __future__ import annotations

import os
import posixpath
import shutil

import pytest
from certify_facts import make_record
from site_world import MONTH, Page, World, files

from neurocaas_ci.errors import BackendUnavailableError


@pytest.fixture
def full(world):
    """Jobs of every kind."""
    good = world.job("tracking-01", parameters={"em_iterations": 7}, max_runtime="30m")
    payload = world.certify(good)
    world.attest(good, payload, "identical", "one")
    world.attest(good, payload, "different", "two")
    bad = world.job("tracking-02")
    world.certify(bad, make_record(job=bad, status="failed"), status="failed", message="it broke")
    world.certify(world.job("tracking-03"), status="cancelled", message="no longer wanted")
    world.job("tracking-04")
    broken = world.job("tracking-05")
    world.write(f"certificates/{broken}.sigstore.json", "{}")
    world.commit()
    return world


def page_of(folder, path):
    return Page((folder / path).read_bytes())


def text_of(folder, path):
    return " ".join(" ".join(page_of(folder, path).pieces).split())


def test_every_link_leads_somewhere_and_nothing_else_is_loaded(full, tmp_path):
    full.git("remote", "add", "origin", "https://github.com/acme/registry.git")
    full.site(tmp_path / "out")
    made = files(tmp_path / "out")
    pages = {path: Page(content) for path, content in made.items() if path.endswith(".html")}
    assert len(pages) >= 15
    outside = set()
    for path, page in pages.items():
        for link in page.links():
            if link.startswith("https://"):
                outside.add(link.split("/")[2])
            elif not link.startswith(("#", "data:")):
                there = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
                assert there in made, f"{path}: {link}"
        names = {name for name, _ in page.elements}
        assert not names & {"script", "img", "iframe", "object", "embed", "form", "style", "base"}
        assert not any("src" in given or "style" in given for _, given in page.elements)
    assert {"github.com", "doi.org"} <= outside


def test_an_analysis_says_what_it_takes_gives_and_costs(world, tmp_path):
    world.git("remote", "add", "origin", "https://github.com/acme/registry.git")
    world.site(tmp_path / "out")
    path = "analyses/dlc-tracking.html"
    shown = text_of(tmp_path / "out", path)
    for words in (
        "Freezing behaviour from DeepLabCut tracks", "dlc-tracking@1.0.1", "Apache-2.0",
        "Ada Example (ada)", "Gabriel et al. 2022", ".csv", "at most 200MB each",
        "frame_rate required number, ≥ 1, ≤ 1000 Frames per second (Hz)", "likelihood_threshold 0.6",
        "bouts.csv", "byte for byte", "m5.xlarge", "0.192", "--param frame_rate=VALUE",
        "neurocaas job new dlc-tracking@1.0.1",
    ):  # fmt: skip
        assert words in shown, words
    form = "https://github.com/acme/registry/issues/new?template=job.yml&blueprint=dlc-tracking%401.0.1"
    assert form in page_of(tmp_path / "out", path).links()


def test_jobs_are_certified_failed_cancelled_or_waiting(full, tmp_path):
    done = full.site(tmp_path / "out")
    assert "left out: certificates/ada/2026-11/tracking-05.sigstore.json" in done.stderr
    shown = (tmp_path / "out/jobs.html").read_text()
    for job, state in (
        ("01", "certified"), ("02", "failed"), ("03", "cancelled"), ("04", "waiting"),
        ("05", "unreadable"),
    ):  # fmt: skip
        row = shown.split(f"tracking-{job}</a>")[1].split("</tr>")[0]
        assert f'<span class="badge {state}">{state}</span>' in row
    assert "1 different" in shown
    waiting = text_of(tmp_path / "out", f"jobs/ada/{MONTH}/tracking-04.html")
    assert f"neurocaas status ada/{MONTH}/tracking-04 --follow" in waiting
    assert "it broke" in text_of(tmp_path / "out", f"jobs/ada/{MONTH}/tracking-02.html")
    assert "Its certificate cannot be read" in text_of(
        tmp_path / "out", f"jobs/ada/{MONTH}/tracking-05.html"
    )


def test_a_certificate_page_says_what_is_pinned_and_how_to_check_it(full, tmp_path):
    full.site(tmp_path / "out")
    job = f"ada/{MONTH}/tracking-01"
    shown = text_of(tmp_path / "out", f"jobs/{job}.html")
    for digit in "de85a":  # image, recipe, input, manifest, output
        assert digit * 64 in shown
    for words in (
        f"neurocaas verify {job}", f"neurocaas replay {job}", "store:mouse.npz", "em_iterations",
        "Nothing of it was verified", "A processor", "1 identical", "0.25 USD",
    ):  # fmt: skip
        assert words in shown, words
    kept = (tmp_path / f"out/jobs/{job}.sigstore.json").read_bytes()
    assert kept == (full.repo / f"certificates/{job}.sigstore.json").read_bytes()


def test_usage_is_that_of_the_command(full, tmp_path):
    full.site(tmp_path / "out")
    shown = text_of(tmp_path / "out", "usage.html")
    assert "jobs, 1 failed" in shown
    assert "1 certificate could not be read and are not counted" in shown
    assert f"{MONTH}" in shown


def test_equal_commits_give_equal_bytes(full, tmp_path):
    full.site(tmp_path / "one", TZ="Asia/Tokyo", PYTHONHASHSEED="1")
    shutil.copytree(full.repo, tmp_path / "elsewhere/registry-clone")
    other = World.__new__(World)
    other.repo, other.env = tmp_path / "elsewhere/registry-clone", full.env
    other.site(tmp_path / "two", TZ="America/Lima", PYTHONHASHSEED="2", LC_ALL="C")
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_an_older_commit_can_be_shown(world, tmp_path):
    before = world.git("rev-parse", "HEAD")
    world.job("tracking-01")
    world.commit()
    world.site(tmp_path / "out", "--rev", before)
    assert "none has been merged yet" in text_of(tmp_path / "out", "jobs.html")
    assert before[:12] in text_of(tmp_path / "out", "index.html")


def test_a_site_is_replaced_as_a_whole_and_nothing_else_is(full, tmp_path):
    out = tmp_path / "out"
    full.site(out)
    (out / "stale.html").write_text("old")
    full.site(out)
    assert not (out / "stale.html").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")] == []
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("precious")
    done = full.site(mine, code=2)
    assert "holds something else" in done.stderr
    assert (mine / "thesis.tex").read_text() == "precious"


def test_what_breaks_off_leaves_the_old_site(full, tmp_path):
    from neurocaas_ci.cli.site import _write

    out = tmp_path / "out"
    full.site(out)
    before = files(out)

    def torn():
        yield "index.html", b"half"
        raise OSError(28, os.strerror(28))

    with pytest.raises(BackendUnavailableError, match="No space left"):
        _write(out, torn())
    assert files(out) == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")] == []


@pytest.mark.slow
def test_many_jobs_of_a_month_are_on_several_pages(world, tmp_path):
    for number in range(1001):
        world.job(f"job-{number:04}")
    world.commit()
    world.site(tmp_path / "out")
    rows = [
        (tmp_path / f"out/months/{MONTH}{end}.html").read_text().count("<tr>") - 1
        for end in ("", "-2", "-3")
    ]
    assert rows == [500, 500, 1]

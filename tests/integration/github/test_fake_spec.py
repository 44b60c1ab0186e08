"""The part of GitHub's description that the fake works with."""

from __future__ import annotations

import pytest
from fake import available
from fake import spec as module
from fake.calls import OPERATIONS
from fake.spec import Spec

BASE = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def spec():
    if not available():
        pytest.skip("the JavaScript packages are not installed: run scripts/setup-js")
    return Spec(OPERATIONS, BASE)


def test_examples_are_of_this_server_and_this_repository(spec):
    """Clients follow addresses: none may lead away."""
    example = spec.example("repos/get", "acme/registry")
    assert example["full_name"] == "acme/registry"
    assert example["url"] == f"{BASE}/repos/acme/registry"
    assert "api.github.com" not in str(example)


def test_two_servers_have_their_own_addresses(spec):
    other = Spec(OPERATIONS, "http://127.0.0.1:2")
    assert spec.example("meta/root")["emojis_url"].startswith(BASE + "/")
    assert other.example("meta/root")["emojis_url"].startswith("http://127.0.0.1:2/")


def test_what_is_wrong_is_found(spec):
    """In a request, in an answer, deep in it, in the middle of a list; and a status that never comes."""
    assert spec.request_errors("pulls/create", {"head": "x"})
    assert not spec.request_errors("pulls/create", {"head": "x", "base": "main", "title": "t"})
    good = spec.example("issues/create-comment")
    assert not spec.response_errors("issues/create-comment", 201, good)
    bad = {**good, "user": {**good["user"], "id": "1"}}
    assert spec.response_errors("issues/create-comment", 201, bad)
    assert spec.response_errors("issues/create-comment", 299, good)
    listed = [good, good, {**good, "id": None}, good]
    assert spec.response_errors("issues/list-comments", 200, listed)
    # What was found is found again.
    assert spec.response_errors("issues/list-comments", 200, listed)


def test_a_file_at_a_path_with_folders(spec):
    route, params = spec.match("GET", "/repos/a/b/contents/x/y z")
    assert (route.operation, params["path"]) == ("repos/get-content", "x/y z")
    assert spec.match("GET", "/repos/a/b/git/ref/heads/x/y")[1]["ref"] == "heads/x/y"


def test_the_slice_is_cut_once_and_small(spec, monkeypatch, tmp_path):
    """What was cut is read again, without the whole description."""
    monkeypatch.setattr(module.tempfile, "gettempdir", lambda: str(tmp_path))
    first = module._slice(["meta/root", "repos/get"])
    [kept] = tmp_path.glob("*/openapi-*.json")
    assert kept.stat().st_size < 1_000_000
    monkeypatch.setattr(module, "_cut", None)
    assert module._slice(["meta/root", "repos/get"]) == first


def test_an_operation_that_github_has_not(spec, monkeypatch, tmp_path):
    """A misspelt one is an error at once."""
    monkeypatch.setattr(module.tempfile, "gettempdir", lambda: str(tmp_path))
    with pytest.raises(KeyError, match="pulls/megre"):
        module._slice(["pulls/megre"])

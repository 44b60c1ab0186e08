"""What a policy chooses, and what comes before it."""

from __future__ import annotations

import json

import pytest

from neurocaas_ci.cli.choices import chosen_executor, chosen_signer, root_sources
from neurocaas_ci.errors import FindingsError, UsageError
from neurocaas_ci.model.trust_file import read_trust_file
from neurocaas_ci.registry.folder import FolderTree
from neurocaas_ci.run.home import Home
from neurocaas_ci.signing.identities import LOCAL_ISSUER

_ROOT = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
_CONFIG = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
_NOTHING = "schema: neurocaas/policy/v1\nmaintainers: [ada]\n"


def _root(authority: str, note: str = "x") -> dict[str, object]:
    return {"mediaType": _ROOT, "certificateAuthorities": [{"uri": authority, "certChain": note}]}


def _config(authority: str) -> bytes:
    return json.dumps({"mediaType": _CONFIG, "trustedRoot": _root(authority)}).encode()


@pytest.fixture(autouse=True)
def _no_identity(monkeypatch):
    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_URL", raising=False)


@pytest.fixture
def tree(tmp_path):
    def make(policy: str | None, **files: bytes) -> FolderTree:
        folder = tmp_path / "clone/registry"
        (folder / "trust").mkdir(parents=True, exist_ok=True)
        if policy is not None:
            (folder / "policy.yaml").write_text(policy)
        for name, content in files.items():
            (folder / "trust" / f"{name}.json").write_bytes(content)
        return FolderTree(tmp_path / "clone")

    return make


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


@pytest.mark.parametrize("policy", [None, _NOTHING])
def test_without_a_choice_it_is_as_it_was(tree, home, policy, monkeypatch):
    main = tree(policy)
    assert chosen_executor(None, main) == "local"
    assert root_sources(main) == (None,)
    assert chosen_signer(None, None, main, home) == ("local", None)
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", "https://example.org")
    assert chosen_signer(None, None, main, home) == ("sigstore", None)


def test_an_option_comes_before_the_policy(tree, home, capsys):
    main = tree(_NOTHING + "executor: slurm\ntrust_roots: [public-good]\n")
    assert chosen_executor(None, main) == "slurm"
    assert chosen_executor("local", main) == "local"
    assert chosen_signer(None, None, main, home) == ("sigstore", None)
    assert chosen_signer("local", None, main, home) == ("local", None)
    assert "do not verify `local`" in capsys.readouterr().err


def test_roots_are_tried_in_their_order_and_the_first_signs(tree, home):
    ours = _config("https://fulcio.example.org")
    main = tree(_NOTHING + "trust_roots: [ours, public-good]\n", ours=ours)
    assert root_sources(main) == (ours, None)
    assert chosen_signer(None, None, main, home) == ("sigstore", ours)
    given = home.root / "mine.json"
    assert chosen_signer(None, given, main, home) == ("sigstore", given)


def test_a_root_alone_does_not_say_where_to_sign(tree, home):
    root = json.dumps(_root("https://fulcio.example.org")).encode()
    main = tree(_NOTHING + "trust_roots: [ours]\n", ours=root)
    with pytest.raises(UsageError, match="does not say where to sign") as caught:
        chosen_signer(None, None, main, home)
    assert "NEUROCAAS_TRUST_CONFIG" in caught.value.hint
    given = home.root / "mine.json"
    assert chosen_signer(None, given, main, home) == ("sigstore", given)


def test_only_the_machine_of_the_platform_signs_for_it(tree, home):
    root = json.dumps(_root(LOCAL_ISSUER)).encode()
    main = tree(_NOTHING + "trust_roots: [ours]\n", ours=root)
    with pytest.raises(UsageError, match="no signing instance"):
        chosen_signer(None, None, main, home)
    (home.root / "signing").mkdir(parents=True)
    own = home.root / "signing/trusted_root.json"
    own.write_text(json.dumps(_root(LOCAL_ISSUER, "another")))
    own.write_text(own.read_text()[:-9])
    with pytest.raises(UsageError, match="signing instance is damaged"):
        chosen_signer(None, None, main, home)
    own.write_text(json.dumps(_root(LOCAL_ISSUER, "another")))
    with pytest.raises(UsageError, match="another instance"):
        chosen_signer(None, None, main, home)
    own.write_bytes(json.dumps(_root(LOCAL_ISSUER), indent=1).encode())
    assert chosen_signer(None, None, main, home) == ("local", None)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (_NOTHING + "executor: kubernetes\n", "executor"),
        (_NOTHING + "trust_roots: [ours]\n", "no such file on main"),
        (_NOTHING + "trust_roots: [bad]\n", "no trusted root"),
        ("maintainers: [", "cannot be read"),
    ],
)
def test_a_broken_choice_is_never_passed_over(tree, home, policy, words):
    main = tree(policy, bad=b"{}")
    with pytest.raises(FindingsError, match=words):
        chosen_signer(None, None, main, home)
    if "executor" in policy or policy[-2] == "[":
        with pytest.raises(FindingsError):
            chosen_executor(None, main)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "strict JSON"),
        (b"[]", "neither"),
        (b'{"a": 1, "a": 2}', "duplicate"),
        (json.dumps({"mediaType": _CONFIG}).encode(), "neither"),
        (json.dumps({"mediaType": _ROOT}).encode(), "no certificate authority"),
        (json.dumps({"mediaType": _CONFIG, "trustedRoot": {}}).encode(), "no certificate authority"),
        (b" " * (2 << 20), "more than 1 MB"),
    ],
)  # fmt: skip
def test_other_files_are_no_roots(content, words):
    with pytest.raises(ValueError, match=words):
        read_trust_file(content)

"""Whoever has keys can sign anything: what then fails, and what the other verifiers say to it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from conformance_cases import CASES, Case, Setting
from hostile_notary import merged
from interop_verifiers import failed, ours, sigstore_js, sigstore_python

from neurocaas_ci.audit.signature import load_root
from neurocaas_ci.audit.verify import Question, verify

EVERY = {f"{group}: {case.name}": case for group, cases in CASES.items() for case in cases}


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    return Setting(tmp_path_factory.mktemp("conformance"))


@pytest.fixture(scope="module")
def asked(setting):
    """Return what each case asks, by its name."""
    return {name: case.make(setting) for name, case in EVERY.items()}


@pytest.fixture(scope="module")
def js_answers(asked):
    return sigstore_js(asked)


@pytest.mark.parametrize("name", EVERY)
def test_ours(asked, name):
    assert failed(ours(asked[name])) == list(EVERY[name].ours)


@pytest.mark.parametrize("name", EVERY)
def test_sigstore_python(asked, name):
    answer = sigstore_python(asked[name])
    assert answer.valid == EVERY[name].python, answer.said


@pytest.mark.parametrize("name", EVERY)
def test_sigstore_js(asked, js_answers, name):
    answer = js_answers[name]
    assert answer.valid == EVERY[name].js, answer.said


@pytest.mark.parametrize("name", EVERY)
def test_whatever_differs_is_explained(name):
    case: Case = EVERY[name]
    assert (not case.ours) == case.python == case.js or case.why


def test_every_case_is_named_once():
    assert len(EVERY) == sum(map(len, CASES.values()))


@pytest.mark.parametrize("first", [0, 1])
def test_the_root_by_which_it_holds_names_the_tier(setting, first):
    roots = [load_root(setting.local.trusted_root), load_root(setting.other.trusted_root)]
    question = Question(roots[first], others=(roots[1 - first],))
    for bundle, root in ((setting.bundles[0], roots[0]), (setting.honest(setting.other), roots[1])):
        result = verify(bundle, question)
        assert failed(result) == []
        assert result.tier == root.tier
    assert roots[0].tier != roots[1].tier


def test_several_roots_never_become_one(setting):
    """A certificate of one instance in the log of another holds only where they were merged."""
    bundle = setting.signed(replace(setting.notary, log=setting.stranger.log))
    roots = [load_root(setting.local.trusted_root), load_root(setting.other.trusted_root)]
    assert failed(verify(bundle, Question(roots[0], others=(roots[1],)))) == ["signature"]
    asked = setting.asked(bundle, merged(setting.root, setting.other_root))
    assert sigstore_python(asked).valid
    assert sigstore_js({"asked": asked})["asked"].valid
    assert failed(ours(asked)) == []

"""What is shown of a log entry is what the log signed, also where verifiers can do without."""

from __future__ import annotations

import base64
import json
import shutil

import pytest
from conformance_cases import Setting
from interop_verifiers import Asked, failed, ours, sigstore_js, sigstore_python
from signed_results import b64
from timestamp_authority import TimestampAuthority


@pytest.fixture
def setting(tmp_path):
    return Setting(tmp_path / "instances")


@pytest.fixture
def stamped(setting, tmp_path):
    """Return what asks about a bundle with a good timestamp and a changed log entry."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no OpenSSL here to make timestamps with")
    authority = TimestampAuthority(tmp_path / "tsa")
    document = json.loads(setting.bundles[0])
    signature = base64.b64decode(document["dsseEnvelope"]["signatures"][0]["sig"])
    stamp = {"signedTimestamp": b64(authority.stamp(signature))}

    def ask(stamps=1, **entry) -> Asked:
        changed = json.loads(json.dumps(document))
        material = changed["verificationMaterial"]
        material["timestampVerificationData"] = {"rfc3161Timestamps": [stamp] * stamps}
        material["tlogEntries"][0] |= entry
        return setting.asked(changed, authority.trusted_by(setting.root))

    return ask


def log_text(asked):
    return next(check.text for check in ours(asked).checks if check.name == "log")


def test_a_timestamp_besides_the_logs_own_changes_nothing(setting, stamped):
    asked = stamped()
    assert failed(ours(asked)) == []
    assert log_text(asked) == log_text(setting.asked(setting.bundles[0]))
    assert sigstore_python(asked).valid
    assert sigstore_js({"asked": asked})["asked"].valid


def test_the_same_timestamp_twice_is_refused(stamped):
    asked = stamped(stamps=2)
    assert failed(ours(asked)) == ["signature"]
    assert not sigstore_python(asked).valid
    assert not sigstore_js({"asked": asked})["asked"].valid


def test_an_entry_without_a_time_is_refused_though_sigstore_python_takes_the_timestamp(stamped):
    """Sigstore-python verifies the log's promise only when it has a time, and zero is none to it."""
    asked = stamped(integratedTime="0", logIndex="77")
    assert sigstore_python(asked).valid
    assert not sigstore_js({"asked": asked})["asked"].valid
    assert failed(ours(asked)) == ["signature"]


def test_a_time_that_the_log_did_not_sign_is_refused(stamped):
    asked = stamped(integratedTime="1")
    assert failed(ours(asked)) == ["signature"]
    assert not sigstore_python(asked).valid


def test_an_index_and_a_size_that_the_log_did_not_sign_are_refused(setting):
    """The second entry of two is proven by the same hash as the fifth of five.

    Sigstore-python computes the root with the bundle's index and size, and compares nothing but the
    root with the checkpoint; sigstore-js takes the size from there.
    """
    changed = setting.proven(4, 5)
    (entry,) = changed["verificationMaterial"]["tlogEntries"]
    assert entry["inclusionProof"]["logIndex"] == "4"
    entry["inclusionProof"] |= {"logIndex": "1", "treeSize": "2"}
    asked = setting.asked(changed)
    assert sigstore_python(asked).valid
    assert not sigstore_js({"asked": asked})["asked"].valid
    assert failed(ours(asked)) == ["signature"], log_text(asked)

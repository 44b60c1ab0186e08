import hashlib
import json

import pytest

from neurocaas_ci.build.cache import Blob, Cache
from neurocaas_ci.build.documents import (
    Image,
    StoredLayer,
    config_document,
    index_document,
    manifest_document,
    read_image,
    read_manifest,
)
from neurocaas_ci.build.images import Images
from neurocaas_ci.build.layout import write_layout
from neurocaas_ci.errors import IntegrityError, UsageError

LAYERS = (
    StoredLayer(Blob("1" * 64, 10), "1" * 64, title="base"),
    StoredLayer(Blob("2" * 64, 20), "2" * 64, title="code"),
)


def documents():
    config = config_document(LAYERS, "amd64", ("/usr/bin/python3.11", "/iae/w.py"), {"A": "b=c"})
    blob = Blob(hashlib.sha256(config).hexdigest(), len(config))
    return config, manifest_document(LAYERS, blob, "x")


def test_an_image_survives_a_round_trip():
    config, manifest = documents()
    digest = hashlib.sha256(manifest).hexdigest()
    assert read_image(digest, manifest, config) == Image(
        digest,
        hashlib.sha256(config).hexdigest(),
        LAYERS,
        ("/usr/bin/python3.11", "/iae/w.py"),
        {"A": "b=c"},
    )


def test_the_manifest_never_changes():
    assert hashlib.sha256(documents()[1]).hexdigest() == (
        "5e0fd08cf7a94ddb6bebcd29aed3f40d9e036f740a2ede6c959c7f81b3ee9c47"
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b'{"config": {"digest": "x", "size": 1}, "layers": []}',
        b'{"config": {"digest": "%s", "size": -1}, "layers": []}' % (b"0" * 64),
        b'{"config": {"digest": "%s", "size": 1}, "layers": [{}]}' % (b"0" * 64),
    ],
)
def test_other_documents_are_not_manifests(data):
    with pytest.raises(IntegrityError, match="not an image manifest"):
        read_manifest(data)


@pytest.mark.parametrize("config", [b"{}", b"[]", b'{"rootfs": {"diff_ids": ["x"]}}'])
def test_other_documents_are_not_configs(config):
    with pytest.raises(IntegrityError, match="not an image config"):
        read_image("0" * 64, documents()[1], config)


def test_config_and_manifest_must_agree():
    config = json.loads(documents()[0])
    config["rootfs"]["diff_ids"].pop()
    with pytest.raises(IntegrityError, match="different numbers of layers"):
        read_image("0" * 64, documents()[1], json.dumps(config).encode())


@pytest.fixture
def image(tmp_path):
    cache = Cache(tmp_path / "cache")
    with cache.workspace() as workspace:
        blob = cache.write_blob(workspace, lambda write: write(b"layer"))
    layers = (StoredLayer(blob, blob.digest),)
    config = cache.add_blob(config_document(layers, "amd64", ("/a",), {}))
    manifest = cache.add_blob(manifest_document(layers, config, "x"))
    return cache, Image(manifest.digest, config.digest, layers, ("/a",), {})


def test_a_layout_holds_the_image_and_nothing_else(tmp_path, image):
    cache, made = image
    write_layout(cache, made, "x", "amd64", tmp_path / "out")
    blobs = tmp_path / "out" / "blobs" / "sha256"
    assert {p.name for p in blobs.iterdir()} == {
        made.digest,
        made.config,
        made.layers[0].blob.digest,
    }
    assert all(hashlib.sha256(p.read_bytes()).hexdigest() == p.name for p in blobs.iterdir())
    index = json.loads((tmp_path / "out" / "index.json").read_bytes())
    assert index["manifests"][0]["digest"] == f"sha256:{made.digest}"
    assert json.loads((tmp_path / "out" / "oci-layout").read_bytes()) == {
        "imageLayoutVersion": "1.0.0"
    }


def test_a_folder_with_content_is_not_overwritten(tmp_path, image):
    cache, made = image
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x")
    with pytest.raises(UsageError, match="not empty"):
        write_layout(cache, made, "x", "amd64", tmp_path / "out")


def test_a_damaged_blob_is_not_exported(tmp_path, image):
    cache, made = image
    path = cache.blob_path(made.layers[0].blob.digest)
    path.chmod(0o644)
    path.write_bytes(b"LAYER")
    with pytest.raises(IntegrityError, match="damaged"):
        write_layout(cache, made, "x", "amd64", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unknown_image(tmp_path):
    with pytest.raises(IntegrityError, match="not in the cache"):
        Images(tmp_path).find("0" * 64)


def test_index_names_the_image():
    index = json.loads(index_document(Blob("3" * 64, 5), "x", "amd64"))
    assert index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"] == "x"

"""What a certificate's statement says, read strictly; I/O is not handled here.

The statement may be a stranger's: every field is judged before anything relies on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from neurocaas_ci.certify import layout
from neurocaas_ci.model.certificate import Certificate, GitContent, PinnedImage
from neurocaas_ci.model.digest import Sha256, parse_sha256, sha256_bytes
from neurocaas_ci.model.registry import Dataset
from neurocaas_ci.model.strict_json import StrictJsonError, read_strictly
from neurocaas_ci.registry.tree import parts_of

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_MANIFEST = re.compile(r"registry/jobs/([^/.][^/]*/[0-9]{4}-[0-9]{2}/[^/.][^/]*)\.yaml")
_REFERENCE = re.compile(r"([a-z0-9][a-z0-9-]*)@([^@\s]+)")


class NotACertificateError(ValueError):
    """The statement is not what this project's certificates hold; the text says where and why."""


def read_json(data: bytes) -> Any:
    """Decode JSON strictly; raise NotACertificateError for anything else."""
    try:
        return read_strictly(data)
    except StrictJsonError as error:
        raise NotACertificateError(str(error)) from error


def read_certificate(payload: bytes) -> Certificate:
    """Read the payload of a certificate; raise NotACertificateError for anything unexpected."""
    statement = _Object(read_json(payload), "statement")
    _expect(statement.text("_type"), layout.STATEMENT_TYPE, "_type")
    _expect(statement.text("predicateType"), layout.PROVENANCE_TYPE, "predicateType")
    predicate = statement.object("predicate")
    definition = predicate.object("buildDefinition")
    _expect(definition.text("buildType"), layout.BUILD_TYPE, "buildType")
    external = definition.object("externalParameters")
    external.only(layout.EXTERNAL)
    registry = external.object("registry")
    registry.only(layout.REGISTRY)
    manifest = _match(_MANIFEST, external.text("job"), "externalParameters.job")
    reference = external.text("blueprint")
    _match(_REFERENCE, reference, "externalParameters.blueprint")
    details = predicate.object("runDetails")
    metadata, builder = details.object("metadata"), details.object("builder")
    found = _dependencies(definition.list("resolvedDependencies"))
    byproducts = details.list("byproducts")
    subjects, others = (
        _files(statement.list("subject"), "subject"),
        _files(byproducts, "byproducts"),
    )
    if torn := sorted(name for name in subjects.keys() & others if subjects[name] != others[name]):
        raise NotACertificateError(f"subject and byproducts disagree about {torn[0]!r}")
    return Certificate(
        sha256=sha256_bytes(payload),
        job=manifest,
        repository=registry.text("repository"),
        ref=registry.text("ref"),
        reference=reference,
        parameters=external.object("parameters").data,
        registry_commit=_commit(found, "registry"),
        main_commit=_commit(found, "main"),
        manifest=_content(found, "job"),
        version_commit=_commit(found, "version") if "version" in found else None,
        blueprint_file=_content(found, "blueprint") if "version" in found else None,
        images=_images(found),
        datasets=_datasets(definition.list("resolvedDependencies")),
        subjects=subjects,
        byproducts=others,
        notes={
            item.text("name"): item.object("annotations").data
            for item in byproducts
            if "annotations" in item.data
        },
        internal=definition.object("internalParameters").data,
        builder=builder.text("id"),
        builder_version=builder.object("version").text("neurocaas-ci"),
        invocation=metadata.text("invocationId"),
        started=metadata.text("startedOn"),
        finished=metadata.text("finishedOn"),
    )


@dataclass(frozen=True, slots=True)
class _Object:
    """A JSON object and where it stands, for messages."""

    data: Any
    where: str

    def __post_init__(self) -> None:
        if not isinstance(self.data, dict):
            raise NotACertificateError(f"{self.where} is not an object")

    def text(self, key: str) -> str:
        value = self.data.get(key)
        if not isinstance(value, str) or not value.isprintable():
            raise NotACertificateError(f"{self.where}.{key} is not a text")
        return value

    def object(self, key: str) -> _Object:
        return _Object(self.data.get(key), f"{self.where}.{key}")

    def list(self, key: str) -> list[_Object]:
        value = self.data.get(key)
        if not isinstance(value, list):
            raise NotACertificateError(f"{self.where}.{key} is not a list")
        return [_Object(item, f"{self.where}.{key}[{i}]") for i, item in enumerate(value)]

    def only(self, keys: Iterable[str]) -> None:
        expected, unknown = set(keys), sorted(set(self.data) - set(keys))
        if unknown:
            raise NotACertificateError(f"{self.where} has the unknown key {unknown[0]!r}")
        if missing := sorted(expected - set(self.data)):
            raise NotACertificateError(f"{self.where} lacks {missing[0]!r}")


def _dependencies(items: list[_Object]) -> dict[str, _Object]:
    found: dict[str, _Object] = {}
    for item in items:
        name = item.text("name")
        if name in found and not name.startswith("input:"):
            raise NotACertificateError(f"{item.where} names {name!r} again")
        found[name] = item
    return found


def _dependency(found: Mapping[str, _Object], name: str) -> _Object:
    if name not in found:
        raise NotACertificateError(f"resolvedDependencies lacks {name!r}")
    return found[name].object("digest")


def _commit(found: Mapping[str, _Object], name: str) -> str:
    digest = _dependency(found, name)
    text = digest.text("gitCommit")
    if not _COMMIT.fullmatch(text):
        raise NotACertificateError(f"{digest.where}.gitCommit is not the id of a commit")
    return text


def _content(found: Mapping[str, _Object], name: str) -> GitContent:
    digest = _dependency(found, name)
    blob = digest.text("gitBlob")
    if not _COMMIT.fullmatch(blob):
        raise NotACertificateError(f"{digest.where}.gitBlob is not the id of a blob")
    return GitContent(blob, _sha256(digest))


def _images(found: Mapping[str, _Object]) -> dict[str, PinnedImage]:
    images: dict[str, PinnedImage] = {}
    for name, item in found.items():
        kind, _, iae = name.partition(":")
        if kind == "image":
            config = item.object("annotations").text("config")
            images[iae] = PinnedImage(
                _sha256(_dependency(found, layout.recipe_name(iae))),
                _sha256(item.object("digest")),
                _digits(config, f"{item.where}.annotations.config"),
            )
    return images


def _datasets(items: list[_Object]) -> tuple[Dataset, ...]:
    datasets: list[Dataset] = []
    for item in items:
        name = item.text("name")
        if not name.startswith("input:"):
            continue
        size = item.object("annotations").data.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise NotACertificateError(f"{item.where}.annotations.size is not a size in bytes")
        dataset = Dataset(item.text("uri"), _sha256(item.object("digest")), size)
        _expect(name, layout.input_name(dataset.name), f"{item.where}.name")
        datasets.append(dataset)
    return tuple(datasets)


def _files(items: list[_Object], where: str) -> dict[str, Sha256]:
    files: dict[str, Sha256] = {}
    for item in items:
        name = item.text("name")
        if parts_of(name) is None or "\\" in name:
            raise NotACertificateError(f"{item.where} names {name!r}, which is not a plain path")
        if name in files:
            raise NotACertificateError(f"{item.where} names {name!r} again")
        files[name] = _sha256(item.object("digest"))
    if not files:
        raise NotACertificateError(f"{where} is empty")
    return files


def _sha256(digest: _Object) -> Sha256:
    return _digits(digest.text("sha256"), f"{digest.where}.sha256")


def _digits(text: str, where: str) -> Sha256:
    try:
        return parse_sha256(text)
    except ValueError:
        raise NotACertificateError(f"{where} is not a SHA-256 digest") from None


def _match(pattern: re.Pattern[str], text: str, where: str) -> str:
    match = pattern.fullmatch(text)
    if match is None:
        raise NotACertificateError(f"{where} is {text!r}, which is not of the documented form")
    return match[1]


def _expect(value: str, expected: str, where: str) -> None:
    if value != expected:
        raise NotACertificateError(f"{where} is {value!r}, not {expected!r}")

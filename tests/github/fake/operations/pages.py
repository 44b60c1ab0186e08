"""The deployments of a website from an artifact of a workflow run."""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from typing import Any

import jwt

from fake.calls import Call, Refused, Reply, operation


@operation("repos/create-pages-deployment", "pages", secret=True)
def create(call: Call) -> Any:
    pages = call.repo.pages
    if not pages.enabled:
        raise Refused(404, "Not Found")
    said = _proved(call)
    if said["repository"] != call.repo.full_name or "environment" not in said:
        raise Refused(400, "Invalid OIDC token: it is not of an environment of this repository")
    pages.files = _website(_uploaded(call))
    version = call.body["pages_build_version"]
    pages.deployments[version] = pages.unfinished
    owner, name = call.repo.full_name.split("/")
    return {
        "id": version,
        "status_url": f"{call.github.base}/repos/{call.repo.full_name}/pages/deployments/{version}",
        "page_url": f"https://{owner}.github.io/{name}/",
    }


@operation("repos/get-pages-deployment", "pages", secret=True)
def status(call: Call) -> Any:
    pages, version = call.repo.pages, call.params["pages_deployment_id"]
    if version not in pages.deployments:
        raise Refused(404, "Not Found")
    left = pages.deployments[version]
    pages.deployments[version] = max(0, left - 1)
    return {"status": "deployment_in_progress" if left else pages.ends}


@operation("repos/cancel-pages-deployment", "pages", secret=True)
def cancel(call: Call) -> Any:
    call.repo.pages.cancelled.append(call.params["pages_deployment_id"])
    return Reply(204)


def _proved(call: Call) -> dict[str, Any]:
    """Return what the identity token says, when GitHub itself made it for itself."""
    issuer = call.github.issuer
    if issuer is None:
        raise Refused(400, "Invalid OIDC token")
    owner = call.repo.full_name.partition("/")[0]
    try:
        claims: dict[str, Any] = jwt.decode(
            call.body["oidc_token"], issuer.identity_key.public_key(), algorithms=["ES256"],
            audience=f"https://github.com/{owner}",
        )  # fmt: skip
    except jwt.InvalidTokenError as error:
        raise Refused(400, f"Invalid OIDC token: {error}") from error
    return claims


def _uploaded(call: Call) -> bytes:
    """Return the archive that the run under way has uploaded under this id."""
    wanted, folder = call.body.get("artifact_id"), call.repo.uploads
    for path in folder.glob("*.zip") if folder else ():
        content = path.read_bytes()
        if zlib.crc32(content) == wanted:
            return content
    raise Refused(404, "Not Found")


def _website(content: bytes) -> dict[str, bytes]:
    """Return the files of a website; https://github.com/actions/upload-pages-artifact says its form."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        packed = archive.read("artifact.tar")
    found = {}
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        for member in tar:
            if member.isdir():
                continue
            if not member.isfile() or not member.mode & 0o004:
                raise Refused(400, f"{member.name} cannot be served")
            stream = tar.extractfile(member)
            assert stream is not None
            found[member.name.removeprefix("./")] = stream.read()
    if "index.html" not in found:
        raise Refused(400, "there is no index.html")
    return found

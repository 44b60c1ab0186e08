"""Read blobs of a public image from a registry, anonymously.

Protocol: https://github.com/opencontainers/distribution-spec/blob/main/spec.md ("Pull") and
https://distribution.github.io/distribution/spec/auth/token/. Digests are checked by the caller.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from typing import BinaryIO, cast

from neurocaas_ci.errors import BackendUnavailableError, BuildError
from neurocaas_ci.model.digest import Sha256, oci_digest

_TIMEOUT = 60
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json"
)
_PATH = re.compile(r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*")
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_UNAUTHORIZED, _NOT_FOUND = 401, 404


class RemoteImage:
    """A repository of images; `host` is empty when the name does not begin with one."""

    def __init__(self, name: str) -> None:
        self.name = name
        first, slash, path = name.partition("/")
        is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
        self.host = first if is_host else ""
        self._path = path
        self._token = ""
        if is_host and not _PATH.fullmatch(path):
            raise BuildError(
                f"not the name of an image: {name!r}",
                where="iae.yaml base.image",
                hint="write host/path@sha256:<digest>",
            )

    def open(self, digest: Sha256, *, manifest: bool = False) -> BinaryIO:
        """Open a manifest or another blob for reading.

        Raise BackendUnavailableError when the registry cannot be reached, BuildError when it does
        not have the blob or does not give it to everybody.
        """
        kind = "manifests" if manifest else "blobs"
        address = f"{_scheme(self.host)}://{self.host}/v2/{self._path}/{kind}/{oci_digest(digest)}"
        request = urllib.request.Request(address)  # noqa: S310 - _scheme gives http or https
        if manifest:
            request.add_header("Accept", _MANIFESTS)
        for attempt in range(2):
            if self._token:
                # Not copied to where the registry redirects: a storage service must not see it.
                request.add_unredirected_header("Authorization", f"Bearer {self._token}")
            try:
                return cast("BinaryIO", urllib.request.urlopen(request, timeout=_TIMEOUT))  # noqa: S310
            except urllib.error.HTTPError as error:
                if error.code == _UNAUTHORIZED and attempt == 0:
                    self._token = self._ask_token(error.headers.get("WWW-Authenticate", ""))
                    continue
                raise self._refused(digest, error) from error
            except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
                raise self._unreachable(error) from error
        raise AssertionError("unreachable: the second refusal is an error")

    def _ask_token(self, challenge: str) -> str:
        fields = dict(_CHALLENGE.findall(challenge))
        realm = fields.pop("realm", "")
        parsed = urllib.parse.urlsplit(realm)
        if (
            not challenge.lower().startswith("bearer ")
            or parsed.scheme not in ("http", "https")
            or parsed.scheme != _scheme(parsed.netloc)
        ):
            raise BuildError(
                "the registry asks for a login that cannot be done anonymously",
                where=self.name,
                hint="copy the image into an OCI layout folder (skopeo copy) and list that folder "
                "in NEUROCAAS_OCI_LAYOUTS",
            )
        wanted = {key: fields[key] for key in ("service", "scope") if key in fields}
        address = f"{realm}?{urllib.parse.urlencode(wanted)}"
        try:
            with urllib.request.urlopen(address, timeout=_TIMEOUT) as answer:  # noqa: S310
                document = json.loads(answer.read(1 << 20))
            return str(document.get("token") or document["access_token"])
        except urllib.error.HTTPError as error:
            raise BuildError(
                f"the registry gives no anonymous token: HTTP {error.code}", where=self.name
            ) from error
        except (ValueError, KeyError, AttributeError) as error:
            raise BuildError(
                "the registry's token answer makes no sense", where=self.name
            ) from error
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            raise self._unreachable(error) from error

    def _refused(self, digest: Sha256, error: urllib.error.HTTPError) -> Exception:
        if error.code >= http.client.INTERNAL_SERVER_ERROR:
            return self._unreachable(error)
        what = "does not have" if error.code == _NOT_FOUND else "does not give"
        return BuildError(
            f"the registry {what} sha256:{digest[:16]}… (HTTP {error.code})",
            where=self.name,
            hint="check name and digest, or list a layout folder that holds it in "
            "NEUROCAAS_OCI_LAYOUTS",
        )

    def _unreachable(self, error: Exception) -> BackendUnavailableError:
        return BackendUnavailableError(
            f"the registry cannot be reached: {error}",
            where=self.name,
            hint="check the network and try again",
        )


def _scheme(netloc: str) -> str:
    """Return http for this very machine, https for every other."""
    host = urllib.parse.urlsplit(f"//{netloc}").hostname or ""
    if host == "localhost":
        return "http"
    try:
        return "http" if ipaddress.ip_address(host).is_loopback else "https"
    except ValueError:
        return "https"

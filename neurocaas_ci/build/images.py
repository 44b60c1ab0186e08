"""Images by digest or by IAE name: built when absent, verified, unpacked once, checked on each use.

This is on the path of every command that runs something: what building needs is imported only when
something is built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from neurocaas_ci.build.cache import Cache
from neurocaas_ci.build.documents import Image, read_image, read_manifest
from neurocaas_ci.build.roots import Verify, ensure_root, private_root
from neurocaas_ci.errors import BackendUnavailableError, BuildError, IntegrityError
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.named import NamedTuple

if TYPE_CHECKING:
    from neurocaas_ci.registry.tree import Tree


class RootImage(NamedTuple):
    """An image that is unpacked and checked, and what it runs."""

    image: Sha256
    config: Sha256
    root: Path
    command: tuple[str, ...]
    environment: Mapping[str, str]


def _silent(_text: str) -> None:
    pass


class Images:
    """The images of one machine; `say` is told what takes long.

    With `given`, a folder of layouts by their digests, nothing is built: what is not here comes from
    there. Building runs an environment's own interpreter, which a machine with rights must not.
    """

    def __init__(
        self, cache: Path, say: Callable[[str], None] = _silent, given: Path | None = None
    ) -> None:
        self._cache = Cache(cache)
        self._say = say
        self._given = given

    def ensure(
        self,
        tree: Tree,
        iae_name: str,
        expect: Sha256 | None = None,
        *,
        verify: Verify = "fingerprint",
    ) -> RootImage:
        """Return the unpacked image of an IAE, building it when it is not here.

        `expect` is the digest that `iae.lock` pins. Raise BuildError when the sources give
        another image, BackendUnavailableError when something needed to build is out of reach, or
        when nothing is built and the image is not among the given ones.
        """
        image = self._stored(expect) if expect else None
        if self._given is not None:
            return self._taken(iae_name, expect, image, self._given, verify)
        if image is not None:
            try:
                return self._unpacked(image, verify)
            except IntegrityError as error:
                self._say(f"building {iae_name} again: {error.message}")
                return self._unpacked(self._built(tree, iae_name, expect, fresh=True), verify)
        return self._unpacked(self._built(tree, iae_name, expect, fresh=False), verify)

    def find(self, image: Sha256, *, verify: Verify = "fingerprint") -> RootImage:
        """Return an image that was built or pulled here before; raise IntegrityError without it."""
        stored = self._stored(image)
        if stored is None:
            raise _absent(image)
        return self._unpacked(stored, verify)

    def export(self, tree: Tree, iae_name: str, expect: Sha256, target: Path) -> None:
        """Write the image of an IAE as a layout folder, building it when it is not here.

        Raise what `ensure` raises.
        """
        from neurocaas_ci.build.constants import architecture
        from neurocaas_ci.build.layout import write_layout
        from neurocaas_ci.build.source import load_iae

        processor = architecture(load_iae(tree, iae_name))[0]
        image = self._stored(expect) or self._built(tree, iae_name, expect, fresh=False)
        try:
            write_layout(self._cache, image, iae_name, processor, target)
        except IntegrityError as error:
            self._say(f"building {iae_name} again: {error.message}")
            image = self._built(tree, iae_name, expect, fresh=True)
            write_layout(self._cache, image, iae_name, processor, target)

    def _taken(
        self, name: str, digest: Sha256 | None, image: Image | None, given: Path, verify: Verify
    ) -> RootImage:
        from neurocaas_ci.build.layout import take_layout

        if image is None and digest is not None:
            take_layout(self._cache, digest, given / digest)
            image = self._stored(digest)
        if image is None:
            raise BackendUnavailableError(
                "nothing is built here, and the environment is not locked",
                where=f"iae/{name}",
                hint=f"`neurocaas iae lock {name}` locks it; a published blueprint needs that",
            )
        return self._unpacked(image, verify)

    def unpack(self, image: Sha256, folder: Path) -> Path:
        """Return a root of an image that nobody else uses, below `folder`, which is made.

        Raise IntegrityError without the image.
        """
        stored = self._stored(image)
        if stored is None:
            raise _absent(image)
        return private_root(self._cache, stored.layers, folder)

    def _stored(self, digest: Sha256) -> Image | None:
        manifest = self._cache.read_blob(digest)
        if manifest is None:
            return None
        config = self._cache.read_blob(read_manifest(manifest)[0].digest)
        return None if config is None else read_image(digest, manifest, config)

    def _unpacked(self, image: Image, verify: Verify) -> RootImage:
        root = ensure_root(self._cache, image.config, image.layers, verify)
        return RootImage(image.digest, image.config, root, image.command, image.environment)

    def _built(self, tree: Tree, name: str, expect: Sha256 | None, *, fresh: bool) -> Image:
        from neurocaas_ci.build.builder import Request, build
        from neurocaas_ci.build.recipe import sources
        from neurocaas_ci.build.source import load_iae

        files = sources(tree, name)
        request = Request(load_iae(tree, name), files, self._cache, self._say, fresh)
        image = build(request).image
        if expect is None or image.digest == expect:
            return image
        if not fresh:
            # The memory of a layer may be damaged in a way that looks sound: trust nothing of it.
            return self._built(tree, name, expect, fresh=True)
        raise BuildError(
            f"the sources give image {image.digest[:16]}…, the lock pins {expect[:16]}…",
            where=f"iae/{name}/iae.lock",
            hint=f"lock again after a change of the sources: neurocaas iae lock {name}; "
            f"see what differs: neurocaas build {name} --check",
        )


def _absent(image: Sha256) -> IntegrityError:
    return IntegrityError(
        "the image is not in the cache, or it is damaged there",
        where=image,
        hint="build it: neurocaas build NAME",
    )

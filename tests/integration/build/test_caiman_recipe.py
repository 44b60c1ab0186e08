"""The recipe for upstream CaImAn, with a repository of the same shape in the place of the real one.

The real one lies on a forge that tests do not reach. Everything else is that of the recipe: base,
compilers, build wheels, and what the build has to cope with.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from conftest import Bench
from test_sources import git

from neurocaas_ci.build.images import Images
from neurocaas_ci.registry.folder import FolderTree

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("apt-get") is None, reason="locking needs apt"),
]
RECIPE = Path(__file__).parents[3] / "docs/recipes/iae/caiman-upstream"
# What CaImAn is to a builder: a version in a file; a Cython module in C++, two packages deep, that needs
# NumPy's headers and is declared in setup.py and by a helper of pyproject.toml; distutils; an empty
# requirement; data files below share/; a console script.
STANDIN = {
    "VERSION": "0.1\n\n",
    "README.md": "A stand-in.\n",
    "bin/tool.sh": "#!/bin/sh\n",
    "pyproject.toml": """\
[project]
name = "standin"
description = "A stand-in"
readme = "README.md"
dynamic = ["classifiers", "keywords", "license", "scripts", "version"]
[build-system]
requires = ["cython", "numpy", "setuptools", "wheel"]
[tool.setuptools]
py-modules = ["_helper"]
[tool.setuptools.cmdclass]
build_py = "_helper.BuildPy"
""",
    "_helper.py": """\
import numpy
import setuptools.extension
from setuptools.command import build_py

class BuildPy(build_py.build_py):
    def initialize_options(self):
        super().initialize_options()
        found = self.distribution.ext_modules or []
        found.append(setuptools.extension.Extension(
            "standin.deep.inner.sums", ["standin/deep/inner/sums.pyx"],
            include_dirs=[numpy.get_include()], language="c++"))
        self.distribution.ext_modules = found

    def run(self):
        self.run_command("build_ext")
        super().run()
""",
    "setup.py": """\
import os
from distutils.command.build_ext import build_ext
import numpy
from Cython.Build import cythonize
from setuptools import find_packages, setup
from setuptools.extension import Extension

version = open("VERSION").read().strip()
data = [("share/standin", ["README.md", "VERSION"])]
data += [("share/standin/" + d, [os.path.join(d, f) for f in fs]) for d, _, fs in os.walk("bin")]
modules = [Extension("standin.deep.inner.sums", ["standin/deep/inner/sums.pyx"],
                     include_dirs=[numpy.get_include()], language="c++")]
setup(name="standin", version=version, license="GPL-2", keywords="a stand-in",
      classifiers=["Programming Language :: Python :: 3"], packages=find_packages(), data_files=data, install_requires=[""],
      entry_points={"console_scripts": ["standin = standin:main"]},
      ext_modules=cythonize(modules, language_level="3"), cmdclass={"build_ext": build_ext})
""",
    "standin/__init__.py": (
        "import pkg_resources\n__version__ = pkg_resources.get_distribution('standin').version\n"
        "def main(): pass\n"
    ),
    "standin/deep/__init__.py": "",
    "standin/deep/inner/__init__.py": "",
    "standin/deep/inner/sums.pyx": """\
cimport numpy as np
import numpy as np
from libcpp.vector cimport vector

def total(np.ndarray[np.float32_t, ndim=1] values):
    cdef vector[double] kept
    cdef double result = 0
    cdef Py_ssize_t i
    for i in range(len(values)):
        kept.push_back(values[i])
    for one in kept:
        result += one
    return result
""",
}
WORKFLOW = """\
import numpy as np, standin
from standin.deep.inner import sums
print(standin.__version__, sums.total(np.arange(5, dtype=np.float32)))
"""


@pytest.fixture
def bench(image_cache):
    folder = Path(tempfile.mkdtemp(prefix="neurocaas-recipe-"))
    folder.chmod(0o755)
    made = Bench(folder / "registry", folder / "home", seconds=300)
    made.cache.mkdir(parents=True)
    debs = Path(image_cache, "debs")
    debs.mkdir(exist_ok=True)
    (made.cache / "debs").symlink_to(debs)
    for name, content in STANDIN.items():
        path = folder / "standin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    git(folder / "standin", "init", "--quiet", "--initial-branch=main")
    git(folder / "standin", "add", ".")
    git(folder / "standin", "commit", "--quiet", "-m", "One")
    yield made
    shutil.rmtree(folder, ignore_errors=True)


def test_the_recipe_builds_a_repository_of_this_shape(bench):
    origin = bench.home.parent / "standin"
    text = (RECIPE / "iae.yaml").read_text()
    (address,) = re.findall(r"git: (\S+)", text)
    bench.env.update(
        GIT_CONFIG_COUNT="1",
        GIT_CONFIG_KEY_0=f"url.{origin}.insteadOf",
        GIT_CONFIG_VALUE_0=address,
    )
    commit = git(origin, "rev-parse", "HEAD")
    text = re.sub(r'commit: "[0-9a-f]{40}"', f'commit: "{commit}"', text)
    text = text.replace("package: caiman==1.10.3", "package: standin==0.1")
    # The tools are the recipe's; of what it needs at run time, what the stand-in needs.
    text = re.sub(r"shared_wheels: .*\n", "", text).replace("caiman-upstream", "probe")
    bench.write("probe/iae.yaml", text)
    wanted = (RECIPE / "requirements.in").read_text().splitlines()
    needed = [line for line in wanted if line.startswith(("numpy==", "setuptools=="))]
    bench.write("probe/requirements.in", "\n".join(needed) + "\n")
    bench.write("probe/workflow.py", WORKFLOW)
    image = bench.ok("iae", "lock", "probe")
    sources = (bench.registry / "iae/probe/sources.lock").read_text()
    assert f" {commit}\n" in sources
    assert "\nsdist moviepy 1.0.3 " in sources
    assert "standin/deep/inner/sums.cpython-311-x86_64-linux-gnu.so" in sources
    assert "standin-0.1.data/data/share/standin/bin/tool.sh" in sources
    made = Images(bench.cache).ensure(FolderTree(bench.registry), "probe")
    done = subprocess.run(
        ["bwrap", "--unshare-all", "--clearenv", "--ro-bind", str(made.root), "/", *made.command],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "0.1 10.0\n", done.stderr
    # Built anew from the archive that was kept, without git: what an auditor with the archive has.
    bench.env["GIT_CONFIG_KEY_0"] = "url.http://127.0.0.1:9/gone.insteadOf"
    done = bench.run("build", "probe", "--check")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == image

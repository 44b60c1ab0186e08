"""Groups on hierarchies that these tests lay out as plain folders; real ones are integration tests."""

from __future__ import annotations

import os

import pytest

from neurocaas_ci.run.sandbox import cgroups
from neurocaas_ci.run.sandbox.hierarchy import find_layout
from neurocaas_ci.run.sandbox.processes import owner_alive, owner_token


@pytest.fixture
def v1(tmp_path):
    for name in ("memory", "pids", "cpuacct"):
        folder = tmp_path / name / "mine"
        folder.mkdir(parents=True)
        (folder / "cgroup.procs").write_text("")
    membership = "4:memory:/mine\n8:pids:/mine\n2:cpu,cpuacct:/mine\n0::/\n"
    return tmp_path, membership


@pytest.fixture
def v2(tmp_path):
    own = tmp_path / "user" / "app"
    own.mkdir(parents=True)
    (own / "cgroup.procs").write_text(f"{os.getpid()}\n")
    (own / "cgroup.controllers").write_text("cpu memory pids\n")
    (own / "cgroup.subtree_control").write_text("")
    return tmp_path, own, "0::/user/app\n"


def test_v1_groups_are_made_below_ones_own(v1):
    mount, membership = v1
    layout = find_layout(mount, membership)
    assert layout.version == "v1"
    assert layout.folders["memory"] == mount / "memory" / "mine"
    assert set(layout.folders) == {"memory", "pids", "cpuacct"}


def test_v1_in_a_container_that_sees_only_its_own_part(v1):
    mount, _ = v1
    (mount / "memory" / "cgroup.procs").write_text("")
    layout = find_layout(mount, "4:memory:/somewhere/else\n0::/\n")
    assert layout.folders == {"memory": mount / "memory"}


def test_without_a_memory_controller_there_is_none(v1):
    mount, _ = v1
    assert find_layout(mount, "8:pids:/mine\n0::/\n") is None


def test_v2_moves_a_lonely_process_down_and_hands_out_memory(v2):
    mount, own, membership = v2
    layout = find_layout(mount, membership)
    assert layout.version == "v2"
    assert layout.folders == {"": own}
    assert (own / "cgroup.subtree_control").read_text() == "+memory +pids"
    assert (own / "neurocaas-caller" / "cgroup.procs").read_text() == str(os.getpid())


def test_v2_leaves_a_shared_group_alone(v2):
    mount, own, membership = v2
    (own / "cgroup.procs").write_text(f"1\n{os.getpid()}\n")
    assert find_layout(mount, membership) is None
    assert (own / "cgroup.subtree_control").read_text() == ""


def test_v2_that_already_hands_out_memory_is_used_as_it_is(v2):
    mount, own, membership = v2
    (own / "cgroup.subtree_control").write_text("memory pids\n")
    assert find_layout(mount, membership).folders == {"": own}
    assert not (own / "neurocaas-caller").exists()


def test_v2_without_memory_is_of_no_use(v2):
    mount, own, membership = v2
    (own / "cgroup.controllers").write_text("cpu pids\n")
    assert find_layout(mount, membership) is None


def test_owners():
    token = owner_token()
    assert owner_alive(token)
    namespace, pid, start = token.split(".")
    assert not owner_alive(f"{namespace}.{pid}.{int(start) + 1}")
    assert not owner_alive(f"{namespace}.{2**22 + 1}.{start}")
    # What this process cannot judge is never taken for dead.
    assert owner_alive(f"{int(namespace) + 1}.{pid}.0")
    assert owner_alive("something else")


def test_groups_of_the_dead_are_swept(v1):
    mount, membership = v1
    layout = find_layout(mount, membership)
    namespace, pid, start = owner_token().split(".")
    dead = layout.folders["memory"] / f"neurocaas-{namespace}.{pid}.{int(start) + 1}-1"
    alive = layout.folders["memory"] / f"neurocaas-{owner_token()}-1"
    other = layout.folders["memory"] / "somebody-else"
    for folder in (dead, alive, other):
        folder.mkdir()
    cgroups.sweep(layout)
    assert not dead.exists()
    assert alive.exists()
    assert other.exists()

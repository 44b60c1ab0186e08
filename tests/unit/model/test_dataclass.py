"""Our `dataclass` makes of a class what the standard library makes of it."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Generic, TypeVar

import pytest

from neurocaas_ci.model import dataclass as ours

T = TypeVar("T")


def _classes(kit):
    @kit.dataclass(frozen=True, slots=True)
    class Plain:
        """Words."""

        name: str
        size: int = 3
        more: Mapping[str, int] = kit.field(default_factory=dict)

        @property
        def twice(self) -> int:
            return 2 * self.size

    @kit.dataclass(frozen=True, slots=True, order=True)
    class Ordered:
        """A place."""

        path: str
        line: int = 1

        def __str__(self) -> str:
            return f"{self.path}:{self.line}"

    @kit.dataclass(frozen=True)
    class Open:
        """With a dictionary."""

        name: str
        parts: list[int] = kit.field(default_factory=list)

        @cached_property
        def length(self) -> int:
            return len(self.name)

    @kit.dataclass(slots=True)
    class Counter:
        """Changes."""

        count: int = 0

    @kit.dataclass
    class Bag:
        """Changes, with a dictionary."""

        things: list[int] = kit.field(default_factory=list)
        free: int = 0

    @kit.dataclass(frozen=True, slots=True)
    class Box(Generic[T]):
        """Holds anything."""

        value: T | None
        tags: tuple[str, ...] = ()

    return Plain, Ordered, Open, Counter, Bag, Box


_CALLS = (
    (0, ("a",), {}), (0, ("a", 4), {"more": {"x": 1}}), (0, (), {"name": "b", "size": 1}),
    (1, ("p",), {}), (1, ("p", 2), {}), (2, ("n",), {}), (2, ("n", [1]), {}),
    (3, (), {}), (3, (5,), {}), (4, (), {}), (4, ([1], 2), {}), (5, (1,), {}), (5, (None, ("t",)), {}),
)  # fmt: skip
_WRONG = (
    (0, (), {}), (0, ("a", 1, {}, 2), {}), (0, ("a",), {"name": "b"}), (0, ("a",), {"other": 1}),
    (5, (), {"tags": ()}),
)  # fmt: skip


def _pair(index):
    return _classes(ours)[index], _classes(dataclasses)[index]


@pytest.mark.parametrize(("index", "args", "kwargs"), _CALLS)
def test_values_are_alike(index, args, kwargs):
    mine, standard = (cls(*copy.deepcopy(args), **kwargs) for cls in _pair(index))
    assert repr(mine) == repr(standard)
    assert str(mine) == str(standard)
    assert dataclasses.asdict(mine) == dataclasses.asdict(standard)
    assert dataclasses.astuple(mine) == dataclasses.astuple(standard)
    assert type(mine).__match_args__ == type(standard).__match_args__
    assert type(mine).__doc__ == type(standard).__doc__
    assert hasattr(mine, "__dict__") == hasattr(standard, "__dict__")
    assert getattr(type(mine), "__slots__", None) == getattr(type(standard), "__slots__", None)
    assert mine == type(mine)(*copy.deepcopy(args), **kwargs)
    assert mine != standard
    assert copy.copy(mine) == mine
    assert copy.deepcopy(mine) == mine


@pytest.mark.parametrize(("index", "args", "kwargs"), _WRONG)
def test_wrong_calls_are_refused_alike(index, args, kwargs):
    mine, standard = _pair(index)
    with pytest.raises(TypeError) as expected:
        standard(*args, **kwargs)
    for _ in range(2):
        with pytest.raises(TypeError) as refused:
            mine(*args, **kwargs)
        assert str(refused.value) == str(expected.value)


@pytest.mark.parametrize("index", range(6))
def test_change_is_refused_alike(index):
    args, kwargs = next((a, k) for i, a, k in _CALLS if i == index)
    for cls in _pair(index):
        value = cls(*args, **kwargs)
        name = value.__match_args__[0]
        if index in {0, 1, 2, 5}:
            with pytest.raises(dataclasses.FrozenInstanceError, match=f"cannot assign to .*{name}"):
                setattr(value, name, 1)
            with pytest.raises(dataclasses.FrozenInstanceError, match=f"cannot delete .*{name}"):
                delattr(value, name)
        else:
            setattr(value, name, 7)
            assert getattr(value, name) == 7
            with pytest.raises(TypeError, match="unhashable"):
                hash(value)


@pytest.mark.parametrize("index", [1, 5])
def test_hash(index):
    mine, standard = (cls("a") for cls in _pair(index))
    assert hash(mine) == hash(type(mine)("a")) == hash(standard)


def test_order():
    ordered = _classes(ours)[1]
    values = [ordered("b", 1), ordered("a", 2), ordered("a", 1)]
    assert [str(v) for v in sorted(values)] == ["a:1", "a:2", "b:1"]
    assert values[0] > values[1] > values[2]
    assert values[2] <= values[2] < values[0] >= values[0]
    with pytest.raises(TypeError):
        assert values[0] < "b"


def test_defaults_are_made_afresh():
    bag = _classes(ours)[4]
    one, other = bag(), bag()
    one.things.append(1)
    assert other.things == []


def test_what_is_cached_in_a_frozen_value():
    assert _classes(ours)[2]("name").length == 4


def test_replace_of_both_kinds():
    plain = _classes(ours)[0]
    value = plain("a", 1)
    for replace in (ours.replace, dataclasses.replace):
        assert replace(value, size=2) == plain("a", 2)
        with pytest.raises(TypeError):
            replace(value, other=2)


def test_introspection():
    plain = _classes(ours)[0]
    assert dataclasses.is_dataclass(plain)
    fields = {f.name: f for f in dataclasses.fields(plain)}
    assert list(fields) == ["name", "size", "more"]
    assert fields["size"].default == 3
    assert fields["more"].default_factory is dict
    assert fields["name"].default is dataclasses.MISSING


def test_generic_classes_keep_their_parameters():
    box = _classes(ours)[5]
    assert box[int](1) == box(1)


def test_matching():
    plain = _classes(ours)[0]
    match plain("a", 5):
        case plain(name, size):
            assert (name, size) == ("a", 5)


@ours.dataclass(frozen=True, slots=True)
class Packed:
    """A class that pickle finds."""

    name: str
    size: int = 1


def test_pickling():
    assert pickle.loads(pickle.dumps(Packed("a", 2))) == Packed("a", 2)  # noqa: S301 - our own


def test_the_first_values_can_be_made_in_many_threads_at_once():
    for _ in range(20):
        plain = _classes(ours)[0]
        start = threading.Barrier(8)

        def make(number, plain=plain, start=start):
            start.wait()
            return plain("a", number)

        with ThreadPoolExecutor(8) as pool:
            assert [v.size for v in pool.map(make, range(8))] == list(range(8))


def test_what_comes_after_the_fields():
    for kit in (ours, dataclasses):

        @kit.dataclass(frozen=True, slots=True)
        class Positive:
            """A number above zero."""

            number: int = kit.field(default=1)

            def __post_init__(self) -> None:
                if self.number <= 0:
                    raise ValueError("not positive")

        assert Positive().number == 1
        for _ in range(2):
            with pytest.raises(ValueError, match="not positive"):
                Positive(0)


def test_nothing_in_it():
    for kit in (ours, dataclasses):

        @kit.dataclass(frozen=True, slots=True)
        class Empty:
            """Nothing."""

        assert Empty() == Empty()
        assert repr(Empty()).endswith("Empty()")


@pytest.mark.parametrize("kind", ["ClassVar[int]", "InitVar[int]", "dataclasses.KW_ONLY"])
def test_what_is_not_offered_is_refused(kind):
    with pytest.raises(TypeError, match="standard library"):
        ours.dataclass(type("Special", (), {"__annotations__": {"x": kind}}))


def test_inheritance_and_shared_defaults_are_refused():
    with pytest.raises(TypeError, match="standard library"):
        ours.dataclass(type("Child", (Packed,), {"__annotations__": {"x": "int"}}))
    with pytest.raises(TypeError, match="standard library"):
        ours.dataclass(type("Shared", (), {"__annotations__": {"x": "list[int]"}, "x": []}))


def test_a_subclass_uses_the_constructor_of_its_base():
    class Child(Packed):
        pass

    assert Child("a") == Child("a", 1)
    assert Child("a") != Packed("a")

import json
import re
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from tests.spec.composing import PERCEIVER, composed
from tests.spec.pinned import FILE, pinned
from vitreport.records.folders import RUN_NAME
from vitreport.spec.augment import HorizontalFlipSpec
from vitreport.spec.base import BaseSpec, added_later
from vitreport.spec.run import RunSpec, hashed_values

SPEC = composed(PERCEIVER, {"data": {"augment": [{"name": "horizontal_flip"}]}}).spec
PINNED = pinned()
GOLDEN = json.loads(FILE.read_text(encoding="utf-8"))


def test_every_preset_and_union_member_is_pinned() -> None:
    assert list(GOLDEN) == list(PINNED)


@pytest.mark.parametrize("name", GOLDEN)
def test_specs_and_ids_are_the_pinned_ones(name: str) -> None:
    """A new field needs `added_later`; what changes on purpose is pinned anew by `python -m tests.spec.refresh`."""
    assert PINNED[name] == GOLDEN[name]


def test_pinned_ids_differ() -> None:
    ids = [each["id"] for name, each in GOLDEN.items() if name not in ("optimizer adamw", "schedule constant")]
    assert len(set(ids)) == len(ids)


@given(st.integers(0, 2**31 - 1))
def test_the_seed_is_in_the_id_alone(seed: int) -> None:
    other = composed(PERCEIVER, {"data": {"augment": [{"name": "horizontal_flip"}]}, "seed": seed}).spec
    assert other.group_hash == SPEC.group_hash
    assert other.run_id == f"perceiver-io-cifar10-{SPEC.group_hash}-s{seed}"


SECTIONS = [name for name in RunSpec.model_fields if name != "seed"]


@pytest.mark.parametrize("section", SECTIONS)
def test_every_other_field_is_in_the_hash(section: str) -> None:
    values: BaseModel = getattr(SPEC, section)
    for field in type(values).model_fields:
        changed = SPEC.model_copy(update={section: values.model_copy(update={field: "another value"})})
        assert changed.group_hash != SPEC.group_hash, field


def test_a_field_inside_a_list_is_in_the_hash() -> None:
    data = SPEC.data.model_copy(update={"augment": (HorizontalFlipSpec(probability=0.25),)})
    assert SPEC.model_copy(update={"data": data}).group_hash != SPEC.group_hash


def test_ways_to_write_one_number_have_one_hash() -> None:
    written = ["0", "0.0", "-0.0", "0e5"]
    tables: list[Any] = [{"optimizer": {"weight_decay": json.loads(number)}} for number in written]
    assert len({composed(PERCEIVER, table).spec.group_hash for table in tables}) == 1


class Item(BaseSpec):
    size: int = 1


class LaterItem(BaseSpec):
    size: int = 1
    color: str = added_later(default="red")


class Before(BaseSpec):
    size: int = 1
    item: Item = Item()
    items: tuple[Item, ...] = (Item(), Item(size=2))


class After(BaseSpec):
    size: int = 1
    item: LaterItem = LaterItem()
    items: tuple[LaterItem, ...] = (LaterItem(), LaterItem(size=2))
    weight: Annotated[float, added_later(ge=0)] = 0.5
    limit: int | None = added_later(default=None)


def test_a_later_field_at_its_default_is_not_in_the_hash() -> None:
    assert hashed_values(After()) == hashed_values(Before())
    assert hashed_values(After(weight=0.5, limit=None, item=LaterItem(color="red"))) == hashed_values(Before())


@pytest.mark.parametrize(
    "changed",
    [
        After(weight=0.25),
        After(limit=3),
        After(item=LaterItem(color="blue")),
        After(items=(LaterItem(color="blue"), LaterItem(size=2))),
        After(size=2),
    ],
)
def test_any_other_value_of_it_is(changed: After) -> None:
    assert hashed_values(changed) != hashed_values(Before())


def test_a_later_field_keeps_its_limits() -> None:
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        After(weight=-1)


@given(st.text(), st.integers(0, 2**31 - 1))
def test_an_id_is_the_name_of_a_folder_whatever_the_data_set_is_called(dataset: str, seed: int) -> None:
    data = SPEC.data.model_copy(update={"dataset": dataset})
    run_id = SPEC.model_copy(update={"data": data, "seed": seed}).run_id
    assert RUN_NAME.match(f"{run_id}-r99")
    assert Path(run_id).name == run_id
    assert run_id.isascii()
    assert run_id.startswith("perceiver-io-")
    assert run_id.endswith(f"-s{seed}")


@pytest.mark.parametrize(
    ("dataset", "shown"),
    [
        ("my photos!", "my-photos"),
        ("..", "images"),
        ("\u6f22\u5b57", "images"),
        ("a" * 100, "a" * 40),
        ("v1.5_x", "v1.5_x"),
    ],
)
def test_an_id_shows_what_it_can_of_the_name(dataset: str, shown: str) -> None:
    data = SPEC.data.model_copy(update={"dataset": dataset})
    run_id = SPEC.model_copy(update={"data": data}).run_id
    assert re.fullmatch(rf"perceiver-io-{re.escape(shown)}-[0-9a-f]{{8}}-s0", run_id)


@given(st.text(max_size=50), st.text(max_size=50))
def test_data_sets_of_other_names_have_other_ids(first: str, second: str) -> None:
    ids = [
        SPEC.model_copy(update={"data": SPEC.data.model_copy(update={"dataset": name})}).run_id
        for name in (first, second)
    ]
    assert (ids[0] == ids[1]) == (first == second)

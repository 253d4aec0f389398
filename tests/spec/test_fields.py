from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models.small import REQUIRED
from vitreport.errors import SpecError
from vitreport.spec.architectures.perceiver import PerceiverIOSpec
from vitreport.spec.architectures.tnt import PACKAGE, PACKAGE_FIELDS, TNTSpec
from vitreport.spec.augment import MixSpec
from vitreport.spec.base import BaseSpec, tag_of
from vitreport.spec.data import DataSpec
from vitreport.spec.fields import field_paths, find_field
from vitreport.spec.model import ARCHITECTURES
from vitreport.spec.optimizer import AdamSpec, AdamWSpec, ConstantSpec, CosineSpec, SGDSpec
from vitreport.spec.run import RunSpec, TrainSpec
from vitreport.suggestions import did_you_mean

from .composing import composed, problems

SECTIONS: dict[str, tuple[type[BaseSpec], ...]] = {
    "model": tuple(ARCHITECTURES.values()),
    "data": (DataSpec,),
    "optimizer": (AdamWSpec, AdamSpec, SGDSpec),
    "schedule": (ConstantSpec, CosineSpec),
    "train": (TrainSpec,),
}
NEEDED = {
    "image_size": 32,
    "num_classes": 10,
    "dim": 3072,
    "queries_dim": 10,
    "logits_dim": 10,
    "architecture": "resnet18",
}
"""Values of the fields without a default that fit the pretended dataset."""


def refusal(name: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        find_field(name)
    return caught.value


def test_every_section_and_field_has_its_path() -> None:
    expected = {
        f"{section}.{field}" for section, kinds in SECTIONS.items() for kind in kinds for field in kind.model_fields
    }
    mixing = {f"data.mix.{field}" for field in MixSpec.model_fields}
    assert set(field_paths()) == (expected - {"data.mix"}) | mixing | {"seed"}
    assert {path.partition(".")[0] for path in field_paths()} == set(RunSpec.model_fields)


def test_every_path_means_itself() -> None:
    assert [find_field(path) for path in field_paths()] == list(field_paths())


@pytest.mark.parametrize("path", field_paths())
def test_every_path_can_be_set(path: str) -> None:
    """Each field takes its own default, in each member of a union that has it."""
    section, _, name = path.rpartition(".")
    for kind in SECTIONS.get(section, (RunSpec,)):
        if name in kind.model_fields:
            layer = nested(path, default(kind, name))
            assert composed(layer, whole(section, kind, name), layer).origins[path] == "layer 3"


def nested(path: str, value: Any) -> dict[str, Any]:
    for part in reversed(path.split(".")):
        value = {part: value}
    return value  # type: ignore[no-any-return]


def whole(section: str, kind: Any, field: str) -> dict[str, Any]:
    """A spec with this member of a union, which has the field."""
    model = {"model": {"name": "perceiver-io"}}
    if "name" not in kind.model_fields:
        return model
    tag = str(tag_of(kind))
    chosen = {"implementation": PACKAGE} if kind is TNTSpec and field in PACKAGE_FIELDS else {}
    return model | {section: {"name": tag, **chosen, **REQUIRED.get(tag, {})}}


def default(kind: Any, name: str) -> Any:
    return NEEDED[name] if kind.model_fields[name].is_required() else kind.model_fields[name].get_default()


def test_an_entry_of_a_free_table_is_found() -> None:
    assert find_field("model.arguments.drop_rate") == find_field("arguments.drop_rate") == "model.arguments.drop_rate"
    assert refusal("model.arguments.").problems[0].message == "unknown field"
    assert refusal("model.arguments.a.b").problems[0].message == "unknown field"


def test_a_unique_last_part_is_enough() -> None:
    assert find_field("batch_size") == "train.batch_size"
    assert find_field("patch_size") == "model.patch_size"
    assert find_field("seed") == "seed"
    for path in field_paths():
        last = path.rpartition(".")[2]
        if sum(known.rpartition(".")[2] == last for known in field_paths()) == 1:
            assert find_field(last) == path


@pytest.mark.parametrize("name", ["lr", "optimizer.lr"])
def test_lr_is_the_learning_rate(name: str) -> None:
    assert find_field(name) == "optimizer.learning_rate"


def test_an_ambiguous_name_lists_the_candidates() -> None:
    (problem,) = refusal("name").problems
    assert problem.message == "the name is not unique"
    assert problem.hint == "use one of model.name, optimizer.name, schedule.name"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("batchsize", "did you mean batch_size or patch_size (perceiver-io, mlp-mixer, swin, tnt)?"),
        ("train.batchsize", "did you mean train.batch_size or train.epochs?"),
        ("learning_rat", "did you mean learning_rate?"),
        ("data", "did you mean dataset?"),
        ("random_erasing", "`vitreport spec show MODEL` shows every field"),
        ("zzz", "`vitreport spec show MODEL` shows every field"),
        ("", "`vitreport spec show MODEL` shows every field"),
        (".", "`vitreport spec show MODEL` shows every field"),
        ("rain.epochs", "did you mean train.epochs or train.precision?"),
    ],
)
def test_an_unknown_name_is_met_with_the_nearest(name: str, hint: str) -> None:
    (problem,) = refusal(name).problems
    assert (problem.field, problem.message, problem.hint) == (name, "unknown field", hint)


@given(st.text())
def test_any_other_name_is_refused(name: str) -> None:
    try:
        found = find_field(name)
    except SpecError as error:
        found = error.problems[0].field
    assert found == name or found.endswith(f".{name}") or found == f"{name}.name" or name == "lr"


def test_few_names_are_all_told_where_none_is_near() -> None:
    assert did_you_mean("x", ["alpha", "beta"]) == "use one of alpha, beta"
    assert did_you_mean("x", map(str, range(21))) == ""
    assert did_you_mean("alpa", ["alpha", "beta"]) == "did you mean alpha?"


def test_an_unknown_field_is_looked_for_in_the_other_sections() -> None:
    hints = {
        field: problem.hint for field, problem in problems({"epochs": 1, "model": {"name": "swin", "lr": 1}}).items()
    }
    assert hints == {"epochs": "did you mean train.epochs?", "model.lr": "did you mean optimizer.learning_rate?"}


def test_the_first_architecture_derives_its_needed_fields() -> None:
    needed = {name for name, field in PerceiverIOSpec.model_fields.items() if field.is_required()}
    assert set(PerceiverIOSpec.derive_fields({}, 32, 10)) == needed

import hashlib
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from vitreport.data.sources import facts_in
from vitreport.errors import DatasetError, Problem, SpecError
from vitreport.spec.architectures.mlp_mixer import MLPMixerSpec
from vitreport.spec.architectures.perceiver import PerceiverIOSpec
from vitreport.spec.architectures.swin import SwinSpec
from vitreport.spec.augment import ColorJitterSpec, HorizontalFlipSpec
from vitreport.spec.compose import Request, compose, compose_request
from vitreport.spec.data import DatasetFacts
from vitreport.spec.fields import flatten
from vitreport.spec.load import Layer, read_assignments, read_spec_file
from vitreport.spec.optimizer import AdamWSpec, SGDSpec
from vitreport.untrusted_files import file_digest

from .composing import MIXER, PERCEIVER, SWIN, composed, problems

SOURCES = [
    ("flag", 6, "command line"),
    ("--set", 5, "--set"),
    ("--spec", 3, "my.toml"),
    ("preset", 64, "preset perceiver-io-digits"),
    ("default", 128, None),
]


def test_weights_are_hashed_again_only_if_they_changed() -> None:
    weights = Path("weights")
    with patch("vitreport.spec.compose.file_digest", wraps=file_digest) as digest:
        for content in (b"a", b"bc"):
            weights.write_bytes(content)
            request = Request("mlp-mixer", "digits", weights=weights)
            found = {compose_request(request, facts_in(None)).spec.model.pretrained for _ in range(2)}
            assert found == {f"sha256:{hashlib.sha256(content).hexdigest()}"}
    assert digest.call_count == 2


@pytest.mark.parametrize("strongest", range(len(SOURCES)), ids=[name for name, _, _ in SOURCES])
def test_the_strongest_source_wins_and_is_the_origin(strongest: int) -> None:
    given = {name for name, _, _ in SOURCES[strongest:]}
    Path("my.toml").write_text('model.name = "perceiver-io"\n' + "train.batch_size = 3\n" * ("--spec" in given))
    request = Request(
        preset="perceiver-io-digits" if "preset" in given else None,
        spec_file=Path("my.toml"),
        assignments=["batch_size=5"] if "--set" in given else [],
        flags={"train.batch_size": 6 if "flag" in given else None},
    )
    found = compose_request(request, facts_in(None))
    _, value, origin = SOURCES[strongest]
    assert found.spec.train.batch_size == value
    assert found.origins.get("train.batch_size") == origin


def test_a_layer_overrides_single_fields_and_keeps_their_neighbours() -> None:
    found = composed({**PERCEIVER, "train": {"epochs": 3, "batch_size": 7}}, {"train": {"epochs": 5}})
    assert (found.spec.train.epochs, found.spec.train.batch_size) == (5, 7)
    assert found.origins["train.epochs"] == "layer 2"
    assert found.origins["train.batch_size"] == "layer 1"


def test_what_follows_from_the_data_set_is_derived() -> None:
    found = composed(PERCEIVER)
    model = found.spec.model
    assert isinstance(model, PerceiverIOSpec)
    assert (model.dim, model.queries_dim, model.logits_dim) == (3 * 32 * 32, 10, 10)
    assert (found.spec.data.image_size, found.spec.data.num_classes) == (32, 10)
    derived = {path for path, origin in found.origins.items() if origin == "derived"}
    assert derived == {"model.dim", "model.queries_dim", "model.logits_dim", "data.image_size", "data.num_classes"}


def test_a_chosen_image_size_reaches_the_data_set_and_the_derived_values() -> None:
    sizes: list[int | None] = []

    def describe(dataset: str, image_size: int | None) -> DatasetFacts:
        sizes.append(image_size)
        return DatasetFacts(dataset, 3, image_size or 32)

    spec = compose([Layer("file", {**PERCEIVER, "data": {"image_size": 16}})], describe).spec
    assert sizes == [16]
    assert isinstance(spec.model, PerceiverIOSpec)
    assert (spec.model.dim, spec.model.queries_dim) == (768, 3)


def test_a_data_set_given_by_its_path_is_recorded_by_its_name() -> None:
    spec = compose(
        [Layer("file", {**PERCEIVER, "data": {"dataset": "./photos"}})], lambda *_: DatasetFacts("photos", 2, 8)
    )
    assert spec.spec.data.dataset == "photos"


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "faulty.toml"
    file.write_text("""
        sed = 1
        [model]
        name = "perceiver-io"
        depht = 3
        num_latents = 0
        [[data.augment]]
        name = "horizontal_flip"
        [[data.augment]]
        name = "color_jiter"
        [optimizer]
        learning_rate = "1e-3"
        [train]
        precision = "float16"
        clip_norm = -1
        epoch = 5
    """)
    found = problems(
        read_spec_file(file),
        read_assignments(["label_smothing=0.1", "seed=-1", "warmup_epochs"]),
    )
    origin = str(file)
    assert found == {
        problem.field: problem
        for problem in (
            Problem("label_smothing", "unknown field", "did you mean label_smoothing?", origin="--set"),
            Problem("--set", "must be FIELD=VALUE", "such as batch_size=64", "'warmup_epochs'"),
            Problem("sed", "unknown field", "did you mean seed?", origin=origin),
            Problem("model.depht", "unknown field", "did you mean depth?", origin=origin),
            Problem("model.num_latents", "must be greater than or equal to 1", "", "0", origin),
            Problem("data.augment.1.name", "unknown name", "did you mean color_jitter?", "'color_jiter'", origin),
            Problem("optimizer.learning_rate", "must be a valid number", "", "'1e-3'", origin),
            Problem("train.precision", "must be 'float32' or 'bfloat16'", "", "'float16'", origin),
            Problem("train.clip_norm", "must be greater than 0", "", "-1", origin),
            Problem("train.epoch", "unknown field", "did you mean epochs?", origin=origin),
            Problem("seed", "must be greater than or equal to 0", "", "-1", "--set"),
        )
    }


def test_an_unknown_data_set_does_not_hide_the_other_problems() -> None:
    def describe(dataset: str, image_size: int | None) -> DatasetFacts:
        raise SpecError(problems=[Problem("data.dataset", "unknown dataset", value=repr(dataset))])

    with pytest.raises(SpecError) as caught:
        compose([Layer("file", {**PERCEIVER, "data": {"dataset": "cifr10"}, "train": {"epochs": 0}})], describe)
    assert [(problem.field, problem.origin) for problem in caught.value.problems] == [
        ("data.dataset", "file"),
        ("train.epochs", "file"),
    ]


def test_a_damaged_data_set_is_not_a_problem_of_the_spec() -> None:
    def describe(dataset: str, image_size: int | None) -> DatasetFacts:
        raise DatasetError("no such folder")

    with pytest.raises(DatasetError):
        compose([Layer("file", PERCEIVER)], describe)


def test_choosing_another_member_of_a_union_drops_what_only_the_former_had() -> None:
    preset = {**PERCEIVER, "optimizer": {"name": "adamw", "learning_rate": 0.5, "betas": [0.8, 0.9]}}
    preset["model"] = {"name": "perceiver-io", "num_latents": 4}
    whole = Layer("a file", preset, is_whole=True)
    found = composed(whole, {"model": {"name": "swin", "window_size": 4}, "optimizer": {"name": "sgd"}})
    assert found.spec.model == SwinSpec(window_size=4)
    assert found.spec.optimizer == SGDSpec(learning_rate=0.5)
    assert "model.num_latents" not in found.origins


def test_a_field_given_by_itself_never_falls_away() -> None:
    found = problems({"model": {"window_size": 4}}, PERCEIVER)["model.window_size"]
    assert (found.message, found.origin) == ("unknown field", "layer 1")


def test_a_field_of_another_member_is_refused_where_both_are_given_together() -> None:
    found = problems({"model": {"name": "swin", "num_latents": 4}})["model.num_latents"]
    assert (found.message, found.hint) == ("unknown field", "it needs model.name=perceiver-io or model.name=perceiver")


def test_a_misspelt_field_stays_a_problem_when_the_member_changes() -> None:
    assert "model.num_latent" in problems({"model": {"name": "perceiver-io", "num_latent": 4}}, SWIN)


def test_a_section_that_does_not_name_its_member_is_the_default_one() -> None:
    assert composed({**PERCEIVER, "optimizer": {"learning_rate": 0.5}}).spec.optimizer == AdamWSpec(learning_rate=0.5)


def test_a_missing_model_is_met_with_all_of_them() -> None:
    tables: list[dict[str, Any]] = [{}, {"model": {}}, {"model": {"depth": 3}}]
    for table in tables:
        found = problems(table)["model.name"]
        assert (found.message, found.hint) == (
            "is missing",
            "use one of perceiver-io, perceiver, mlp-mixer, swin, tnt, timm",
        )


def test_lists_are_replaced_whole() -> None:
    flip, jitter = {"name": "horizontal_flip"}, {"name": "color_jitter", "hue": 0.1}
    found = composed({**PERCEIVER, "data": {"augment": [flip, flip]}}, {"data": {"augment": [jitter]}})
    assert found.spec.data.augment == (ColorJitterSpec(hue=0.1),)
    assert found.origins["data.augment"] == "layer 2"
    assert composed({**PERCEIVER, "data": {"augment": [flip]}}).spec.data.augment == (HorizontalFlipSpec(),)


def test_a_fault_in_a_list_names_the_item_and_where_the_list_was_given() -> None:
    found = problems(
        {**PERCEIVER, "data": {"augment": [{"name": "random_crop"}, {"name": "random_crop", "pading": 2}]}}
    )
    assert found == {
        "data.augment.1.pading": Problem(
            "data.augment.1.pading", "unknown field", "did you mean padding?", origin="layer 1"
        )
    }


@pytest.mark.parametrize("name", ["random_crop", "horizontal_flip", "adamw", "swin"])
def test_a_member_taken_for_a_field_is_named_in_full(name: str) -> None:
    for section in ("data", "optimizer", "model"):
        assert f"{section}.{name}" in problems(PERCEIVER, {section: {name: 4}})


def test_none_takes_back_a_value_that_can_be_missing() -> None:
    limited = {**PERCEIVER, "data": {"limit": 5}, "train": {"clip_norm": 1.0}}
    spec = composed(limited, read_assignments(["limit=none", "clip_norm=None"])).spec
    assert (spec.data.limit, spec.train.clip_norm) == (None, None)
    refused = problems(limited, read_assignments(["epochs=none"]))["train.epochs"]
    assert (refused.message, refused.value) == ("must be a valid integer", "none")


def test_an_empty_table_changes_nothing() -> None:
    table = {**PERCEIVER, "train": {"epochs": 3}}
    assert composed(table, {"train": {}, "data": {}, "optimizer": {}}).spec == composed(table).spec


def test_a_table_is_no_value_and_a_value_no_table() -> None:
    found = problems(
        {"model": {"name": "perceiver-io", "dim": {"x": 1}}, "data": 5, "train": {"epochs": {}}, "optimizer": []}
    )
    assert {field: problem.message for field, problem in found.items()} == {
        "model.dim": "must be a valid integer",
        "data": "must be a table",
        "train.epochs": "must be a valid integer",
        "optimizer": "must be a table",
    }


def test_a_table_replaces_a_value_and_a_value_a_table() -> None:
    value, table = {"train": {"epochs": 3}}, {"train": {"epochs": {"x": 1}}}
    found = problems(PERCEIVER, value, table)["train.epochs"]
    assert (found.message, found.value) == ("must be a valid integer", "{'x': 1}")
    assert composed(PERCEIVER, table, value).spec.train.epochs == 3
    assert composed(PERCEIVER, {"train": 5}, value).spec.train.epochs == 3


def test_a_quoted_path_is_told_from_a_field() -> None:
    found = problems({**PERCEIVER, "train.epochs": 3, "train": {"epochs": 5}})
    assert found['"train.epochs"'].hint == "use one of model, data, optimizer, schedule, train, seed"


def test_numbers_beyond_all_measure_are_refused() -> None:
    huge = 16**5000
    (found,) = problems({**PERCEIVER, "data": {"image_size": huge}, "train": {"epochs": huge}}).values()
    assert found.message.startswith("contains a whole number of more than 4300 digits")


def test_a_default_spec_is_that_of_the_sections() -> None:
    assert composed(MIXER).spec.model == MLPMixerSpec()


def test_flat_keeps_lists_whole() -> None:
    assert flatten({"a": {"b": {"c": 1}, "d": [{"e": 2}]}}) == {"a.b.c": 1, "a.d": [{"e": 2}]}

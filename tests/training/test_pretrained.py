"""What a network takes of pretrained weights."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import timm.data
import torch
from torch import Tensor, nn

from tests.models.small import IMAGE_SIZE, NUM_CLASSES, small_model
from tests.training.small import CPU, noise_arrays, small_spec
from vitreport.errors import RecordError, SpecError
from vitreport.models.weights import Weights, classes_metadata, classifier_prefixes, named_weights
from vitreport.records.run import InitialWeights
from vitreport.spec.model import ARCHITECTURES
from vitreport.spec.run import RunSpec
from vitreport.training.pretrained import (
    load_pretrained,
    read_pretrained,
    weights_message,
)
from vitreport.training.setup import CHANNEL_STATISTICS, build_network, place_split

FILE = Path("weights.safetensors")
CLASSES = tuple(f"class {number}" for number in range(10))


def silent(line: str) -> None:
    """Nobody reads it."""


def spec_of(name: str, num_classes: int = NUM_CLASSES, image_size: int = IMAGE_SIZE, **model: Any) -> RunSpec:
    values = small_model(name) | model
    if name == "perceiver-io":
        values |= {"queries_dim": num_classes, "logits_dim": num_classes}
    data = {"dataset": "digits", "image_size": image_size, "num_classes": num_classes}
    return RunSpec.model_validate_json(json.dumps({"model": values, "data": data}))


def saved(spec: RunSpec, metadata: dict[str, str] | None = None) -> dict[str, Tensor]:
    """The weights of a fresh network of another seed, also written to FILE as vitreport does it."""
    weights = named_weights(build_network(spec.model_copy(update={"seed": 9})))
    contiguous = {name: tensor.detach().contiguous() for name, tensor in weights.items()}
    FILE.write_bytes(safetensors.torch.save(contiguous, metadata=metadata))
    return weights


def loaded(spec: RunSpec) -> tuple[nn.Module, InitialWeights]:
    """A network that starts from FILE, for as many classes as its spec says."""
    digest = hashlib.sha256(FILE.read_bytes()).hexdigest()
    model = spec.model.model_copy(update={"pretrained": f"sha256:{digest}"})
    network = build_network(spec)
    weights = read_pretrained(network, spec.model_copy(update={"model": model}), FILE, silent)
    assert weights is not None
    report = load_pretrained(network, weights, CLASSES[: spec.data.num_classes])
    assert (report.source, report.sha256) == (FILE.name, digest)
    return network, report


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_weights_of_the_same_network_are_taken_whole(name: str) -> None:
    weights = saved(spec_of(name))
    network, report = loaded(spec_of(name))
    assert (report.loaded, report.missing, report.unexpected, report.reshaped) == (len(weights), (), (), ())
    assert (report.classifier, report.reclassed) == ("unnamed classes", ())
    assert "classifier: loaded, with classes that the file does not name" in weights_message(report)
    assert all(torch.equal(tensor, weights[key]) for key, tensor in named_weights(network).items())


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("prefix", ["model.", "model.module.", "_orig_mod."])
def test_the_prefix_of_a_framework_is_removed(name: str, prefix: str) -> None:
    weights = saved(spec_of(name))
    prefixed = {f"{prefix}{key}": tensor.detach().contiguous() for key, tensor in weights.items()}
    FILE.write_bytes(safetensors.torch.save(prefixed))
    network, report = loaded(spec_of(name))
    assert (report.loaded, report.missing, report.unexpected) == (len(weights), (), ())
    assert all(torch.equal(tensor, weights[key]) for key, tensor in named_weights(network).items())


def test_weights_of_which_none_fit_are_refused_with_names_of_both_sides() -> None:
    FILE.write_bytes(safetensors.torch.save({"encoder.a": torch.ones(2), "encoder.b": torch.ones(2)}))
    with pytest.raises(
        RecordError, match=r"0 of \d+ tensors do; missing: .*; not in the network: encoder.a and encoder.b$"
    ):
        loaded(spec_of("mlp-mixer"))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_only_the_classifier_is_fresh_where_the_classes_are_others(name: str) -> None:
    weights = saved(spec_of(name, num_classes=7))
    network, report = loaded(spec_of(name))
    fresh = named_weights(build_network(spec_of(name)))
    assert report.loaded + len(report.reshaped) == len(weights)
    assert report.missing == report.unexpected == ()
    assert report.reshaped
    assert all(key.startswith(classifier_prefixes(network)) for key in report.reshaped)
    for key, tensor in named_weights(network).items():
        assert torch.equal(tensor, (fresh if key in report.reshaped else weights)[key]), key


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_classifier_of_other_classes_is_fresh_though_it_fits(name: str) -> None:
    others = (*CLASSES[1:NUM_CLASSES], CLASSES[0])
    weights = saved(spec_of(name), classes_metadata(others))
    network, report = loaded(spec_of(name))
    fresh = named_weights(build_network(spec_of(name)))
    assert (report.classifier, report.missing, report.reshaped) == ("fresh", (), ())
    assert set(report.reclassed) == {key for key in weights if key.startswith(classifier_prefixes(network))}
    assert report.loaded + len(report.reclassed) == len(weights)
    for key, tensor in named_weights(network).items():
        assert torch.equal(tensor, (fresh if key in report.reclassed else weights)[key]), key
    assert f"; random, of other classes: {report.reclassed[0]}" in weights_message(report)


def test_a_classifier_of_the_same_classes_is_taken() -> None:
    weights = saved(spec_of("swin"), classes_metadata(CLASSES[:NUM_CLASSES]))
    _, report = loaded(spec_of("swin"))
    assert (report.classifier, report.loaded) == ("same classes", len(weights))
    assert weights_message(report).endswith("; classifier: loaded, with the same classes")


@pytest.mark.parametrize(
    ("value", "dtype"), [(float("nan"), torch.float32), (float("-inf"), torch.bfloat16), (1e300, torch.float64)]
)
def test_weights_that_are_not_finite_are_refused_before_they_are_trained(value: float, dtype: torch.dtype) -> None:
    weights = {name: tensor.detach().to(dtype) for name, tensor in saved(spec_of("mlp-mixer")).items()}
    for name in ("norm.bias", "blocks.0.mlp_tokens.fc1.weight"):
        weights[name].view(-1)[0] = value
    FILE.write_bytes(safetensors.torch.save(weights))
    with pytest.raises(RecordError) as caught:
        loaded(spec_of("mlp-mixer"))
    said = "weights.safetensors has NaN or infinite values in 2 of its tensors: "
    assert caught.value.message == said + "blocks.0.mlp_tokens.fc1.weight and norm.bias"


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_classifier_is_what_depends_on_the_number_of_classes(name: str) -> None:
    few, many = (named_weights(build_network(spec_of(name, num_classes=count))) for count in (7, 10))
    depending = {key for key in few if few[key].shape != many[key].shape}
    prefixes = classifier_prefixes(build_network(spec_of(name)))
    assert {key for key in few if key.startswith(prefixes)} >= depending
    assert all(any(key.startswith(prefix) for key in few) for prefix in prefixes if "decoder_ff" not in prefix)


def test_the_record_of_what_was_not_taken_is_told() -> None:
    saved(spec_of("mlp-mixer", num_classes=7))
    _, report = loaded(spec_of("mlp-mixer"))
    told = weights_message(report)
    assert told.startswith(f"weights: {report.loaded} tensors of {FILE.name}; random, of another shape: ")
    assert sorted(report.reshaped) == ["head.bias", "head.weight"]


@pytest.mark.parametrize(
    ("given", "wanted", "said"),
    [
        (spec_of("mlp-mixer"), spec_of("swin"), ["0 of", "missing: ", "not in the network: ", " more"]),
        (spec_of("mlp-mixer", num_blocks=1), spec_of("mlp-mixer"), ["missing: blocks.1."]),
        (spec_of("mlp-mixer"), spec_of("mlp-mixer", num_blocks=1), ["not in the network: blocks.1."]),
        (spec_of("tnt", embed_dim=8), spec_of("tnt"), ["of another shape: "]),
        (spec_of("mlp-mixer", image_size=24), spec_of("mlp-mixer"), ["of another shape: blocks.0.mlp_tokens"]),
    ],
)
def test_weights_of_another_network_are_refused(given: RunSpec, wanted: RunSpec, said: list[str]) -> None:
    saved(given)
    with pytest.raises(RecordError) as caught:
        loaded(wanted)
    assert caught.value.message.startswith(f"{FILE.name} does not fit the network: ")
    assert [text for text in said if text not in caught.value.message] == []
    assert len(caught.value.message) < 2500


def test_tensors_that_do_not_fit_are_told_in_the_order_of_the_network() -> None:
    shallow, deep = spec_of("mlp-mixer", num_blocks=1), spec_of("mlp-mixer", num_blocks=12)
    saved(shallow)
    with pytest.raises(RecordError, match=r"missing: blocks\.1\.norm1\.weight, .* and \d+ more$") as lacking:
        loaded(deep)
    assert "blocks.10." not in lacking.value.message


def test_half_precision_is_widened_and_whole_numbers_are_refused() -> None:
    weights = saved(spec_of("mlp-mixer"))
    for dtype in (torch.bfloat16, torch.int64):
        FILE.write_bytes(safetensors.torch.save({name: tensor.detach().to(dtype) for name, tensor in weights.items()}))
        if dtype == torch.int64:
            with pytest.raises(RecordError, match="of another shape"):
                loaded(spec_of("mlp-mixer"))
        else:
            network, _ = loaded(spec_of("mlp-mixer"))
            assert {tensor.dtype for tensor in named_weights(network).values()} == {torch.float32}


def test_timm_fits_position_embeddings_to_the_size_of_the_images() -> None:
    arguments = {"patch_size": 4, "embed_dim": 8, "depth": 1, "num_heads": 2}
    vit: dict[str, Any] = {"architecture": "vit_tiny_patch16_224", "arguments": arguments}
    saved(spec_of("timm", image_size=24, **vit))
    network, report = loaded(spec_of("timm", **vit))
    assert report.reshaped == ()
    assert named_weights(network)["pos_embed"].shape == (1, 17, 8)


def test_a_file_that_is_not_given_is_asked_for() -> None:
    model = spec_of("swin").model.model_copy(update={"pretrained": f"sha256:{'0' * 64}"})
    spec = spec_of("swin").model_copy(update={"model": model})
    with pytest.raises(SpecError) as caught:
        read_pretrained(build_network(spec), spec, None, silent)
    assert caught.value.problems[0].hint == f"use --weights FILE (sha256 {'0' * 12}...)"


def test_fresh_weights_are_left_alone() -> None:
    assert read_pretrained(build_network(small_spec()), small_spec(), None, silent) is None


def test_normalisations_are_those_that_timm_trained_with() -> None:
    assert CHANNEL_STATISTICS["imagenet"] == (timm.data.IMAGENET_DEFAULT_MEAN, timm.data.IMAGENET_DEFAULT_STD)
    assert CHANNEL_STATISTICS["inception"] == (timm.data.IMAGENET_INCEPTION_MEAN, timm.data.IMAGENET_INCEPTION_STD)


@pytest.mark.parametrize(
    ("published", "normalization", "said"),
    [
        (CHANNEL_STATISTICS["inception"], "inception", None),
        (CHANNEL_STATISTICS["inception"], "dataset", 'with data.normalization = "inception", this run normalizes with'),
        (((0.4, 0.4, 0.4), (0.2, 0.2, 0.2)), "none", "with mean (0.4, 0.4, 0.4) and deviation (0.2, 0.2, 0.2), this"),
        (None, "dataset", None),
    ],
)
def test_another_normalisation_than_that_of_the_weights_is_told(
    monkeypatch: pytest.MonkeyPatch,
    published: tuple[tuple[float, ...], tuple[float, ...]] | None,
    normalization: str,
    said: str | None,
) -> None:
    spec = spec_of("timm")
    data = spec.data.model_copy(update={"normalization": normalization})
    spec = spec.model_copy(update={"model": spec.model.model_copy(update={"pretrained": True}), "data": data})
    network, notes = build_network(spec), list[str]()
    weights = Weights("timm/some", None, named_weights(network), channel_statistics=published)
    monkeypatch.setattr("vitreport.training.pretrained.hub_weights", lambda *_: weights)
    assert read_pretrained(network, spec, None, notes.append) == weights
    assert [f"warning: timm/some was trained {said}" in note for note in notes] == ([True] if said else [])


@pytest.mark.parametrize("name", [*CHANNEL_STATISTICS, "dataset"])
def test_images_are_normalised_as_the_spec_says(name: str) -> None:
    arrays = noise_arrays()
    spec = small_spec(data={"normalization": name})
    mean, std = {"dataset": (arrays.mean, arrays.std), **CHANNEL_STATISTICS}[name]
    placed = place_split(spec, arrays, CPU, "test", np.arange(50))
    batch, _ = next(placed.in_order(50))
    images = torch.from_numpy(arrays.splits["test"].images) / 255
    expected = (images - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    torch.testing.assert_close(batch, expected)

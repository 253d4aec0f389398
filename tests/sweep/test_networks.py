"""What is found out of the networks of a sweep before any of them is trained."""

import pytest

from tests.records import small_spec
from vitreport.errors import SpecError
from vitreport.spec.run import RunSpec
from vitreport.sweep import forecast
from vitreport.training.setup import build_network


def batch(size: int) -> RunSpec:
    return small_spec(train={"batch_size": size})


def test_a_network_is_built_once_for_all_that_train_it(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[RunSpec] = []

    def counted(spec: RunSpec) -> object:
        built.append(spec)
        return build_network(spec)

    monkeypatch.setattr(forecast, "_parameters", {})
    monkeypatch.setattr("vitreport.training.setup.build_network", counted)
    forecast.check_networks([small_spec(seed) for seed in range(3)])
    assert forecast.parameters_of(batch(7)) == forecast.parameters_of(batch(9)) > 0
    assert len(built) == 1


def test_every_network_that_cannot_be_built_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(spec: RunSpec) -> None:
        raise SpecError(f"no network of {spec.model.name}")

    monkeypatch.setattr(forecast, "_parameters", {})
    monkeypatch.setattr("vitreport.training.setup.build_network", refused)
    with pytest.raises(SpecError) as caught:
        forecast.check_networks([batch(7), batch(9)])
    assert caught.value.lines() == ["model: no network of perceiver-io"]

"""The commands that a report gives for its runs."""

import pytest

from tests.analysis.summaries import RUNS, only_group
from tests.records import write_run
from vitreport.data.sources import facts_in
from vitreport.spec.compose import Request, compose_request


@pytest.mark.parametrize("name", ["perceiver-cifar10-large", "swin-cifar10-strong"])
def test_a_run_of_a_preset_is_trained_by_the_name_of_the_preset(name: str) -> None:
    for seed in (1, 2):
        spec = compose_request(Request(preset=name, assignments=[f"seed={seed}"]), facts_in(None)).spec
        write_run(RUNS, spec, 0.5)
    assert only_group().command == f"for seed in 1 2; do vitreport train --preset {name} --seed $seed; done"


def test_a_run_of_a_changed_preset_is_trained_with_its_settings() -> None:
    request = Request(preset="perceiver-cifar10-large", assignments=["batch_size=7"])
    write_run(RUNS, compose_request(request, facts_in(None)).spec, 0.5)
    assert only_group().command.startswith("vitreport train perceiver --dataset cifar10 --set ")
    assert "--set batch_size=7" in only_group().command

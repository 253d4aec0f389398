"""Tables of fields where the networks of one architecture do not have the same ones."""

from pathlib import Path

from tests.records import write_run
from tests.spec.composing import composed
from vitreport.analysis.labels import field_values
from vitreport.analysis.summarize import summarize
from vitreport.records.folders import run_folders

RUNS = Path("runs")
PACKAGE_TNT = {"name": "tnt", "implementation": "transformer-in-transformer", "dim_head": 32}


def test_both_implementations_of_one_network_share_a_table() -> None:
    """A field that one of them does not have is a gap; one that is older elsewhere is never left out as unused."""
    for model in ({"name": "tnt"}, PACKAGE_TNT):
        write_run(RUNS, composed({"model": model, "data": {"dataset": "digits"}}).spec, 0.5)
    found = field_values(summarize(run_folders(RUNS)).groups, lambda path: path.startswith("model."))
    assert sorted(zip(found["implementation"], found["inner_heads"], found["dim_head"], strict=True)) == [
        ("timm", "4", "-"),
        ("transformer-in-transformer", "-", "32"),
    ]


def test_an_older_field_is_shown_at_the_default_of_a_later_one() -> None:
    write_run(RUNS, composed({"model": {"name": "perceiver", "attn_dropout": 0.1}}).spec, 0.5)
    found = field_values(summarize(run_folders(RUNS)).groups, lambda path: path.startswith("model."))
    assert found["attn_dropout"] == ["0.1"]

"""A new architecture is added as CONTRIBUTING.md says: two new files, and a line or two in each of two lists."""

import json
from pathlib import Path

from tests.cli.toys import copied_package, printed_by, replace

SPEC = '''
from typing import Literal

from vitreport.spec.architectures.base import ArchitectureSpec
from vitreport.spec.base import PositiveInt


class ToySpec(ArchitectureSpec):
    """A toy network: one hidden layer over all pixels."""

    title = "Toy network"
    citation = "vaswani2017toy"

    name: Literal["toy"] = "toy"
    width: PositiveInt = 8
'''
NETWORK = """
from torch import nn

from vitreport.spec.architectures.toy import ToySpec


def build_toy(spec: ToySpec, image_size: int, num_classes: int) -> nn.Module:
    network = nn.Sequential(
        nn.Flatten(), nn.Linear(3 * image_size**2, spec.width), nn.ReLU(), nn.Linear(spec.width, num_classes)
    )
    network.classifier = ("3.",)
    return network
"""
CASE = """        case ToySpec():
            return build_toy(spec, image_size, num_classes)
"""
TRAIN = ["train", "toy", "--dataset=digits", "--set=data.limit=40", "--batch-size=18", "--epochs=1", "--quiet"]


def test_a_new_architecture_is_listed_trained_and_cited(tmp_path: Path) -> None:
    package = copied_package(tmp_path)
    (package / "spec/architectures/toy.py").write_text(SPEC)
    (package / "models/toy.py").write_text(NETWORK)
    replace(package / "spec/model.py", "| TimmSpec,", "| TimmSpec | ToySpec,")
    spec_import = "from vitreport.spec.architectures.toy import ToySpec\n"
    replace(package / "spec/model.py", "\nModelSpec", f"{spec_import}\nModelSpec")
    imports = f"from vitreport.models.toy import build_toy\n{spec_import}from vitreport.spec.model"
    replace(package / "models/registry.py", "from vitreport.spec.model", imports)
    with (package / "analysis/references.bib").open("a") as bibliography:
        bibliography.write("\n@misc{vaswani2017toy,\n  title = {Toys},\n}\n")
    replace(package / "models/registry.py", "        case _:\n", f"{CASE}        case _:\n")
    code = f"""
from vitreport.analysis.references import architecture_kind, architecture_title, entries
from vitreport.cli.main import run
assert run(["models", "list", "--json"]) == 0
assert architecture_kind("toy").citation in entries()
print("---", architecture_title("toy"), architecture_kind("toy").citation, flush=True)
assert run({TRAIN}) == 0
"""
    listed, _, printed = printed_by(code, tmp_path).partition("---")
    (*_, toy) = json.loads(listed)["models"]
    assert (toy["name"], toy["summary"]) == ("toy", "A toy network: one hidden layer over all pixels.")
    title, folder = printed.strip().splitlines()
    assert title == "Toy network vaswani2017toy"
    assert Path(folder).name.startswith("toy-digits-")

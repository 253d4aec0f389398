"""What torch.compile gains for each architecture, and how long it takes; the table of `--compile auto`.

    python -m benchmarks.compiling [--models swin tnt] [--precisions float32] [--seconds 400] [--write]

Each network is measured with its own training step and evaluation, eager and compiled in turns, on random images, in
the order of the list until the time is up. The figures go to benchmarks/results/compiling.json, which keeps those of
other rows. `--write` makes vitreport/training/compiling.toml of them.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks import models, results
from vitreport.spec.model import ARCHITECTURES
from vitreport.training.compilation import compile_network
from vitreport.training.device import choose_device, keep_freed_memory
from vitreport.training.setup import place_model

BATCH_SIZES = {"perceiver-io": 128, "mlp-mixer": 4, "timm": 8, "tnt": 8}
OTHER_BATCH_SIZE = 32
TURNS, WARM_UP = 8, 1
TABLE = Path(__file__).parents[1] / "vitreport/training/compiling.toml"
HEADER = """# Written by `python -m benchmarks.compiling --write` from benchmarks/results/compiling.json.
# How many times as fast a training step and an evaluation become, the seconds of compiling, and the FLOP/s before.
"""


def measure(name: str, precision: str, device: torch.device, folder: Path) -> dict[str, Any]:
    """Milliseconds of a training step and of an evaluation, eager and compiled, and the seconds of compiling."""
    spec = models.benchmark_spec(name, BATCH_SIZES.get(name, OTHER_BATCH_SIZE), precision)
    network, cost = place_model(spec, device)
    batch, count = models.random_batch(spec, device), spec.train.batch_size
    side = models.vitreport(network, spec, batch, device)
    side.settings()
    begun = time.perf_counter()
    compile_network(network, batch.images, precision, count, folder)
    evaluate(network, batch.images, device, precision)
    taken, compiled = time.perf_counter() - begun, network._compiled_call_impl
    times: dict[str, list[float]] = {}
    for turn in range(TURNS):
        for way in ("eager", "compiled"):
            network._compiled_call_impl = compiled if way == "compiled" else None
            for kind, work in (
                ("training", side.training),
                ("evaluation", lambda: evaluate(network, batch.images, device, precision)),
            ):
                if (spent := models.seconds(work, device)) and turn >= WARM_UP:
                    times.setdefault(f"{kind}_{way}", []).append(spent)
    middle = {key: statistics.median(values) for key, values in times.items()}
    return {
        "architecture": name,
        "device": device.type,
        "precision": precision,
        "batch_size": count,
        **{f"{key}_ms": round(1000 * value, 2) for key, value in middle.items()},
        "training": round(middle["training_eager"] / middle["training_compiled"], 3),
        "evaluation": round(middle["evaluation_eager"] / middle["evaluation_compiled"], 3),
        "seconds": round(taken, 1),
        "flops_per_second": float(f"{count * cost.training_flops_per_image / middle['training_eager']:.3g}"),
    }


def evaluate(network: torch.nn.Module, images: torch.Tensor, device: torch.device, precision: str) -> None:
    network.eval()
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        network(images)


def write_table(rows: list[dict[str, Any]]) -> None:
    keys = ("architecture", "device", "precision", "training", "evaluation", "seconds", "flops_per_second")
    parts = [
        "\n".join(["[[gain]]", *(f"{key} = {json.dumps(row[key])}" for key in keys)])
        for row in rows
        if row["architecture"] != "timm"  # of its hundreds of networks one was measured
    ]
    TABLE.write_text(HEADER + "\n" + "\n\n".join(parts) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--models", nargs="+", choices=list(ARCHITECTURES), default=list(ARCHITECTURES))
    parser.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--seconds", type=float, default=400, help="begin no measurement after these")
    parser.add_argument("--write", action="store_true", help="write the table of `--compile auto`")
    given = parser.parse_args()
    deadline, device = time.perf_counter() + given.seconds, choose_device(given.device)
    keep_freed_memory()
    file = results.FOLDER / "compiling.json"
    rows = json.loads(file.read_text())["figures"] if file.exists() else []
    for precision in given.precisions:
        for name in given.models:
            if time.perf_counter() > deadline:
                print(f"no time for {name} at {precision}")
                continue
            torch.compiler.reset()
            with tempfile.TemporaryDirectory() as folder:
                os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
                found = measure(name, precision, device, Path(folder))
            print(json.dumps(found), flush=True)
            same = ("architecture", "device", "precision")
            rows = [row for row in rows if any(row[key] != found[key] for key in same)] + [found]
            results.write("compiling", rows, device.type)
    if given.write:
        write_table(rows)


if __name__ == "__main__":
    main()

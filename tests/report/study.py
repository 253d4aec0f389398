"""The runs that the reports of the tests are made from: several seeds, one run, a failed, a diverged, a damaged one."""

from pathlib import Path

from tests.records import DIVERGED, FAILED, spec, write_run, write_seeds
from tests.report.pictured import add_attention, add_mistakes
from vitreport.records.run import ThroughputRecord

QUICK = {"epochs": 6}
SPEED = ThroughputRecord(training_images_per_second=5001.0, evaluation_images_per_second=21_300.0, latency_ms=3.21)


def write_study(runs_dir: Path) -> None:
    """Perceiver IO with three batch sizes and three seeds each, a single MLP-Mixer, a Swin that diverged or failed."""
    write_seeds(
        runs_dir,
        [0.562, 0.558, 0.570],
        train={**QUICK, "batch_size": 128},
        train_accuracy=0.71,
        changes={"throughput": SPEED},
    )
    write_seeds(runs_dir, [0.541, 0.545, 0.539], train={**QUICK, "batch_size": 32})
    write_seeds(runs_dir, [0.560, 0.566, 0.559], train={**QUICK, "batch_size": 64})
    write_seeds(runs_dir, [0.455, 0.461], dataset="stl10", train=QUICK, images="7a" * 32)
    add_attention(add_mistakes(write_run(runs_dir, spec("mlp-mixer", train=QUICK), 0.61)))
    write_run(runs_dir, spec("swin", train=QUICK, optimizer={"learning_rate": 0.1}), None, error=DIVERGED)
    write_run(runs_dir, spec("swin", train=QUICK, optimizer={"learning_rate": 0.01}), None, error=FAILED)
    damaged = write_run(runs_dir, spec("tnt", train=QUICK), 0.64)
    (damaged / "result.json").write_text((damaged / "result.json").read_text()[:210])
    (runs_dir / "empty").mkdir()

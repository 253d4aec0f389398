"""What each preset takes on this machine: parameters, training FLOPs, images/s, and the time of the whole run.

    python -m benchmarks.presets [--device cpu] [PRESET ...]

Each is measured by `vitreport train --dry-run` in a process of its own, on generated images, as many as the dataset
has by its publication. Pretrained weights are left out: they change no speed and may have to be downloaded.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from typing import Any

from vitreport.formatting import compact, duration
from vitreport.spec.load import preset_names, read_preset


def measure(preset: str, device: str, folder: str) -> dict[str, Any]:
    """The plan of a preset, without images at hand."""
    fresh = ["--set=model.pretrained=false"] if "pretrained" in read_preset(preset).values["model"] else []
    command = [sys.executable, "-m", "vitreport", "train", "--preset", preset, "--dry-run", "--json", *fresh]
    environment = {**os.environ, "VITREPORT_CACHE_DIR": folder, "VITREPORT_DATA_DIR": folder}
    done = subprocess.run(
        [*command, f"--device={device}", f"--runs-dir={folder}"],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    plan: dict[str, Any] = json.loads(done.stdout)["plan"]
    return plan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("presets", nargs="*", default=preset_names(), metavar="PRESET")
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    print("| preset | parameters | training FLOPs an image | images/s | whole run |")
    print("| --- | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for preset in given.presets:
            plan = measure(preset, given.device, folder)
            speed = plan["throughput"]["training"]["images_per_second"]
            cells = [preset, compact(plan["parameters"]), compact(plan["training_flops_per_image"]), f"{speed:,.1f}"]
            print("|", " | ".join([*cells, duration(plan["seconds"])]), "|", flush=True)


if __name__ == "__main__":
    main()

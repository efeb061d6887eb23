"""Time `lumbarseg segment` as a user meets it: a whole cold process, start to exit.

Prints the wall time of every run and, from each run's `run.json`, where it
went. Without STUDY it takes the real study beside the checkout where there is
one, and a synthetic study otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from LumbarSegLib.phantom.study import write_phantom_study

SHARED_STUDY = Path(__file__).resolve().parents[2] / "shared" / "data" / "dicom_study"

#: Keys of `timings_s` in run.json, in the order of the work.
PARTS = ("import", "read", "network", "write", "total")


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", nargs="?", type=Path, metavar="STUDY", help="folder or file to segment")
    parser.add_argument("--runs", type=int, default=5, help="number of processes, one after the other (default: 5)")
    parser.add_argument("--device", default="cpu", help="passed on to lumbarseg segment (default: cpu)")
    parser.add_argument("--threads", type=int, help="OMP_NUM_THREADS of the processes (default: torch's choice)")
    arguments = parser.parse_args()
    if arguments.runs < 1:
        parser.error(f"--runs must be at least 1, got {arguments.runs}.")
    return arguments


def find_study(study: Path | None, scratch: Path) -> Path:
    """Return the study to time: the given one, the real one beside the checkout, or a phantom."""
    if study is not None:
        return study
    if SHARED_STUDY.is_dir():
        return SHARED_STUDY
    write_phantom_study(scratch / "phantom")
    return scratch / "phantom"


def time_one_run(study: Path, output: Path, device: str, environment: dict[str, str]) -> dict[str, float]:
    """Run `lumbarseg segment` in a new process and return seconds: `wall` and the parts of run.json."""
    program = Path(sys.executable).with_name("lumbarseg")
    command = [program, "segment", study, "--output", output, "--device", device, "--quiet"]
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True)
    wall = time.perf_counter() - start
    parts = json.loads((output / "run.json").read_text(encoding="utf-8"))["timings_s"]
    return {"wall": wall} | {part: float(parts[part]) for part in PARTS}


def cpu_model() -> str:
    """Name the processor as the operating system does."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def torch_facts(environment: dict[str, str]) -> str:
    """Ask a process like the timed ones for torch's version and threads."""
    code = "import torch; print(f'torch {torch.__version__}, {torch.get_num_threads()} threads')"
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()


def main() -> None:
    """Time the runs and print one table."""
    arguments = parse_arguments()
    environment = dict(os.environ)
    if arguments.threads is not None:
        environment["OMP_NUM_THREADS"] = str(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        study = find_study(arguments.study, scratch)
        runs = [
            time_one_run(study, scratch / f"run-{number}", arguments.device, environment)
            for number in range(arguments.runs)
        ]
    summaries: tuple[Callable[[list[float]], float], ...] = (min, statistics.median, max)
    print(f"study    {study.name}, device {arguments.device}, {arguments.runs} cold runs")
    print(f"machine  {cpu_model()}, {os.cpu_count()} cores; Python {platform.python_version()}")
    print(f"threads  {torch_facts(environment)}")
    print(f"\n{'seconds':<9}{'min':>8}{'median':>8}{'max':>8}")
    for part in ("wall", *PARTS):
        values = [run[part] for run in runs]
        print(f"{part:<9}" + "".join(f"{summary(values):8.2f}" for summary in summaries))


if __name__ == "__main__":
    main()

"""Route a file through the command line: rows in and out, rate, peak memory.

python benchmarks/backlog.py --input FILE [--home CODE] [--workers N] [--model DIR]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from complaint_router.backlog import open_source


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", type=Path, required=True)
    args, options = parser.parse_known_args()
    with TemporaryDirectory() as folder:
        output = Path(folder) / f"out{args.input.suffix}"
        begin = time.perf_counter()
        command = [sys.executable, "-m", "complaint_router.cli", "route", "--input", str(args.input)]
        subprocess.run([*command, "--output", str(output), *options], check=True)
        seconds = time.perf_counter() - begin
        before, after = (sum(1 for _ in open_source(path).rows()) for path in (args.input, output))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print("| rows in | rows out | seconds, start included | texts/s | peak memory of the largest process |")
    print("|---|---|---|---|---|")
    print(f"| {before:,} | {after:,} | {seconds:.1f} | {before / seconds:,.0f} | {peak:,.0f} MB |")


if __name__ == "__main__":
    main()

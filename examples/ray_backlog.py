"""Route a folder of Parquet files on a Ray cluster, or on the cores of this machine.

    pip install 'complaint-router[ray]'
    python examples/ray_backlog.py --input tickets/ --output routed/ --home 460100 --workers 2

On a cluster, start it on the head node with `--address auto`; model, input and output must be in a place that every
machine sees, and the package must be installed on each.
"""

from __future__ import annotations

import argparse
import os

# One thread each: Ray counts a worker as one core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import ray

from complaint_router.backlog import RouteBatch


def main() -> None:
    """Read, route, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", required=True, help="Parquet file or folder of them")
    parser.add_argument("--output", required=True, help="folder for Parquet files with the column `route`")
    parser.add_argument("--text-field", default="text")
    parser.add_argument("--model", help="model folder (default: the bundled national model)")
    parser.add_argument("--home", help="division code whose hotline this is")
    parser.add_argument("--workers", type=int, default=2, help="processes, each with a model of its own")
    parser.add_argument("--address", help="of the cluster (default: this machine)")
    args = parser.parse_args()

    if args.address:
        ray.init(address=args.address)
    else:
        ray.init(num_cpus=args.workers + 1, include_dashboard=False)  # one more to read and write
    # Blocks keep the order of their rows; with this they are also written in the order in which they were read.
    ray.data.DataContext.get_current().execution_options.preserve_order = True
    # Blocks of some seconds' work, so that there is one for each worker, also where the files are few and large.
    rows = ray.data.read_parquet(args.input).repartition(target_num_rows_per_block=2_048)
    routed = rows.map_batches(
        RouteBatch,
        fn_constructor_kwargs={"model": args.model, "home": args.home, "text_field": args.text_field},
        batch_format="pyarrow",
        batch_size=1_024,
        concurrency=args.workers,
    )
    routed.write_parquet(args.output, min_rows_per_file=100_000)


if __name__ == "__main__":
    main()

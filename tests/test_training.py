"""The recipe of the bundled model: twins of the written texts, and distilling a teacher into a student."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from conftest import labelled_rows

from complaint_router import Taxonomy
from complaint_router.learn import Example
from complaint_router.learn.batch import encode
from complaint_router.learn.fit import fit
from complaint_router.learn.model import Start, start_from
from compose import Composer
from corpus import Corpus
from distil import cut, distilling

NOTE = "扬州市邗江区百祥路围挡半幅路已四个月，围挡内不见工人"


@pytest.fixture
def start(tiny_encoder: Path) -> Start:
    return start_from(tiny_encoder, {"category": ("0101", "0502")}, Taxonomy.load())


def test_equal_seeds_make_equal_twins() -> None:
    one, other = Composer(3), Composer(3)
    assert [one(NOTE, "note", "投诉") for _ in range(50)] == [other(NOTE, "note", "投诉") for _ in range(50)]


def test_twins_lie_elsewhere_and_say_the_same() -> None:
    compose = Composer(0)
    twins = [compose(NOTE, "note", "投诉") for _ in range(200)]
    assert len(set(twins)) > 100
    assert sum("邗江" not in twin for twin in twins) > 80
    assert all("围" in twin for twin in twins)


@pytest.mark.parametrize("register", ["note", "letter", "spoken", "angry", "short"])
@pytest.mark.parametrize("kind", ["投诉", "咨询", "求助", "建议", "举报", "表扬"])
def test_each_register_and_kind_has_twins(register: str, kind: str) -> None:
    compose = Composer(1)
    assert all(compose("门口的路灯不亮了，晚上看不见", register, kind) for _ in range(50))


def test_each_text_of_the_corpus_has_its_labels() -> None:
    corpus, taxonomy = Corpus.read(), Taxonomy.load()
    assert corpus.data.counts("category").keys() == taxonomy.topics.keys()
    assert corpus.data.counts("department").keys() <= taxonomy.departments.keys()
    texts = [example.text for example in (*corpus.data.examples, *corpus.held.examples)]
    assert len(set(texts)) == len(texts) == len(corpus.registers)


def test_a_student_begins_as_layers_of_its_teacher(start: Start) -> None:
    student = cut(start.model, 1)
    assert student.encoder.config.num_hidden_layers == 1
    last = start.model.encoder.encoder.layer[-1].output.dense.weight
    assert torch.equal(student.encoder.encoder.layer[0].output.dense.weight, last)


def test_a_student_comes_nearer_to_its_teacher(start: Start) -> None:
    rows = [Example(row["text"], {"category": (row["topic"],)}) for row in labelled_rows(64)]
    examples = encode(rows, start)
    student = cut(start.model, 1)
    history = fit(student, examples, examples[:8], epochs=4, seed=0, loss=distilling(start.model))
    assert history[-1].loss < history[0].loss
    assert not any(parameter.requires_grad for parameter in start.model.parameters())
    assert all(parameter.requires_grad for parameter in student.parameters())

"""The same text gets the same answer, to the last bit of every score, in any company."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from complaint_router import Route, Router
from corpus import Corpus

COUNT = 3_000


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Written texts, short and long, some of them twice, with some that cannot be used in between."""
    examples = [example.text for example in Corpus.read().data.examples]
    chosen = random.Random(0).sample(examples, COUNT - 300)
    return [*chosen, *chosen[:200], *["", "hello", " "] * 33, "长" * 5_000]


@pytest.fixture(scope="module")
def routes(router: Router, texts: Sequence[str]) -> list[Route]:
    """In one go, in order."""
    return router.route_batch(texts)


@pytest.mark.parametrize("seed", [1, 2])
def test_in_random_batches_and_orders(router: Router, texts: Sequence[str], routes: Sequence[Route], seed: int) -> None:
    order = random.Random(seed)
    rows = list(range(len(texts)))
    order.shuffle(rows)
    while rows:
        batch = [rows.pop() for _ in range(min(len(rows), order.choice([1, 2, 3, 7, 32, 100, 500])))]
        assert router.route_batch(texts[row] for row in batch) == [routes[row] for row in batch]


def test_alone(router: Router, texts: Sequence[str], routes: Sequence[Route]) -> None:
    for row in random.Random(3).sample(range(len(texts)), 200):
        assert router.route(texts[row]) == routes[row]


def test_in_threads(router: Router, texts: Sequence[str], routes: Sequence[Route]) -> None:
    parts = [range(begin, min(begin + 50, 600)) for begin in range(0, 600, 50)]
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda part: router.route_batch(texts[row] for row in part), parts)
        for part, each in zip(parts, found, strict=True):
            assert each == [routes[row] for row in part]


def test_with_several_threads_a_call(texts: Sequence[str], routes: Sequence[Route]) -> None:
    assert Router.from_pretrained(threads=2).route_batch(texts[:300]) == list(routes[:300])

"""A training that is killed and resumed gives the model of one that was not."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from conftest import labelled_rows

from complaint_router import DataError, Taxonomy
from complaint_router.learn import Example, LabelledData
from complaint_router.learn.batch import Encoded, encode
from complaint_router.learn.checkpoint import Checkpoint
from complaint_router.learn.fit import Epoch, fit
from complaint_router.learn.loss import label_loss
from complaint_router.learn.model import MultiTargetModel, start_from
from complaint_router.learn.unseen import averaged


def begin(encoder: Path) -> tuple[MultiTargetModel, list[Encoded]]:
    torch.manual_seed(0)
    data = LabelledData([Example(row["text"], {"category": (row["topic"],)}) for row in labelled_rows(200)])
    start = start_from(encoder, {"category": data.labels("category")}, Taxonomy.load())
    return start.model, encode(data.examples, start)


@pytest.mark.parametrize("steps", [1, 7, 8, 17])
def test_resumed_as_if_never_killed(
    steps: int, tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, examples = begin(tiny_encoder)
    history = fit(whole, examples[:160], examples[160:], epochs=4, seed=3)

    monkeypatch.setattr("complaint_router.learn.checkpoint.SECONDS", 0.0)
    left = [steps]

    def killed(*arguments: object) -> torch.Tensor:
        if not left[0]:
            raise SystemExit
        left[0] -= 1
        return label_loss(*arguments)  # type: ignore[arg-type]

    broken, _ = begin(tiny_encoder)
    checkpoint = Checkpoint(tmp_path / "model", "digest")
    with pytest.raises(SystemExit):
        fit(broken, examples[:160], examples[160:], epochs=4, seed=3, loss=killed, checkpoint=checkpoint)
    torch.manual_seed(99)
    resumed, _ = begin(tiny_encoder)
    again = fit(resumed, examples[:160], examples[160:], epochs=4, seed=3, checkpoint=checkpoint, resume=True)
    assert again == history
    assert all(torch.equal(value, resumed.state_dict()[name]) for name, value in whole.state_dict().items())


def test_another_training_is_not_resumed(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "model", "one").save({"steps": 1})
    assert Checkpoint(tmp_path / "model", "one").load() == {"steps": 1}
    with pytest.raises(DataError, match="is of other rows or options; train without --resume"):
        Checkpoint(tmp_path / "model", "two").load()
    (tmp_path / "model.training" / "network.pt").write_bytes(b"broken")
    with pytest.raises(DataError, match="cannot be read"):
        Checkpoint(tmp_path / "model", "one").load()
    Checkpoint.remove(tmp_path / "model")
    assert Checkpoint(tmp_path / "model", "one").load() is None


def test_epochs_of_several_trainings_are_averaged() -> None:
    def epoch(value: float | None) -> Epoch:
        return Epoch(1.0, {} if value is None else {"kind": value}, {})

    histories = [[epoch(0.8), epoch(0.9)], [epoch(0.5)], [epoch(None), epoch(None)]]
    assert [each.accuracy["kind"] for each in averaged(histories)] == pytest.approx([0.65, 0.7])

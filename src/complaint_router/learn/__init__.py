"""Train a model on labelled complaints: data, network, training, calibration, export, card (extra `train`)."""

from complaint_router.learn.data import Example, LabelledData, read_labelled

__all__ = ["Example", "LabelledData", "read_labelled"]

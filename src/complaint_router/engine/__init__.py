"""From a prepared text to one logit vector for each target: tokens, the ONNX graph and its linear partner, no torch."""

from complaint_router.engine.session import Engine
from complaint_router.engine.tokens import Tokens

__all__ = ["Engine", "Tokens"]

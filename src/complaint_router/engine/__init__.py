"""From prepared texts to logits for each target: n-grams, tokens, the ONNX graph, the cascade of both; no torch."""

from complaint_router.engine.cascade import Cascade
from complaint_router.engine.session import Engine, Said
from complaint_router.engine.tokens import Tokens

__all__ = ["Cascade", "Engine", "Said", "Tokens"]

"""Route Chinese citizen complaints: category, responsible department and locality, calibrated, offline, on a CPU.

>>> from complaint_router import Router
>>> route = Router.from_pretrained().route("小区门口烧烤店半夜油烟呛人")

`train` and `evaluate` do what the commands of that name do.
"""

from typing import TYPE_CHECKING, Any

from complaint_router.errors import ComplaintRouterError, DataError, MissingExtraError, ModelError, TaxonomyError
from complaint_router.router import Router
from complaint_router.schema import Route
from complaint_router.taxonomy import Taxonomy

__version__ = "0.1.0"

if TYPE_CHECKING:
    from complaint_router.evaluation import evaluate
    from complaint_router.learn.train import train

__all__ = [
    "ComplaintRouterError",
    "DataError",
    "MissingExtraError",
    "ModelError",
    "Route",
    "Router",
    "Taxonomy",
    "TaxonomyError",
    "__version__",
    "evaluate",
    "train",
]

_TRAINING = ("torch", "transformers", "safetensors", "sklearn", "datasketch", "onnx", "onnxscript")


def __getattr__(name: str) -> Any:
    """Bring `train` and `evaluate` when they are asked for: serving needs neither, nor what they import."""
    if name == "evaluate":
        from complaint_router.evaluation import evaluate

        return evaluate
    if name == "train":
        from complaint_router.optional import require

        for module in _TRAINING:
            require(module, "train")
        from complaint_router.learn.train import train

        return train
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

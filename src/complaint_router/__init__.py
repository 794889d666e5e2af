"""Route Chinese citizen complaints: category, responsible department and locality, calibrated, offline, on a CPU.

>>> from complaint_router import Router
>>> route = Router.from_pretrained().route("小区门口烧烤店半夜油烟呛人")
"""

from complaint_router.errors import ComplaintRouterError, DataError, MissingExtraError, ModelError, TaxonomyError
from complaint_router.router import Router
from complaint_router.schema import Route
from complaint_router.taxonomy import Taxonomy

__version__ = "0.1.0"

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
]

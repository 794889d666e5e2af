"""The exceptions of complaint-router.

    ComplaintRouterError
    ├── ArgumentError        an argument or option cannot be used (also a ValueError)
    ├── DataError            an input file or a row of it cannot be used
    ├── TaxonomyError        a taxonomy file is wrong
    ├── ModelError           a model folder is missing, broken or tampered with
    └── MissingExtraError    an optional dependency is not installed (also an ImportError)

Every message says what was wrong, where, and how to mend it, in one line, and never quotes a complaint's text.
"""


class ComplaintRouterError(Exception):
    """Base of all errors that the library raises on purpose."""


class ArgumentError(ComplaintRouterError, ValueError):
    """An argument of a call, or an option of the command line, cannot be used."""


class DataError(ComplaintRouterError):
    """An input file or a row of it cannot be used."""


class TaxonomyError(ComplaintRouterError):
    """A taxonomy file is wrong; the message names file and line."""


class ModelError(ComplaintRouterError):
    """A model folder is missing, broken or tampered with; the message names the file."""


class MissingExtraError(ComplaintRouterError, ImportError):
    """An optional dependency is not installed; the message holds the `pip install` line that mends it."""

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(f"{module} is not installed; pip install 'complaint-router[{extra}]'")

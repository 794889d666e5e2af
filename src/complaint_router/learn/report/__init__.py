"""The report of a training: one HTML page, in Chinese or English, for those who decide on a model or audit it."""

from complaint_router.learn.report.page import render

__all__ = ["render"]

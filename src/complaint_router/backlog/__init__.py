"""Whole files of complaints: streaming readers and writers, and the run that joins them. No rules live here."""

from complaint_router.backlog.batch import RouteBatch
from complaint_router.backlog.readers import Source, open_source
from complaint_router.backlog.run import route_file
from complaint_router.backlog.summary import Summary
from complaint_router.backlog.workers import available_cores

__all__ = ["RouteBatch", "Source", "Summary", "available_cores", "open_source", "route_file"]

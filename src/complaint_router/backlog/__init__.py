"""Whole files of complaints: streaming readers and writers, and the run that joins them. No rules live here."""

from complaint_router.backlog.readers import Source, open_source
from complaint_router.backlog.run import Summary, route_file
from complaint_router.backlog.workers import available_cores

__all__ = ["Source", "Summary", "available_cores", "open_source", "route_file"]

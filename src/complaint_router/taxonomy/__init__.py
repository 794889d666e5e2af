"""What complaints are about and who answers for what: topics, functions and the duty matrix."""

from complaint_router.taxonomy.taxonomy import Department, Taxonomy, Topic

__all__ = ["Department", "Taxonomy", "Topic"]

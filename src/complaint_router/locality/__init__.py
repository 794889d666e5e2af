"""Where a complaint's matter lies: the administrative divisions and the resolver that finds them in a text."""

from complaint_router.locality.gazetteer import Gazetteer
from complaint_router.locality.places import LearnedPlaces
from complaint_router.locality.resolver import Resolver

__all__ = ["Gazetteer", "LearnedPlaces", "Resolver"]

"""The structured parts of a claim: figures with units, dates and periods, names."""

from kb.parts.dates import DateMention, dates
from kb.parts.entities import Mention, entities
from kb.parts.figures import Figure, figures
from kb.parts.nfkc import normalised

__all__ = ["DateMention", "Figure", "Mention", "dates", "entities", "figures", "normalised"]

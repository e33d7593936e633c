"""Topics: the curated list (data/topics.yml), and which claims are about them."""

from kb.topics.assigning import Around, Assigner, Assignment, Encoder, assign
from kb.topics.listed import load, read
from kb.topics.spelling import fold

__all__ = ["Around", "Assigner", "Assignment", "Encoder", "assign", "fold", "load", "read"]

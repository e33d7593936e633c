"""Topics: the curated list (data/topics.yml), and which claims are about them."""

from kb.topics.assigning import Assignment, Encoder, assign
from kb.topics.listed import load
from kb.topics.spelling import fold

__all__ = ["Assignment", "Encoder", "assign", "fold", "load"]

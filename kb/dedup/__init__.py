"""Stitching drafts, leaving out what a post says again, and grouping wordings into claims."""

from kb.dedup.account import rest, uncovered
from kb.dedup.article import article
from kb.dedup.edges import Divided, divide
from kb.dedup.groups import Merge, group, is_stock
from kb.dedup.near import near
from kb.dedup.repeats import TITLE, Deduped, dedupe, leave_title
from kb.dedup.stitch import Stitched, stitch

__all__ = [
    "TITLE",
    "Deduped",
    "Divided",
    "Merge",
    "Stitched",
    "article",
    "dedupe",
    "divide",
    "group",
    "is_stock",
    "leave_title",
    "near",
    "rest",
    "stitch",
    "uncovered",
]

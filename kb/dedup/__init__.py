"""Stitching drafts and leaving out what a post says again."""

from kb.dedup.edges import Divided, divide
from kb.dedup.near import near
from kb.dedup.repeats import Deduped, dedupe, uncovered
from kb.dedup.stitch import Stitched, stitch

__all__ = ["Deduped", "Divided", "Stitched", "dedupe", "divide", "near", "stitch", "uncovered"]

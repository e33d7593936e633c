"""Proof: a database against the posts it was made from, and an export against the database."""

from __future__ import annotations

from kb.verify.database import run
from kb.verify.exported import exported

__all__ = ["exported", "run"]

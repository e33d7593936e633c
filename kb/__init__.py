"""A knowledge base of claims from Markdown posts, in one SQLite file.

Names are loaded when first used: `import kb` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kb.config import VERSION as __version__

if TYPE_CHECKING:
    from kb.base import KnowledgeBase as KnowledgeBase
    from kb.base import encoder as encoder
    from kb.base import open as open
    from kb.errors import KbError as KbError
    from kb.errors import NotFoundError as NotFoundError
    from kb.errors import UsageError as UsageError
    from kb.links import relate as relate
    from kb.reading import annotate as annotate
    from kb.records import Annotation as Annotation
    from kb.records import Hit as Hit
    from kb.records import PostHit as PostHit
    from kb.records import Relation as Relation

_PLACES = {
    "KnowledgeBase": ("kb.base", "KnowledgeBase"),
    "open": ("kb.base", "open"),
    "annotate": ("kb.reading", "annotate"),
    "relate": ("kb.links", "relate"),
    "encoder": ("kb.base", "encoder"),
    "Annotation": ("kb.records", "Annotation"),
    "Hit": ("kb.records", "Hit"),
    "PostHit": ("kb.records", "PostHit"),
    "Relation": ("kb.records", "Relation"),
    "KbError": ("kb.errors", "KbError"),
    "DataFileError": ("kb.errors", "DataFileError"),
    "DatabaseError": ("kb.errors", "DatabaseError"),
    "ExtraMissingError": ("kb.errors", "ExtraMissingError"),
    "LockedError": ("kb.errors", "LockedError"),
    "ModelError": ("kb.errors", "ModelError"),
    "NotFoundError": ("kb.errors", "NotFoundError"),
    "SchemaError": ("kb.errors", "SchemaError"),
    "SourceError": ("kb.errors", "SourceError"),
    "UsageError": ("kb.errors", "UsageError"),
}
__all__ = ["__version__", *_PLACES]


def __getattr__(name: str) -> Any:
    """Load a public name from the module that defines it (PEP 562)."""
    if name not in _PLACES:
        raise AttributeError(f"module 'kb' has no attribute {name!r}")
    module, attribute = _PLACES[name]
    value = getattr(import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})

"""What programs may ask of the site, as OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0)."""

from __future__ import annotations

from typing import Any

from kb.config import VERSION
from kb.records import CLAIM_KINDS
from kb.search import GROUPS, LIMIT, MODES
from kb.server.params import ANSWERED

_TEXT: dict[str, Any] = {"type": "string"}
_NUMBER: dict[str, Any] = {"type": "number"}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_DATE: dict[str, Any] = {"type": ["string", "null"], "description": "ISO 8601"}
_KIND: dict[str, Any] = {"type": "string", "enum": list(CLAIM_KINDS)}
_DAY: dict[str, Any] = {"type": "string", "pattern": r"^\d{4}(-\d{2}(-\d{2})?)?$"}
_FILTERS: dict[str, tuple[str, dict[str, Any]]] = {
    "topic": ("Slug of a topic; those below it count too.", _TEXT),
    "entity": ("Name or key of an entity that the claim names.", _TEXT),
    "certainty": ("How sure the statement is.", {"type": "string", "enum": ["asserted", "hedged"]}),
    "holder": ('Whose statement it is; "author" is the writer\'s own.', _TEXT),
    "tag": ("Tag of the post.", _TEXT),
    "category": ("Category of the post.", _TEXT),
    "post": ("Key, path or file name of the post.", _TEXT),
    "since": ("Date of the post, inclusive: 2025, 2025-09 or 2025-09-30.", _DAY),
    "until": ("As since.", _DAY),
}


def description(base: str) -> dict[str, Any]:
    """Return the description of `/-/search.json` for a site at the address `base`."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "kb",
            "version": VERSION,
            "description": "Claims of articles, each with every place where it is said. Offsets are Unicode code"
            " points into the text of a file as it is on disk; an end is exclusive.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": base.rstrip("/") or "/"}],
        "paths": {"/-/search.json": {"get": _search()}},
        "components": {"schemas": _schemas()},
    }


def _parameter(name: str, about: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": about, "schema": schema, **more}


def _search() -> dict[str, Any]:
    refused = {
        "description": "What was asked makes no sense, or the database cannot be read.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    both = {
        "oneOf": [
            {"type": "array", "title": "claims", "items": {"$ref": "#/components/schemas/Hit"}},
            {"type": "array", "title": "posts", "items": {"$ref": "#/components/schemas/Post"}},
        ]
    }
    return {
        "operationId": "search",
        "summary": "Claims by words and by meaning, best first",
        "parameters": [
            _parameter(
                "q",
                'Words or a sentence. "In quotes" must stand as written, -word must not stand.',
                {"type": "string", "minLength": 1},
                required=True,
                examples={"words": {"value": "データセンターの電力"}},
            ),
            _parameter("mode", "How to find.", {"type": "string", "enum": list(MODES), "default": "hybrid"}),
            _parameter(
                "group",
                "What is ranked: claims, or posts.",
                {"type": "string", "enum": list(GROUPS), "default": "claim"},
            ),
            _parameter(
                "limit", "At most so many.", {"type": "integer", "minimum": 1, "maximum": LIMIT, "default": ANSWERED}
            ),
            _parameter("kind", "Such claims only; may be repeated.", {"type": "array", "items": _KIND}, explode=True),
            *(_parameter(name, about, schema) for name, (about, schema) in _FILTERS.items()),
        ],
        "responses": {
            "200": {
                "description": 'Claims; with group=post, posts. "close" results are not promised: see X-Kb-Notes.',
                "headers": {
                    "X-Kb-Notes": {"description": "What to know of the result, percent-encoded.", "schema": _TEXT},
                    "Server-Timing": {"description": "How long it took, in milliseconds.", "schema": _TEXT},
                },
                "content": {"application/json": {"schema": both}},
            },
            "400": refused,
            "503": refused,
        },
    }


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object that has all these properties."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def _schemas() -> dict[str, Any]:
    arm = _object(rank={"type": "integer", "minimum": 1}, score=_NUMBER)
    span = {"type": "array", "items": _COUNT, "minItems": 2, "maxItems": 2}
    words = {"type": "array", "items": _TEXT}
    place = _object(
        post={"type": "string", "description": "Path relative to the folder that was read."},
        post_key=_TEXT,
        title=_TEXT,
        date=_DATE,
        start=_COUNT,
        end=_COUNT,
        spans={"type": "array", "items": span},
        quote=_TEXT,
    )
    hit = _object(
        claim={"type": "string", "description": "Its key: the claim's page is /claim/ and this."},
        text=_TEXT,
        kind=_KIND,
        certainty={"type": "string", "enum": ["asserted", "hedged"]},
        holder=_TEXT,
        score=_NUMBER,
        arms={
            "type": "object",
            "description": "Place and score by words and by meaning.",
            "properties": {
                "keyword": {"$ref": "#/components/schemas/Arm"},
                "semantic": {"$ref": "#/components/schemas/Arm"},
            },
        },
        matched={**words, "description": "Words of the query that the claim holds."},
        synonyms={**words, "description": "Other names for them that it holds."},
        marks={"type": "array", "items": span, "description": "Where both stand in text."},
        occurrences={"type": "array", "items": {"$ref": "#/components/schemas/Occurrence"}},
        also={"type": "array", "items": _object(claim=_TEXT, text=_TEXT, posts=_COUNT)},
        posts={**_COUNT, "description": "Posts that say it, or one of also."},
    )
    claims = {"type": "array", "items": {"$ref": "#/components/schemas/Hit"}}
    return {
        "Arm": arm,
        "Occurrence": place,
        "Hit": hit,
        "Post": _object(post=_TEXT, title=_TEXT, date=_DATE, score=_NUMBER, claims=claims),
        "Error": _object(ok={"const": False}, error=_TEXT, status={"type": "integer"}),
    }

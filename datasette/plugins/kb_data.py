"""What programs fetch from the site: searches in several formats, their description, the points of the map."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from datasette import hookimpl
from datasette.utils.asgi import Request, Response

from kb import server
from kb.errors import KbError, NotFoundError
from kb.export import FORMATS
from kb.server import openapi, params
from kb.server.web import TYPES, address, allowed, file, status_of, told

_MOST_DIGITS = 10


def _json(datasette: Any, data: Any, status: int = 200, **headers: str) -> Response:
    sent = {"x-content-type-options": "nosniff", **headers}
    if datasette.cors:
        sent["access-control-allow-origin"] = "*"
    return Response(json.dumps(data, ensure_ascii=False), status, sent, TYPES["json"])


def _refused(datasette: Any, error: KbError) -> Response:
    """Return an error as JSON; a filter's value that is not there is a bad request, not a missing page."""
    status = 400 if isinstance(error, NotFoundError) else status_of(error)
    return _json(datasette, {"ok": False, "error": told(datasette, error), "status": status}, status)


async def search(request: Request, datasette: Any) -> Response:
    """Answer a search in the JSON of `kb search --json`, or as a summary in another format of `kb export`."""
    await allowed(datasette, request)
    form = request.url_vars["form"]
    try:
        found = server.of(datasette)
        query = params.single(request.args, "q") or ""
        options = params.options(request.args, params.ANSWERED)
        results = await asyncio.to_thread(found.find, query, options)
        text = "" if form == "json" else await asyncio.to_thread(found.found, query, results, form)
    except KbError as error:
        return _refused(datasette, error)
    notes = {"x-kb-notes": quote("; ".join(results.notes), safe=" ;:,()'")} if results.notes else {}
    if form == "json":
        return _json(datasette, [hit.to_dict() for hit in results], **notes)
    return file(text, form, f"search.{form}", **notes)


async def description(request: Request, datasette: Any) -> Response:
    """Describe the JSON of the site for programs (OpenAPI 3.1)."""
    return _json(datasette, openapi.description(datasette.absolute_url(request, datasette.urls.path("/"))))


async def points(request: Request, datasette: Any) -> Response:
    """Return the points of the map, packed: see `kb.server.scatter.packed`."""
    await allowed(datasette, request)
    try:
        drawn = await asyncio.to_thread(server.of(datasette).map.drawn)
    except KbError as error:
        return _refused(datasette, error)
    return file(drawn.data, "bin", **{"cache-control": "no-cache"})


async def point(request: Request, datasette: Any) -> Response:
    """Return the claim of a point of the map."""
    await allowed(datasette, request)
    try:
        ident = int(request.url_vars["ident"][:_MOST_DIGITS])
        found = await asyncio.to_thread(server.of(datasette).map.point, ident)
    except KbError as error:
        status = status_of(error)
        return _json(datasette, {"ok": False, "error": told(datasette, error), "status": status}, status)
    return _json(datasette, {**found, "url": address(datasette, "claim", found["claim"])})


@hookimpl
def register_routes() -> list[tuple[str, Callable[..., Any]]]:
    """Return the addresses of data; Datasette asks for them before its own."""
    forms = "|".join(FORMATS)
    return [
        (rf"^/-/search\.(?P<form>{forms})$", search),
        (r"^/-/openapi\.json$", description),
        (r"^/-/map\.bin$", points),
        (r"^/-/map/(?P<ident>[0-9]+)\.json$", point),
    ]

"""From a request to a page: languages, addresses, headers, and errors told politely.

Used by `datasette/plugins/`. Datasette itself is loaded late, as every library
that takes long; under a running site it is there already.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote, unquote, urlencode

from kb import server
from kb.config import VERSION
from kb.errors import DatabaseError, KbError, NotFoundError, UsageError
from kb.records import CLAIM_KINDS
from kb.search import MODES
from kb.server import params, words

COOKIE = "kb_lang"
TYPES = {
    "md": "text/markdown; charset=utf-8",
    "json": "application/json; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "bib": "application/x-bibtex; charset=utf-8",
}
_YEAR = 365 * 24 * 3600
_WORTHWHILE = 1000  # bytes; less is sent as it is
_LEVEL = 4  # of zlib's nine: Japanese text to a quarter in a few milliseconds
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "vary": "Accept-Language, Cookie",
}

View = Callable[..., Awaitable[Any]]


def chosen(request: Any) -> str:
    """Return the language of a page.

    Raises:
        UsageError: it is asked in one that there is not.
    """
    accepted = request.headers.get("accept-language") or ""
    return words.language(params.single(request.args, "lang"), request.cookies.get(COOKIE), accepted)


def pairs(request: Any, *without: str) -> list[tuple[str, str]]:
    """Return the parameters of a request, blank ones left out."""
    given = [(name, value) for name in request.args for value in request.args.getlist(name)]
    return [(name, value) for name, value in given if name not in without and value.strip()]


async def render(datasette: Any, request: Any, template: str, context: dict[str, Any], status: int = 200) -> Any:
    """Return a page of ours as Datasette's `Response`."""
    from datasette.utils.asgi import Response

    try:
        lang = chosen(request)
    except UsageError:
        lang = words.language(None, request.cookies.get(COOKIE), request.headers.get("accept-language") or "")
    other = next(one for one in words.LANGUAGES if one != lang)
    shown = {
        "t": words.words(lang),
        "lang": lang,
        "other_lang": other,
        "switch": "?" + urlencode([*pairs(request, "lang"), ("lang", other)]),
        "at": functools.partial(address, datasette),
        "static": functools.partial(static, datasette),
        "version": VERSION,
        "kinds": CLAIM_KINDS,
        "modes": MODES,
        "q": "",
        **context,
    }
    body = await datasette.render_template(f"kb/{template}.html", shown, request=request)
    response = Response.html(body, status=status, headers=dict(_HEADERS))
    if status == 200 and params.single(request.args, "lang"):
        response.set_cookie(COOKIE, lang, max_age=_YEAR, path=datasette.setting("base_url"), samesite="lax")
    return response


def address(datasette: Any, *parts: object, **query: object) -> str:
    """Return the address of a page from the parts of its path, each escaped, and its parameters."""
    path = datasette.urls.path("/" + "/".join(quote(str(part), safe="") for part in parts))
    asked = [(name, value) for name, value in query.items() if value not in (None, "")]
    return f"{path}?{urlencode(asked)}" if asked else str(path)


def static(datasette: Any, name: str) -> str:
    """Return the address of a file of ours; it changes with the version, so that browsers may keep it."""
    return str(datasette.urls.path(f"/{server.STATIC}/{name}?v={VERSION}"))


def status_of(error: KbError) -> int:
    """Return the status code that an error is answered with."""
    return 404 if isinstance(error, NotFoundError) else 400 if isinstance(error, UsageError) else 503


def told(datasette: Any, error: KbError) -> str:
    """Return the message of an error without the database's folder."""
    try:
        return server.of(datasette).told(error)
    except DatabaseError:
        return str(error)


async def failed(datasette: Any, request: Any, error: KbError, sought: str = "") -> Any:
    """Return the page of an error, with what was perhaps meant."""
    status = status_of(error)
    near: dict[str, Any] = {"topics": [], "articles": []}
    if status == 404 and sought:
        near = await asyncio.to_thread(server.of(datasette).suggestions, sought)
    context = {"status": status, "message": told(datasette, error), "near": near}
    return await render(datasette, request, "error", context, status)


async def allowed(datasette: Any, request: Any) -> None:
    """Raise Datasette's `Forbidden` where its permissions keep a visitor out."""
    await datasette.ensure_permissions(request.actor, [("view-database", server.NAME), "view-instance"])


def page(view: View) -> View:
    """Make a view answer errors with a page, and respect Datasette's permissions."""

    async def shown(request: Any, datasette: Any) -> Any:
        await allowed(datasette, request)
        try:
            chosen(request)
            return await view(request, datasette, server.of(datasette))
        except KbError as error:
            sought = next((unquote(value) for value in request.url_vars.values() if value), "")
            return await failed(datasette, request, error, sought)

    # Not functools.wraps: Datasette reads the signature to know which arguments to give.
    shown.__name__, shown.__doc__ = view.__name__, view.__doc__
    return shown


def file(body: str | bytes, form: str, name: str = "", **more: str) -> Any:
    """Return an answer that is no page: of a type in `TYPES`, to be saved as `name` if that is given."""
    from datasette.utils.asgi import Response

    headers = {"x-content-type-options": "nosniff", "content-security-policy": "default-src 'none'; sandbox", **more}
    if name:
        headers["content-disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    data = body.encode("utf-8", "replace") if isinstance(body, str) else body
    return Response(data, 200, headers, TYPES.get(form, "application/octet-stream"))


def compressed_and_timed(plain: Any) -> Any:
    """Return an ASGI application whose answers are compressed for those who take it, and tell how long they took.

    The header is that of W3C Server Timing; the time ends where the answer begins.
    """
    from asgi_gzip import GZipMiddleware

    app = GZipMiddleware(plain, minimum_size=_WORTHWHILE, compresslevel=_LEVEL)

    async def timed(scope: Any, receive: Any, send: Any) -> None:
        started = time.perf_counter()

        async def answer(message: Any) -> None:
            if message["type"] == "http.response.start":
                took = f"app;dur={(time.perf_counter() - started) * 1000:.1f}"
                message = {**message, "headers": [*message.get("headers", []), (b"server-timing", took.encode())]}
            await send(message)

        await app(scope, receive, answer if scope["type"] == "http" else send)

    return timed

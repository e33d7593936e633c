"""The pages of `kb` in Datasette: routes, links from Datasette's own pages, and its search box.

What a page shows comes from `kb.server.Site`; here requests become pages.
Blocking work runs in threads, so that one slow page holds up no other.
"""

from __future__ import annotations

import asyncio
import functools
import json
import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote, unquote, urlencode

from datasette import hookimpl
from datasette.utils.asgi import NotFound, Request, Response
from markupsafe import Markup, escape

from kb import server
from kb.config import VERSION
from kb.errors import DatabaseError, KbError, NotFoundError, UsageError
from kb.export import markdown_text
from kb.records import CLAIM_KINDS
from kb.search import MODES
from kb.server import params, words
from kb.server.marks import readable
from kb.server.site import language as language_of

_COOKIE = "kb_lang"
_YEAR = 365 * 24 * 3600
_MOST_LISTED = 500
_MOST_SHOWN = 200
_NARROWING = ("tag", "category", "since", "until", "certainty", "holder", "post")  # beside those of the form
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "vary": "Accept-Language",
}
_FORMS = {"md": "text/markdown; charset=utf-8", "json": "application/json; charset=utf-8"}

View = Callable[..., Awaitable[Response]]


def _chosen(request: Request) -> str:
    """Return the language of a page; raises `UsageError` for one that there is not."""
    return words.language(
        params.single(request.args, "lang"), request.cookies.get(_COOKIE), request.headers.get("accept-language") or ""
    )


async def _page(
    datasette: Any, request: Request, template: str, context: dict[str, Any], status: int = 200
) -> Response:
    """Return a page of ours."""
    try:
        lang = _chosen(request)
    except UsageError:
        lang = words.language(None, request.cookies.get(_COOKIE), request.headers.get("accept-language") or "")
    other = next(one for one in words.LANGUAGES if one != lang)
    rest = [(name, value) for name in request.args for value in request.args.getlist(name) if name != "lang"]
    shown = {
        "t": words.words(lang),
        "lang": lang,
        "other_lang": other,
        "switch": "?" + urlencode([*rest, ("lang", other)]),
        "at": functools.partial(_address, datasette),
        "static": functools.partial(_static, datasette),
        "version": VERSION,
        "kinds": CLAIM_KINDS,
        "modes": MODES,
        "q": "",
        **context,
    }
    body = await datasette.render_template(f"kb/{template}.html", shown, request=request)
    response = Response.html(body, status=status, headers=dict(_HEADERS))
    if status == 200 and params.single(request.args, "lang"):
        response.set_cookie(_COOKIE, lang, max_age=_YEAR, path=datasette.setting("base_url"), samesite="lax")
    return response


def _address(datasette: Any, *parts: object, **query: object) -> str:
    """Return the address of a page from the parts of its path, each escaped, and its parameters."""
    path = datasette.urls.path("/" + "/".join(quote(str(part), safe="") for part in parts))
    asked = [(name, value) for name, value in query.items() if value not in (None, "")]
    return f"{path}?{urlencode(asked)}" if asked else str(path)


def _static(datasette: Any, name: str) -> str:
    return str(datasette.urls.path(f"/{server.STATIC}/{name}?v={VERSION}"))


def _status(error: KbError) -> int:
    return 404 if isinstance(error, NotFoundError) else 400 if isinstance(error, UsageError) else 503


def _told(datasette: Any, error: KbError) -> str:
    """Return the message of an error without the database's folder."""
    try:
        return server.of(datasette).told(error)
    except DatabaseError:
        return str(error)


async def _failed(datasette: Any, request: Request, error: KbError, sought: str = "") -> Response:
    """Return the page of an error, with what was perhaps meant."""
    status = _status(error)
    near: dict[str, Any] = {"topics": [], "articles": []}
    if status == 404 and sought:
        near = await asyncio.to_thread(server.of(datasette).suggestions, sought)
    context = {"status": status, "message": _told(datasette, error), "near": near}
    return await _page(datasette, request, "error", context, status)


def page(view: View) -> View:
    """Make a view answer errors with a page, tell how long it took, and respect Datasette's permissions."""

    async def shown(request: Request, datasette: Any) -> Response:
        started = time.perf_counter()
        await datasette.ensure_permissions(request.actor, [("view-database", server.NAME), "view-instance"])
        try:
            _chosen(request)
            response = await view(request, datasette, server.of(datasette))
        except KbError as error:
            sought = next((unquote(value) for value in request.url_vars.values() if value), "")
            response = await _failed(datasette, request, error, sought)
        response.headers["server-timing"] = f"app;dur={(time.perf_counter() - started) * 1000:.1f}"
        return response

    # Not functools.wraps: Datasette reads the signature to know which arguments to give.
    shown.__name__, shown.__doc__ = view.__name__, view.__doc__
    return shown


@page
async def home(request: Request, datasette: Any, site: server.Site) -> Response:
    """Show the first page."""
    return await _page(datasette, request, "home", await asyncio.to_thread(site.home))


@page
async def search(request: Request, datasette: Any, site: server.Site) -> Response:
    """Show the results of a search, or its form alone."""
    query = params.single(request.args, "q") or ""
    context: dict[str, Any] = {"q": query, "found": None, "options": None, "message": ""}
    status = 200
    try:
        context["options"] = options = params.options(request.args)
        context["topics"] = await asyncio.to_thread(site.topics)
        if query:
            context["found"] = await asyncio.to_thread(site.search, query, options)
    except (UsageError, NotFoundError) as error:
        context["message"], status = site.told(error), 400
        context["topics"] = await asyncio.to_thread(site.topics)
    if context["options"] is None:
        context["options"] = params.Options()
    options = context["options"]
    kinds = options.filters.kind or []
    context["extra"] = [
        *(("kind", kind) for kind in kinds if len(kinds) > 1),
        *((name, value) for name in _NARROWING if (value := getattr(options.filters, name))),
    ]
    given = [(name, value) for name in request.args for value in request.args.getlist(name)]
    kept = [pair for pair in given if pair[0] not in ("limit", "lang")]
    context["more"] = "?" + urlencode([*kept, ("limit", min(options.limit * 2, _MOST_SHOWN))])
    context["as_json"] = f"{_address(datasette, '-', 'search.json')}?{urlencode([*kept, ('limit', options.limit)])}"
    context["can_grow"] = options.limit < _MOST_SHOWN
    return await _page(datasette, request, "search", context, status)


async def search_json(request: Request, datasette: Any) -> Response:
    """Answer a search in the JSON of `kb search --json`."""
    started = time.perf_counter()
    await datasette.ensure_permissions(request.actor, [("view-database", server.NAME), "view-instance"])
    status, notes = 200, ()
    try:
        query = params.single(request.args, "q") or ""
        options = params.options(request.args, params.ANSWERED)
        results = await asyncio.to_thread(server.of(datasette).find, query, options)
        data: Any = [hit.to_dict() for hit in results]
        notes = results.notes
    except KbError as error:
        status = 400 if isinstance(error, NotFoundError) else _status(error)
        data = {"ok": False, "error": _told(datasette, error), "status": status}
    headers = {
        "x-content-type-options": "nosniff",
        "server-timing": f"app;dur={(time.perf_counter() - started) * 1000:.1f}",
    }
    if notes:
        headers["x-kb-notes"] = quote("; ".join(notes), safe=" ;:,()'")
    if datasette.cors:
        headers["access-control-allow-origin"] = "*"
    return Response(json.dumps(data, ensure_ascii=False), status, headers, _FORMS["json"])


def _file(body: str, content_type: str, name: str = "") -> Response:
    headers = {"x-content-type-options": "nosniff", "content-security-policy": "default-src 'none'; sandbox"}
    if name:
        headers["content-disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return Response(body.encode("utf-8", "replace"), 200, headers, content_type)


@page
async def article(request: Request, datasette: Any, site: server.Site) -> Response:
    """Show an article; its source text under .txt, its Markdown under .md."""
    given = unquote(request.url_vars["key"])
    stem, _, form = given.rpartition(".")
    if form in ("txt", "md"):
        try:
            key = await asyncio.to_thread(site.article_key, stem)
            if form == "txt":
                return _file(await asyncio.to_thread(site.source, key), "text/plain; charset=utf-8")
            return _file(await asyncio.to_thread(site.markdown, key), _FORMS["md"], f"{key}.md")
        except NotFoundError:
            pass  # a file name that ends so
    key = await asyncio.to_thread(site.article_key, given)
    if key != given:
        return Response.redirect(_address(datasette, "article", key))
    return await _page(datasette, request, "article", {"article": await asyncio.to_thread(site.article, key)})


@page
async def claim(request: Request, datasette: Any, site: server.Site) -> Response:
    """Show a claim."""
    found = await asyncio.to_thread(site.claim, unquote(request.url_vars["key"]))
    permanent = datasette.absolute_url(request, _address(datasette, "claim", found["claim"]))
    return await _page(datasette, request, "claim", {"claim": found, "permanent": permanent})


@page
async def topic(request: Request, datasette: Any, site: server.Site) -> Response:
    """Show a topic; its summary under .md and .json."""
    slug = unquote(request.url_vars["slug"])
    stem, _, form = slug.rpartition(".")
    if form in _FORMS:
        return _file(await asyncio.to_thread(site.summary, stem, form), _FORMS[form], slug)
    kind = params.kind(request.args)
    number = params.number(request.args, "page", 1, 100_000) if kind else 1
    return await _page(datasette, request, "topic", await asyncio.to_thread(site.topic, slug, kind, number))


@page
async def conflicts(request: Request, datasette: Any, site: server.Site) -> Response:
    """Show claims that contradict each other."""
    limit = params.number(request.args, "limit", 50, _MOST_LISTED)
    pairs = await asyncio.to_thread(site.conflicts, limit)
    return await _page(datasette, request, "conflicts", {"pairs": pairs, "limit": limit, "most": _MOST_LISTED})


@page
async def duplicates(request: Request, datasette: Any, site: server.Site) -> Response:
    """Show what is said more than once."""
    limit = params.number(request.args, "limit", 50, _MOST_LISTED)
    found = await asyncio.to_thread(site.duplicates, limit)
    return await _page(datasette, request, "duplicates", {**found, "limit": limit, "most": _MOST_LISTED})


@hookimpl
def register_routes() -> list[tuple[str, Callable[..., Any]]]:
    """Return our pages; Datasette asks for them before its own."""
    return [
        (r"^/$", home),
        (r"^/-/search$", search),
        (r"^/-/search\.json$", search_json),
        (r"^/article/(?P<key>.+)$", article),
        (r"^/claim/(?P<key>.+)$", claim),
        (r"^/topic/(?P<slug>.+)$", topic),
        (r"^/conflicts$", conflicts),
        (r"^/duplicates$", duplicates),
    ]


@hookimpl
def startup(datasette: Any) -> None:
    """Give the database its name. What is wrong with it is told by the pages."""
    try:
        server.of(datasette)
    except DatabaseError:
        return


@hookimpl
def handle_exception(datasette: Any, request: Request, exception: Exception) -> Callable[[], Awaitable[Any]]:
    """Answer an address that nobody knows with a page of ours; Datasette answers for its own."""

    async def answer() -> Response | None:
        inside = request.path.removeprefix(datasette.setting("base_url").rstrip("/"))
        own = inside.startswith((f"/{server.NAME}/", "/-/")) or inside == f"/{server.NAME}" or inside.endswith(".json")
        if not isinstance(exception, NotFound) or own:
            return None
        last = unquote(inside).rstrip("/").rpartition("/")[2]
        return await _failed(datasette, request, NotFoundError(f"no page {unquote(inside)[:200]!r} here"), last)

    return answer


@hookimpl
def prepare_jinja2_environment(env: Any) -> None:
    """Give templates what they say about quotes."""
    env.filters.update(readable=readable, lang_of=language_of, md=markdown_text)


@hookimpl
def menu_links(datasette: Any) -> list[dict[str, str]]:
    """Lead from Datasette's menu to the site."""
    pages = (("Home 目次", ()), ("Search 検索", ("-", "search")), ("Conflicts 食い違い", ("conflicts",)),
             ("Duplicates 重複", ("duplicates",)))  # fmt: skip
    return [{"href": _address(datasette, *parts), "label": label} for label, parts in pages]


@hookimpl
def render_cell(value: Any, column: str, table: str | None, database: str, datasette: Any) -> Markup | None:
    """Link keys in Datasette's tables to the pages, and say what a vector is instead of showing its bytes."""
    if database != server.NAME or table is None or value is None:
        return None
    pages = {("claims", "key"): "claim", ("posts", "key"): "article", ("topics", "slug"): "topic"}
    kind = pages.get((table, column))
    if kind:
        return Markup('<a href="{}">{}</a>').format(_address(datasette, kind, value), value)
    if (table, column) == ("embeddings", "vector") and isinstance(value, bytes):
        return Markup("<i>{}</i>").format(f"{len(value) // 4} × float32")
    if column == "text" and table in ("claims", "sentences"):
        return Markup('<span lang="{}">{}</span>').format(language_of(str(value)), escape(value))
    return None


@hookimpl(trylast=True)  # after Datasette's own, which it replaces
def prepare_connection(conn: sqlite3.Connection, database: str) -> None:
    """Let the search box of a table find words as `kb search` reads them."""
    if database == server.NAME:
        conn.create_function("escape_fts", 1, _full_text, deterministic=True)


def _full_text(query: str | None) -> str:
    """Return the FTS5 expression of a query: all of its words must stand in a claim, as typed.

    Narrower than `kb search`, which ranks: a table that is narrowed down should hold nothing else.
    """
    from kb.fts import match_expression, parse

    text = str(query or "")
    if '"' not in text:
        text = " ".join(word if word.startswith("-") else f'"{word}"' for word in text.split())
    return match_expression(parse(text)) or '""'

"""The pages of `kb` in Datasette: routes, and views that gather what a template shows.

What a page shows comes from `kb.server.Site`. Blocking work runs in threads,
so that one slow page holds up no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote, urlencode

from datasette import hookimpl
from datasette.utils.asgi import NotFound, Request, Response

from kb import server
from kb.errors import DatabaseError, NotFoundError, UsageError
from kb.export import FORMATS, markdown_text
from kb.server import params
from kb.server.choices import choices
from kb.server.marks import bibtex, readable
from kb.server.site import language as language_of
from kb.server.web import address, failed, file, page, pairs, render

_MOST_LISTED = 500
_MOST_SHOWN = 200


@page
async def home(request: Request, datasette: Any, site: server.Site) -> Response:
    """Show the first page."""
    return await render(datasette, request, "home", await asyncio.to_thread(site.home))


@page
async def search(request: Request, datasette: Any, site: server.Site) -> Response:
    """Show the results of a search, or its form alone."""
    query = params.single(request.args, "q") or ""
    options, message = params.Options(limit=params.SHOWN), ""
    try:
        options = params.options(request.args)
    except UsageError as error:
        message = site.told(error)

    def gather() -> dict[str, Any]:  # all in one thread: handing over takes longer than looking up
        told, found = message, None
        try:
            found = site.search(query, options) if query and not told else None
        except (UsageError, NotFoundError) as error:
            told = site.told(error)
        return {"found": found, "message": told, "topics": site.topics(), "names": site.named(options.filters)}

    context = await asyncio.to_thread(gather)
    status = 400 if context["message"] else 200
    context |= {"q": query, "options": options, "forms": list(FORMATS)}
    given = pairs(request, "limit", "lang", "page")
    context["facets"], context["chosen"] = choices(context["found"], given, context["topics"], context["names"])
    context["more"] = "?" + urlencode([*given, ("limit", min(options.limit * 2, _MOST_SHOWN))])
    context["asked"] = urlencode([*given, ("limit", options.limit)])
    context["can_grow"] = options.limit < _MOST_SHOWN
    context["hidden"] = [pair for pair in given if pair[0] not in ("q", "mode", "group")]
    return await render(datasette, request, "search", context, status)


@page
async def article(request: Request, datasette: Any, site: server.Site) -> Response:
    """Show an article; its source text under .txt, its Markdown under .md, the two side by side with ?original=1."""
    given = unquote(request.url_vars["key"])
    stem, _, form = given.rpartition(".")
    if form in ("txt", "md"):
        try:
            key = await asyncio.to_thread(site.article_key, stem)
            if form == "txt":
                return file(await asyncio.to_thread(site.source, key), "txt")
            return file(await asyncio.to_thread(site.markdown, key), "md", f"{key}.md")
        except NotFoundError:
            pass  # a file name that ends so
    key = await asyncio.to_thread(site.article_key, given)
    if key != given:
        return Response.redirect(address(datasette, "article", key))
    whole = bool(params.single(request.args, "original"))
    return await render(datasette, request, "article", await asyncio.to_thread(site.reading, key, original=whole))


@page
async def claim(request: Request, datasette: Any, site: server.Site) -> Response:
    """Show a claim."""
    found = await asyncio.to_thread(site.claim, unquote(request.url_vars["key"]))
    permanent = datasette.absolute_url(request, address(datasette, "claim", found["claim"]))
    return await render(datasette, request, "claim", {"claim": found, "permanent": permanent})


@page
async def topic(request: Request, datasette: Any, site: server.Site) -> Response:
    """Show a topic; its summary under the endings of the formats of `kb export`."""
    slug = unquote(request.url_vars["slug"])
    stem, _, form = slug.rpartition(".")
    if form in FORMATS:
        return file(await asyncio.to_thread(site.summary, stem, form), form, slug)
    kind, number = _part(request)
    context = await asyncio.to_thread(site.topic, slug, kind, number)
    return await render(datasette, request, "topic", {**context, "forms": list(FORMATS)})


@page
async def entity(request: Request, datasette: Any, site: server.Site) -> Response:
    """Show a company, person, place or thing that claims name."""
    kind, number = _part(request)
    context = await asyncio.to_thread(site.entity, unquote(request.url_vars["key"]), kind, number)
    return await render(datasette, request, "entity", context)


def _part(request: Request) -> tuple[str | None, int]:
    """Return which kind of claims of a topic or entity is asked for, and which page of them."""
    kind = params.kind(request.args)
    return kind, params.number(request.args, "page", 1, 100_000) if kind else 1


@page
async def topics(request: Request, datasette: Any, site: server.Site) -> Response:
    """Show every topic, curated and discovered."""
    return await render(datasette, request, "topics", await asyncio.to_thread(site.all_topics))


@page
async def conflicts(request: Request, datasette: Any, site: server.Site) -> Response:
    """Show claims that contradict each other."""
    limit = params.number(request.args, "limit", 50, _MOST_LISTED)
    found = await asyncio.to_thread(site.conflicts, limit)
    return await render(datasette, request, "conflicts", {"pairs": found, "limit": limit, "most": _MOST_LISTED})


@page
async def duplicates(request: Request, datasette: Any, site: server.Site) -> Response:
    """Show what is said more than once."""
    limit = params.number(request.args, "limit", 50, _MOST_LISTED)
    found = await asyncio.to_thread(site.duplicates, limit)
    return await render(datasette, request, "duplicates", {**found, "limit": limit, "most": _MOST_LISTED})


@page
async def map_page(request: Request, datasette: Any, site: server.Site) -> Response:
    """Show all claims as a map. The points are fetched by a script; what they are about stands on the page."""
    return await render(datasette, request, "map", {"drawn": await asyncio.to_thread(site.map.soon)})


@hookimpl
def register_routes() -> list[tuple[str, Callable[..., Any]]]:
    """Return our pages; Datasette asks for them before its own."""
    return [
        (r"^/$", home),
        (r"^/-/search$", search),
        (r"^/article/(?P<key>.+)$", article),
        (r"^/claim/(?P<key>.+)$", claim),
        (r"^/topics$", topics),
        (r"^/topic/(?P<slug>.+)$", topic),
        (r"^/entity/(?P<key>.+)$", entity),
        (r"^/conflicts$", conflicts),
        (r"^/duplicates$", duplicates),
        (r"^/map$", map_page),
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
        return await failed(datasette, request, NotFoundError(f"no page {unquote(inside)[:200]!r} here"), last)

    return answer


@hookimpl
def prepare_jinja2_environment(env: Any) -> None:
    """Give templates what they say about quotes."""
    env.filters.update(readable=readable, lang_of=language_of, md=markdown_text, bibtex=bibtex)

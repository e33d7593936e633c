"""The site: the real Datasette over one database, with this project's pages.

Datasette opens the file read-only; nothing here writes. The database is called
`kb` whatever the name of its file, so that addresses stay the same. What the
pages show is gathered here (`Site`); how a request becomes a page is told to
Datasette by `datasette/plugins/kb_site.py`, so that `datasette kb.db
--plugins-dir datasette/plugins …` shows the same as `kb serve`.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from kb.config import APPLICATION_ID, resource
from kb.errors import DatabaseError, DataFileError, KbError, UsageError
from kb.server.site import Site

HOST = "127.0.0.1"
PORT = 8001
NAME = "kb"
STATIC = "kb-static"
_SETTINGS = {"default_page_size": 50, "sql_time_limit_ms": 3000, "suggest_facets": False}
_PREFIX = re.compile(r"/([A-Za-z0-9._~-]+/)*")
_SITES: WeakKeyDictionary[Any, Site] = WeakKeyDictionary()  # by Datasette

__all__ = ["HOST", "NAME", "PORT", "STATIC", "Site", "of", "serve", "site"]


def site(db: Path, settings: dict[str, Any] | None = None, *, immutable: bool = False) -> Any:
    """Return a `datasette.app.Datasette` that shows `db` with metadata, templates, plugins and static files.

    Args:
        db: a database of ours; an older one is brought up to date first.
        settings: Datasette settings that replace ours, by name
            (https://docs.datasette.io/en/stable/settings.html).
        immutable: nobody will write the file: SQLite takes no locks, Datasette counts rows once.

    Raises:
        DatabaseError: `db` is missing, damaged or not ours; or it is to be
            immutable, and a build has not put all of its work into it yet.
        UsageError: `base_url` among the settings is no path.
    """
    import kb
    from kb import schema

    _check(settings or {})
    kb.open(db).close()
    log = db.with_name(db.name + "-wal")
    if immutable and log.exists() and log.stat().st_size:
        raise DatabaseError(f"{db}: is being written, {log.name} is not empty; wait for it or leave --immutable out")
    from datasette.app import Datasette
    from datasette.database import Database

    # Datasette would print every address that is not found, with all local variables, to the terminal.
    import_module("datasette.handle_exception").__dict__["rich"] = None
    folder = resource("datasette")
    application = Datasette(
        [],
        metadata=_metadata(folder / "metadata.yml"),
        template_dir=str(folder / "templates"),
        plugins_dir=str(folder / "plugins"),
        static_mounts=[(STATIC, str(folder / "static"))],
        settings={**_SETTINGS, **(settings or {})},
    )
    application.remove_database("_memory")
    # A folder that cannot be written holds no build either: SQLite may take the file as it is.
    database = Database(application, path=str(db), is_mutable=schema.can_write(db) and not immutable)
    application.add_database(database, name=NAME)
    return application


def _check(settings: dict[str, Any]) -> None:
    """Raise `UsageError` where a setting makes no sense."""
    prefix = settings.get("base_url", "/")
    if not _PREFIX.fullmatch(prefix):
        raise UsageError(f"base-url {prefix!r} is no path; write it as /claims/")


def of(application: Any) -> Site:
    """Return what a Datasette's pages are read from, the same object at every call.

    The database gets its name here where Datasette was started without
    `kb serve`: the first one with our mark in its header is `kb` from then on.

    Raises:
        DatabaseError: the Datasette has no database of ours.
    """
    if application not in _SITES:
        path = _mounted(application)
        if path is None:
            raise DatabaseError("no database of kb is mounted here; start with: kb serve --db PATH")
        _SITES[application] = Site(path)
    return _SITES[application]


def _mounted(application: Any) -> Path | None:
    known = application.databases
    if NAME in known and known[NAME].path:
        return Path(known[NAME].path)
    for name, database in known.items():
        if database.path and _is_ours(Path(database.path)):
            application.remove_database(name)
            application.add_database(database, name=NAME)
            return Path(database.path)
    return None


def _is_ours(path: Path) -> bool:
    """Tell whether a file bears our application id (https://www.sqlite.org/fileformat.html, offset 68)."""
    try:
        with path.open("rb") as file:
            header = file.read(72)
    except OSError:
        return False
    return int.from_bytes(header[68:72], "big") == APPLICATION_ID


def _metadata(path: Path) -> dict[str, Any]:
    """Return the metadata file, or nothing where the site has none."""
    import yaml

    try:
        found = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except yaml.YAMLError as error:
        raise DataFileError(f"{path}: {error}") from error
    return dict(found or {})


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket bound to `host` and `port`.

    Raises:
        KbError: the address is taken, unknown or not allowed.
    """
    listener = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()  # from here on a browser waits for the site to start instead of failing
    except OSError as error:
        if listener is not None:
            listener.close()
        raise KbError(f"{host}:{port}: {error.strerror}; choose another with --host or --port") from error
    return listener


def serve(
    db: Path,
    host: str = HOST,
    port: int = PORT,
    announce: Callable[[str], None] | None = None,
    *,
    immutable: bool = False,
    base_url: str = "/",
) -> None:
    """Serve `db` until interrupted; port 0 takes any free one.

    Args:
        db: a database of ours.
        host: name or address to listen on.
        port: 0 to 65535.
        announce: called with a line that holds the address, once it is taken.
        immutable: nobody will write the file; see `site`.
        base_url: the path below which a proxy serves the site, such as /claims/.

    Raises:
        DatabaseError: `db` is missing, damaged or not ours; see `site`.
        KbError: the address cannot be used.
    """
    application = site(db, {"base_url": base_url}, immutable=immutable)
    from threadpoolctl import threadpool_limits

    # Every request has a thread of its own. A small matrix product on all cores at once makes them wait for each
    # other: searches took twice the processor time.
    threadpool_limits(1, user_api="blas")
    import uvicorn

    with _listen(host, port) as listener:
        config = uvicorn.Config(application.app(), log_level="warning", lifespan="on")
        # The dictionary and the vectors are read before the first visitor asks for them.
        threading.Thread(target=of(application).warm, name="warm", daemon=True).start()
        if announce is not None:
            shown = f"[{host}]" if ":" in host else host
            path = base_url if base_url != "/" else ""
            announce(f"Serving {db} at http://{shown}:{listener.getsockname()[1]}{path} (Ctrl-C stops it)")
        uvicorn.Server(config).run(sockets=[listener])

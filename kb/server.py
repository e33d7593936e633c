"""The site: the real Datasette over one database, with this project's pages.

Datasette opens the file read-only; nothing here writes. The database is called
`kb` whatever the name of its file, so that addresses stay the same.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kb.config import resource
from kb.errors import DataFileError, KbError

HOST = "127.0.0.1"
PORT = 8001
_NAME = "kb"
_SETTINGS = {"default_page_size": 50, "sql_time_limit_ms": 3000}


def site(db: Path, settings: dict[str, Any] | None = None) -> Any:
    """Return a `datasette.app.Datasette` that shows `db` with metadata, templates, plugins and static files.

    Args:
        db: a database of ours; an older one is brought up to date first.
        settings: Datasette settings that replace ours, by name
            (https://docs.datasette.io/en/stable/settings.html).

    Raises:
        DatabaseError: `db` is missing, damaged or not ours.
    """
    import kb

    kb.open(db).close()
    from datasette.app import Datasette
    from datasette.database import Database

    folder = resource("datasette")
    static = folder / "static"
    application = Datasette(
        [],
        metadata=_metadata(folder / "metadata.yml"),
        template_dir=str(folder / "templates"),
        plugins_dir=str(folder / "plugins"),
        static_mounts=[("static", str(static))] if static.is_dir() else [],
        settings={**_SETTINGS, **(settings or {})},
    )
    application.remove_database("_memory")
    application.add_database(Database(application, path=str(db), is_mutable=True), name=_NAME)
    return application


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
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise KbError(f"{host}:{port}: {error.strerror}; choose another with --host or --port") from error
    return listener


def serve(db: Path, host: str = HOST, port: int = PORT, announce: Callable[[str], None] | None = None) -> None:
    """Serve `db` until interrupted; port 0 takes any free one.

    Args:
        db: a database of ours.
        host: name or address to listen on.
        port: 0 to 65535.
        announce: called with a line that holds the address, once it is taken.

    Raises:
        DatabaseError: `db` is missing, damaged or not ours.
        KbError: the address cannot be used.
    """
    application = site(db)
    import uvicorn

    with _listen(host, port) as listener:
        config = uvicorn.Config(application.app(), log_level="warning", lifespan="on")
        if announce is not None:
            announce(f"Serving {db} at http://{host}:{listener.getsockname()[1]} (Ctrl-C stops it)")
        uvicorn.Server(config).run(sockets=[listener])

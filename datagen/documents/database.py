"""Documents out of a database: each row of a query is one, named by its key, read by the same readers as a file.

The connection is made here, in the process that has the credentials; what a row holds is put into a file of a folder
that goes when the reading is over, and is read by the worker process like any other. Rows are only ever read: the query
must be one that selects, the database is told so where it knows how, and the transaction is rolled back.

An address with a password in it is refused in a job, which is kept and copied: `url_env` names a variable.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from datagen.documents.files import File
from datagen.readers.tables import fields, guarded
from seedbed.errors import InputError, MissingExtra

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SECRET = re.compile(r"://[^/@]*:[^/@]+@|(?:password|passwd|pwd|token|secret)(?:=|%3D)[^&;]", re.I)
_SELECTS = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*(?:select|with|values|table)\b", re.I | re.S)
_TAGS = re.compile(r"\s*<(?:!doctype|html|body|div|p|h[1-6]|ul|ol|table|article|section|span)\b", re.I)
_SQLITE = re.compile(r"sqlite(?:\+\w+)?:///(?!/|:memory:|file:)")  # with a path that is relative
# What tells a database that nothing will be written.
_READ_ONLY = {
    "sqlite": "PRAGMA query_only = ON",
    "postgresql": "SET TRANSACTION READ ONLY",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
}


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One query and how its rows become documents.

    url      SQLAlchemy URL without a password, `sqlite:///plant.db` (relative to the job)
    url_env  instead: the NAME of the environment variable that holds the URL
    query    one SELECT; it decides which rows there are
    name     leads the documents' names: `faults/E17`
    key      the column that tells rows apart, and names them; by default the first
    title    the column that is a row's heading; by default none
    text     the columns that are a row's text; by default all but key and title
    """

    query: str
    url: str = ""
    url_env: str = ""
    name: str = "query"
    key: str = ""
    title: str = ""
    text: str | tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.url) == bool(self.url_env):
            raise ValueError("url: give either `url` or `url_env`, the name of a variable that holds it")
        if _SECRET.search(self.url):
            raise ValueError("url: has a password in it; put the URL into a variable and name that with `url_env`")
        if not _SELECTS.match(self.query):
            raise ValueError("query: must be one that reads: SELECT …, or WITH … SELECT …")
        if not self.name.strip("/ "):
            raise ValueError("name: must not be empty; it leads the names of the documents")


def below(query: Query, base: Path) -> Query:
    """The query with a relative SQLite file taken from `base`, as all paths of a job are."""
    start = _SQLITE.match(query.url)
    if not start:
        return query
    path = Path(query.url[start.end() :]).expanduser()
    return msgspec.structs.replace(query, url=f"{query.url[: start.end()]}{(base / path).resolve()}")


@contextmanager
def files(queries: tuple[Query, ...]) -> Iterator[list[File]]:
    """The rows of all queries as files, in the order of their names, for as long as the context lasts.

    Raises InputError, naming the key of the job, for a database or query that cannot be used.
    """
    if not queries:
        yield []
        return
    with tempfile.TemporaryDirectory(prefix="seedbed-") as folder:
        found: dict[str, File] = {}
        for query in queries:
            for key, data, suffix in _documents(query):
                name = f"{query.name.strip('/ ')}/{key}"
                if name in found:
                    raise _wrong(query, "key", f"two rows are named {name}", "Name a column that tells rows apart")
                path = Path(folder, f"{len(found)}{suffix}")
                path.write_bytes(data)
                found[name] = File(name, path, suffix)
        yield [found[name] for name in sorted(found)]


def digest(queries: tuple[Query, ...]) -> str:
    """A hash of all that the queries give: part of the stage's fingerprint, so that a changed row is noticed."""
    rows = (row for query in queries for row in _documents(query))
    each = (hashlib.sha256(f"{key}\0{suffix}\0".encode() + data).digest() for key, data, suffix in rows)
    return hashlib.sha256(b"".join(sorted(each))).hexdigest()  # a database gives its rows in any order


def _documents(query: Query) -> Iterator[tuple[str, bytes, str]]:
    """(name, content, suffix) of each row. A column with a whole file in it is that file."""
    for row in _rows(query):
        columns = list(row)
        text = (query.text,) if isinstance(query.text, str) else query.text
        key = query.key or columns[0]
        for option, names in (("key", [key]), ("title", [query.title] if query.title else []), ("text", text)):
            if missing := [name for name in names if name not in row]:
                raise _wrong(query, option, f"the query gives no column {missing[0]}", f"It gives {', '.join(columns)}")
        shown = text or [name for name in columns if name not in (key, query.title)] or columns
        yield _name(row[key]), *_content(row, list(shown), query.title)


def _content(row: dict[str, Any], shown: list[str], title: str) -> tuple[bytes, str]:
    values = [row[name] for name in shown]
    if len(shown) == 1 and isinstance(values[0], bytes | memoryview):
        return bytes(values[0]), ""
    heading = " ".join(_text(row[title]).split()) if title else ""
    if len(shown) == 1 and _TAGS.match(_text(values[0])):
        return (f"<h1>{heading}</h1>" if heading else "").encode() + _text(values[0]).encode(), ".html"
    body = _text(values[0]) if len(shown) == 1 else fields((name, _text(row[name])) for name in shown)
    return "\n\n".join(filter(None, [f"# {guarded(heading)}" if heading else "", body])).encode(), ".md"


def _text(value: object) -> str:
    if value is None or isinstance(value, bytes | memoryview):
        return ""
    return str(value).encode("utf-8", "replace").decode().strip()


def _name(value: object) -> str:
    """A key as a part of a document's name: no slash, no white space but single spaces."""
    return " ".join(_text(value).replace("/", "-").split()) or "(empty)"


def _rows(query: Query) -> Iterator[dict[str, Any]]:
    try:
        from sqlalchemy import create_engine
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
        from sqlalchemy.pool import NullPool
    except ImportError as error:
        raise MissingExtra("sqlalchemy", "sql") from error
    where = "url_env" if query.url_env else "url"
    try:
        url = make_url(_url(query))
        if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
            _require_file(query, str(url.database))
        engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    except NoSuchModuleError:
        raise _wrong(query, where, f"no such kind of database: {url.drivername}", _DIALECTS) from None
    except (ArgumentError, ValueError):
        raise _wrong(query, where, "is no SQLAlchemy URL", "Write it as dialect://user@host/database") from None
    except ImportError as error:
        raise _wrong(query, where, f"the driver {error.name} is not installed", f"pip install {error.name}") from error
    try:
        with engine.connect() as connection:
            if order := _READ_ONLY.get(url.get_backend_name()):
                connection.exec_driver_sql(order)
            yield from _selected(connection, query.query)
    except SQLAlchemyError as error:
        opened = getattr(error, "statement", None) is not None
        said = _without(str(getattr(error, "orig", None) or error), str(url.password or ""), _url(query))
        raise _wrong(query, "query" if opened else where, said, "Try it in the database's own client") from None
    finally:
        engine.dispose()


_DIALECTS = "Known are sqlite, postgresql, mysql, mariadb, oracle and mssql, and what is installed besides"


def _selected(connection: Connection, sql: str) -> Iterator[dict[str, Any]]:
    # As the database knows it: no `:name` or `%` in it is a place for a parameter.
    plain = connection.execution_options(no_parameters=True, stream_results=True)
    for row in plain.exec_driver_sql(sql.strip().rstrip(";")).mappings():
        yield dict(row)
    connection.rollback()


def _url(query: Query) -> str:
    if not query.url_env:
        return query.url
    if url := os.environ.get(query.url_env, ""):
        return url
    raise _wrong(query, "url_env", f"the variable {query.url_env} is not set", "Set it to the database's URL")


def _require_file(query: Query, path: str) -> None:
    """SQLite would make an empty database of a name that was mistyped."""
    if not path.startswith("file:") and not Path(path).is_file():
        raise _wrong(query, "url_env" if query.url_env else "url", f"no such database file: {path}", "Check the path")


def _without(said: str, password: str, url: str) -> str:
    """The first line of a driver's words, without the secrets that it may repeat."""
    for secret in (url, password):
        if len(secret) > 2:
            said = said.replace(secret, "***")
    return _SECRET.sub("***", " ".join(said.split())[:300])


def _wrong(query: Query, key: str, what: str, next_step: str) -> InputError:
    return InputError(what, where=f"documents: database: {query.name}: {key}", next_step=next_step)

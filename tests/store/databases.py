"""Databases that an earlier program made, or somebody else: of either kind, behind one face."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from polyterm.store.database import dispose, open_database
from polyterm.store.location import Location, SqliteFile, locate
from tests.postgres import Cluster
from tests.store.builders import rows


class OldFile:
    suffix = ""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.location: Location = SqliteFile(path)

    def script(self, text: str) -> None:
        connection = sqlite3.connect(self.path)
        connection.executescript(text)
        connection.commit()
        connection.close()

    def rows(self, question: str) -> list[dict[str, Any]]:
        return rows(self.path, question)

    def shape(self) -> list[dict[str, Any]]:
        columns = "SELECT m.name AS made, p.* FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table'"
        indexes = "SELECT m.name AS made, p.* FROM sqlite_master m, pragma_index_list(m.name) p WHERE m.type = 'table'"
        found = [*self.rows(f"{columns} ORDER BY m.name, p.cid"), *self.rows(f"{indexes} ORDER BY m.name, p.name")]
        return [{name: value for name, value in row.items() if name != "seq"} for row in found]


class OldServer:
    suffix = "_postgres"

    def __init__(self, cluster: Cluster, database: str, folder: Path) -> None:
        self._cluster, self._database = cluster, database
        self.location = locate(cluster.url(database), folder)

    def script(self, text: str) -> None:
        self._cluster.sql(text, self._database)

    def rows(self, question: str) -> list[dict[str, Any]]:
        return self._cluster.rows(question, self._database)

    def shape(self) -> list[dict[str, Any]]:
        columns = (
            "SELECT table_name, column_name, ordinal_position, data_type, is_nullable, column_default, is_identity "
            "FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 3"
        )
        indexes = "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2"
        return [*self.rows(columns), *self.rows(indexes)]


Make = Callable[[], OldFile | OldServer]


async def opened(location: Location) -> None:
    """As an engine does it at its start."""
    await dispose(await open_database(location, 250))

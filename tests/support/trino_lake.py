"""Asks Trino, as BI tools do."""

from typing import Any

from trino.dbapi import connect

from pipelines.base.settings import Settings


class Lake:
    """Answers questions through Trino, as BI tools do."""

    def __init__(self, chosen: Settings) -> None:
        self.trino = connect(host=chosen.trino.host, port=chosen.trino.port, user=chosen.trino.user, catalog="lake")

    def rows(self, sql: str) -> list[list[Any]]:
        cursor = self.trino.cursor()
        cursor.execute(sql)
        return list(cursor.fetchall())

    def one(self, sql: str) -> Any:
        return self.rows(sql)[0][0]

    def count(self, table: str, where: str = "true") -> int:
        exists = self.rows(f"SELECT 1 FROM lake.information_schema.tables WHERE table_schema || '.' || table_name = '{table}'")
        return int(self.one(f"SELECT count(*) FROM {table} WHERE {where}")) if exists else 0

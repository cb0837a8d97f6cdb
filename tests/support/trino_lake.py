"""Asks Trino, as BI tools do, and writes as its admin."""

from typing import Any

from stack.trino_client import answer, connected


class Lake:
    """Answers questions through Trino."""

    def __init__(self) -> None:
        self.trino = connected()

    def rows(self, sql: str) -> list[list[Any]]:
        cursor = self.trino.cursor()
        cursor.execute(sql)
        return list(cursor.fetchall())

    def one(self, sql: str) -> Any:
        return self.rows(sql)[0][0]

    def count(self, table: str, where: str = "true") -> int:
        exists = self.rows(f"SELECT 1 FROM lake.information_schema.tables WHERE table_schema || '.' || table_name = '{table}'")
        return int(self.one(f"SELECT count(*) FROM {table} WHERE {where}")) if exists else 0

    def write(self, sql: str) -> None:
        """Run a statement that changes something."""
        answer(sql, admin=True)

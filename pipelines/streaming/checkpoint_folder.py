"""The folder of a query's checkpoint, on whatever file system Hadoop knows by its URI."""

import re
from collections.abc import Sequence
from typing import Any, cast

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from pipelines.streaming.commits import Commits

# Everything of a checkpoint that Spark or Iceberg reads again lies so deep: metadata, the logs, and
# states and where sources began.
DEPTHS = ("*", "*/*", "*/*/*/*")
LISTED = re.compile(r"path=(.+?); isDirectory=(?:true|false; length=(\d+))")
# And what RocksDB's own files of states are called.
STATE_FILES = "state/*/*/SSTs/*"
# Hadoop's, for a file that is not what was written, or is not there.
TORN_OR_GONE = re.compile(r"ChecksumException|FileNotFoundException|NoSuchFileException")


class CheckpointFolder(Commits):
    """The files of the checkpoint of one query."""

    def __init__(self, spark: SparkSession, query: str) -> None:
        super().__init__(query)
        self.spark = spark

    def exists(self, name: str) -> bool:
        """Return whether there is a file or folder of that name."""
        return bool(self._files().exists(self._at(name)))

    def names(self, name: str) -> list[str]:
        """Return the names in a folder; none where there is no such folder."""
        if not self.exists(name):
            return []
        return [status.getPath().getName() for status in self._files().listStatus(self._at(name))]

    def lengths(self, depths: Sequence[str] = DEPTHS) -> dict[str, int]:
        """Return the length in bytes of every file that is read again, by its name."""
        as_text, files = cast(Any, self.spark._jvm).org.apache.commons.lang3.ArrayUtils.toString, self._files()
        # As one text: a call to Java for each of hundreds of files would take a second at a start.
        listed = "".join(as_text(files.globStatus(self._at(depth))) for depth in depths)
        of_folder = str(self._at("").toUri().getPath()).rstrip("/") + "/"
        found = ((path.partition(of_folder)[2], int(length)) for path, length in LISTED.findall(listed) if length)
        # What begins with a point was being written.
        return {name: length for name, length in found if not name.rpartition("/")[2].startswith(".")}

    def read(self, name: str) -> str:
        """Return a text file's content; raises ValueError where that is not what was written, or
        gone.
        """
        try:
            return self._content(name)
        except Py4JJavaError as error:
            if TORN_OR_GONE.search(str(error.java_exception.getClass().getName())):
                raise ValueError(str(error.java_exception.getMessage())) from error
            raise

    def _content(self, name: str) -> str:
        file = self._files().open(self._at(name))
        try:
            return bytes(file.readAllBytes()).decode()
        finally:
            file.close()

    def write(self, name: str, text: str) -> None:
        """Write a text file, over one that is there."""
        out = self._files().create(self._at(name), True)
        out.write(bytearray(text.encode()))
        out.close()

    def delete(self, name: str) -> None:
        """Remove a file, or a folder with all that is in it; also of a file that is gone the
        checksum, over which Spark stumbles when it writes the file again.
        """
        files, (folder, _, own) = self._files(), name.rpartition("/")
        files.delete(self._at(name), True)
        files.delete(self._at(f"{folder}/.{own}.crc"), True)

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        self._files().delete(self._hadoop().fs.Path(self.path), True)

    def _hadoop(self) -> Any:
        return cast(Any, self.spark._jvm).org.apache.hadoop

    def _at(self, name: str) -> Any:
        return self._hadoop().fs.Path(f"{self.path}/{name}")

    def _files(self) -> Any:
        configuration = cast(Any, self.spark)._jsc.hadoopConfiguration()
        return self._at("").getFileSystem(configuration)

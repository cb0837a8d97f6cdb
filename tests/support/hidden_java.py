"""Hides every JDK 17 of the machine from a test."""

from pathlib import Path

import pytest

from pipelines.base import java


def hide_java(patch: pytest.MonkeyPatch, empty: Path) -> None:
    """Let JAVA_HOME, the PATH and what stands for /usr/lib/jvm lead to an empty folder."""
    patch.setenv("JAVA_HOME", str(empty))
    patch.setenv("PATH", str(empty))
    patch.setattr(java, "INSTALLED_IN", empty)
    java.jdk17.cache_clear()

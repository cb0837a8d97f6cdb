"""Structured logs on standard error: readable lines on a terminal, JSON elsewhere or with
TIDEMARK_LOG=json.
"""

import os
import sys

import structlog


def configure() -> None:
    """Set up structlog for this process: UTC times, levels, one event per line."""
    plain = sys.stderr.isatty() and os.environ.get("TIDEMARK_LOG") != "json"
    renderer = structlog.dev.ConsoleRenderer() if plain else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        logger_factory=lambda *names: structlog.PrintLogger(sys.stderr),
    )


def get(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return the logger of a module."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(module=name)
    return logger

"""Structured log: JSON lines that carry one request id from web through outbox to task."""

from __future__ import annotations

import io
import logging
import sys
from contextvars import ContextVar
from typing import TextIO, cast

import structlog

request_id: ContextVar[str] = ContextVar("request_id", default="-")


def _with_request_id(
    _logger: object, _method: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    event.setdefault("request_id", request_id.get())
    return event


class _StandardError(io.TextIOBase):
    """Standard error as it is when a line is written: it may have been exchanged and closed."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def configure(*, level: int = logging.INFO) -> None:
    """Send structlog and the standard library's log as JSON lines to standard error."""
    shared: list[structlog.types.Processor] = [
        _with_request_id,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=cast("TextIO", _StandardError())),
    )
    handler = logging.StreamHandler(_StandardError())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)


log: structlog.stdlib.BoundLogger = structlog.get_logger()

"""What is wrong with a package, an IR or a value."""

from __future__ import annotations


class PipelineError(ValueError):
    """A pipeline, or a value given to it, that cannot be run; the text says why."""

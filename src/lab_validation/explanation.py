"""A failed check's own words, made a sentence that a person understands."""

from __future__ import annotations

from dataclasses import dataclass

from lab_diagnosis.stores import store_cause


@dataclass(frozen=True)
class Explainer:
    """Translates what libraries say; ``data_connection`` is its Secret as ``namespace/name``."""

    data_connection: str

    def __call__(self, text: str) -> str:
        """Return the sentence for an error of the object store's client, else ``text``."""
        if not text.startswith("botocore."):
            return text
        name = self.data_connection.rpartition("/")[2]
        cause = store_cause(f"{text} (Secret {name})")
        return f"The data connection {cause}" if cause else text

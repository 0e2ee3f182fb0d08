"""The errors of the workload: each one names what is wrong and where."""

from __future__ import annotations


class WorkloadError(Exception):
    """Anything that stops a step with a message meant for the reader of a log."""


class ConfigurationError(WorkloadError):
    """A setting that cannot be used; the message names the variable and the value."""


class DataError(WorkloadError):
    """Data that is not what it claims to be.

    The message says the file, then the row and the value where there is one.
    """

    def __init__(
        self,
        source: str,
        reason: str,
        *,
        row: int | None = None,
        column: str | None = None,
        value: object = None,
    ) -> None:
        self.source = source
        self.reason = reason
        self.row = row
        self.column = column
        self.value = value
        place = source
        if row is not None:
            place += f", row {row}"
        if column is not None:
            place += f", column {column}"
        shown = "" if value is None else f" (found {value!r})"
        super().__init__(f"{place}: {reason}{shown}")


class TruncatedFileError(DataError):
    """A file that ends before its header says it should, or is empty."""


class ForeignFileError(DataError):
    """A file of another kind, or with another checksum, than the one expected."""


class MissingColumnError(DataError):
    """A table without a column of the Kaggle layout."""


class LabelError(DataError):
    """A label that is not a digit from 0 to 9."""


class PixelError(DataError):
    """A pixel that is not a whole number from 0 to 255."""


class StorageError(WorkloadError):
    """Object storage refused or could not be reached."""


class CredentialsError(StorageError):
    """The access key or the secret key is wrong or missing, or not allowed to do this."""


class BucketMissingError(StorageError):
    """The bucket does not exist."""


class ObjectMissingError(StorageError):
    """The bucket has no such object."""


class EndpointError(StorageError):
    """Nothing answers at the endpoint, or its certificate is not trusted."""


class ExportError(WorkloadError):
    """The exported model is not valid, or not the model that was trained."""


class DrawingError(WorkloadError, ValueError):
    """A drawing that no digit can be read from."""


class InferenceError(WorkloadError):
    """A reply of the model server that holds no ten probabilities."""

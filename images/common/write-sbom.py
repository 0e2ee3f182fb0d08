"""Write the image's bill of materials (CycloneDX, JSON): system and Python packages.

Run in the image that it describes, by the interpreter of /opt/lab-build/tools:
``write-sbom.py NAME VERSION OUTPUT``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

SITE_PACKAGES = sorted(Path("/opt/lab/venv/lib").glob("python3*/site-packages"))


def system_packages() -> list[Component]:
    """Return what the base image's package manager has installed."""
    if shutil.which("dpkg-query"):
        kind, namespace = "deb", "debian"
        command = ["dpkg-query", "-W", "-f", "${binary:Package}\t${Version}\t${Architecture}\n"]
    else:
        kind, namespace = "rpm", "redhat"
        command = ["rpm", "-qa", "--qf", "%{NAME}\t%{VERSION}-%{RELEASE}\t%{ARCH}\n"]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    components = []
    for line in sorted(set(listing.splitlines())):
        name, version, architecture = line.split("\t")
        name = name.partition(":")[0]
        url = PackageURL(kind, namespace, name, version, {"arch": architecture})
        components.append(
            Component(
                type=ComponentType.LIBRARY,
                name=name,
                version=version,
                purl=url,
                bom_ref=url.to_string(),
            )
        )
    return components


def licence_of(distribution: Distribution) -> str | None:
    """Return the licence that a Python package declares, if it says so in a few words."""
    metadata = distribution.metadata
    text = metadata.get("License-Expression") or metadata.get("License") or ""
    return text if text and "\n" not in text and len(text) <= 80 else None


def python_packages() -> list[Component]:
    """Return the packages of the image's virtual environment."""
    components = {}
    for distribution in distributions(path=[str(path) for path in SITE_PACKAGES]):
        name = distribution.metadata["Name"].lower().replace("_", "-")
        url = PackageURL("pypi", None, name, distribution.version)
        licence = licence_of(distribution)
        components[url.to_string()] = Component(
            type=ComponentType.LIBRARY,
            name=name,
            version=distribution.version,
            purl=url,
            bom_ref=url.to_string(),
            licenses=[DisjunctiveLicense(name=licence)] if licence else None,
        )
    return [components[key] for key in sorted(components)]


def main(name: str, version: str, output: str) -> None:
    """Write the bill of materials of this root file system."""
    bom = Bom()
    bom.metadata.component = Component(
        type=ComponentType.CONTAINER, name=name, version=version, bom_ref=name
    )
    bom.metadata.properties.add(
        Property(name="lab:base", value=Path("/etc/os-release").read_text())
    )
    for component in [*system_packages(), *python_packages()]:
        bom.components.add(component)
    bom.register_dependency(bom.metadata.component, bom.components)
    path = Path(output)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(JsonV1Dot6(bom).output_as_string(indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:])

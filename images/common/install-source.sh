#!/bin/sh
# Compiles our own source where it lies, as the running container cannot write, checks that it
# imports, and enters it in the bill of materials: install-source.sh MODULE ...
set -eu

python=/opt/lab/venv/bin/python
"$python" -m compileall -q --invalidation-mode unchecked-hash /opt/lab/src
for module in "$@"; do
    "$python" -c "import importlib, sys; importlib.import_module(sys.argv[1])" "$module"
done

"$python" - "$IMAGE_NAME" "$IMAGE_VERSION" "$@" <<'PYTHON'
import json
import pathlib
import sys

image, version, *modules = sys.argv[1:]
path = pathlib.Path("/opt/lab/sbom.cdx.json")
bill = json.loads(path.read_text())
bill["metadata"]["component"] |= {"name": image, "version": version}
names = {module.partition(".")[0] for module in modules}
known = {component["name"] for component in bill["components"]}
bill["components"] += [
    {
        "bom-ref": f"{name}@{version}",
        "type": "application",
        "name": name,
        "version": version,
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    for name in sorted(names - known)
]
page = path.with_name("page.cdx.json")
if page.is_file():
    bill["components"] += json.loads(page.read_text()).get("components", [])
path.write_text(json.dumps(bill, indent=1))
PYTHON

#!/bin/sh
# Makes /opt/lab-tools, which later steps mount to install Python packages and to list them.
set -eu

here=$(dirname "$0")
. "$here/environment.sh"

"$here/install-packages.sh" --dnf "python3.11 python3.11-pip"
python=$(command -v python3.11)
"$python" -m venv /opt/lab-tools
/opt/lab-tools/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
    -r "$here/tools.lock"

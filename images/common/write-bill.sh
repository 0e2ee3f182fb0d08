#!/bin/sh
# Lists what an image without a virtual environment is made of: write-bill.sh NAME VERSION
set -eu

here=$(dirname "$0")
# shellcheck source=/dev/null
. "$here/environment.sh"
# shellcheck source=/dev/null
. "$here/tools.sh"
"$tools/bin/python" "$here/write-sbom.py" "$1" "$2" /opt/lab/sbom.cdx.json
remove_tools

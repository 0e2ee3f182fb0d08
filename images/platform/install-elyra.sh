#!/bin/sh
# Puts Elyra's bootstrapper and requirements where the pipeline server serves them from.
#
#   install-elyra.sh WORKBENCH_LOCK RUNTIME_LOCK
#
# The wheel is that of the workbench's lock file, its hash checked, and does not stay.
set -eu

here=$(dirname "$0")
# shellcheck source=/dev/null
. "$here/environment.sh"

scratch=$(mktemp -d)
sed -n '/^elyra==/,/^    # via/p' "$1" | grep -v '^    # via' >"$scratch/elyra.lock"
sed -i '$ s/ \\$//' "$scratch/elyra.lock"
python=$(command -v python3.11)
"$python" -m venv "$scratch/venv"
"$scratch/venv/bin/pip" download -q --disable-pip-version-check --no-deps --only-binary :all: \
    --require-hashes -r "$scratch/elyra.lock" -d "$scratch"
"$python" "$here/extract-elyra.py" "$scratch"/elyra-*.whl "$2" /opt/lab/elyra
chmod -R a+rX /opt/lab/elyra
rm -rf "$scratch"

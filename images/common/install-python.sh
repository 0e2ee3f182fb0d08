#!/bin/sh
# Installs a lock file, hashes checked, into the image's one virtual environment, compiled, and
# writable for group 0, to which every container's user belongs on OpenShift: `pip install` in a
# workbench or a step works, until the container ends. Then lists what the image is made of.
#
#   install-python.sh LOCK [NAME VERSION]
set -eu

here=$(dirname "$0")
# shellcheck source=/dev/null
. "$here/environment.sh"
# shellcheck source=/dev/null
. "$here/tools.sh"

lock=$1
environment=/opt/lab/venv
started=$(mktemp)

[ -x "$environment/bin/python" ] || "$tools/bin/uv" venv --python "$python" "$environment"
"$tools/bin/uv" pip install --python "$environment/bin/python" --require-hashes --strict -r "$lock"

# The large packages' own tests are never used at run time.
for tests in matplotlib/tests mpl_toolkits/*/tests pandas/tests scipy/*/tests scipy/*/*/tests \
    sklearn/*/tests sympy/*/tests networkx/*/tests networkx/*/*/tests; do
    # shellcheck disable=SC2086  # patterns
    rm -rf "$environment"/lib/python3*/site-packages/$tests
done

# Only what this layer brought: files of a layer below would be copied into this one.
find "$environment/lib" -name '*.py' -cnewer "$started" >"$started.list"
"$environment/bin/python" -m compileall -q -j 0 --invalidation-mode unchecked-hash \
    -i "$started.list" >/dev/null || true

find "$environment" ! -type l ! -perm -g=w -exec chmod g=u {} +

if [ $# -eq 3 ]; then
    "$tools/bin/python" "$here/write-sbom.py" "$2" "$3" /opt/lab/sbom.cdx.json
fi
rm -f "$started" "$started.list"
remove_tools

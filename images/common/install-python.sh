#!/bin/sh
# Installs a lock file, hashes checked, into the image's one virtual environment, compiled, as the
# running container cannot write.
#
#   install-python.sh LOCK
set -eu

. "$(dirname "$0")/environment.sh"

lock=$1
environment=${LAB_VENV:-/opt/lab/venv}
uv=/opt/lab-tools/bin/uv

if [ -d /run/lab-build/uv ]; then
    export UV_CACHE_DIR=/run/lab-build/uv
else
    export UV_NO_CACHE=1
fi
export UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1

[ -x "$environment/bin/python" ] || "$uv" venv --python "$(command -v python3.11)" "$environment"
"$uv" pip install --python "$environment/bin/python" --require-hashes --strict -r "$lock"

# The packages' own tests and their sources for compilers are never used at run time.
find "$environment/lib" -type d \( -name tests -o -name test -o -name testing_data \) \
    -path '*/site-packages/*' -prune -print | while read -r directory; do
    case $directory in
    */numpy/* | */onnx/backend/* | */tornado/*) ;;
    */matplotlib/tests | */pandas/tests | */scipy/*/tests | */sklearn/*/tests | */sympy/*/tests | \
        */networkx/*/tests | */mpl_toolkits/*/tests)
        rm -rf "$directory"
        ;;
    esac
done
"$environment/bin/python" -m compileall -q -j 0 --invalidation-mode unchecked-hash "$environment/lib" \
    >/dev/null || true

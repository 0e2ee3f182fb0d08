#!/bin/sh
# Compiles our own source where it lies, as the running container cannot write, and checks that
# it imports: install-source.sh MODULE ...
set -eu

python=/opt/lab/venv/bin/python
"$python" -m compileall -q --invalidation-mode unchecked-hash /opt/lab/src
for module in "$@"; do
    "$python" -c "import importlib, sys; importlib.import_module(sys.argv[1])" "$module"
done

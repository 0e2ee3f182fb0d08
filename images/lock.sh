#!/bin/sh
# Locks the Python packages of the images again: lock.sh [--upgrade]. `uv` must be on the PATH.
set -eu

cd "$(dirname "$0")/.."

compile() {
    uv pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 "$@"
}

compile "$@" images/common/tools.in -o images/common/tools.lock
compile "$@" images/platform/requirements.in -o images/platform/requirements.lock
compile "$@" images/serving/requirements.in -o images/serving/requirements.lock
compile "$@" images/inference/requirements.in -o images/inference/requirements.lock
compile "$@" images/inference/node.in -o images/inference/node.lock
compile "$@" images/runtime/requirements.in -o images/runtime/requirements.lock
compile "$@" -c images/runtime/requirements.lock images/workbench/requirements.in \
    -o images/workbench/requirements.lock
compile "$@" --no-deps images/workbench/kubectl.in -o images/workbench/kubectl.lock
compile "$@" -c images/runtime/requirements.lock --overrides images/runtime/overrides-cuda.txt \
    images/runtime/requirements-cuda.in \
    -o images/runtime/requirements-cuda.lock

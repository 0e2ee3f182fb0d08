# shellcheck shell=sh
# Sourced by the scripts beside it: how the building machine reaches its package registries, and
# its download caches. They are mounted for the time of the build and leave nothing in the image.
if [ -r /run/lab-build/environment ]; then
    # shellcheck source=/dev/null
    . /run/lab-build/environment
fi
if [ -d /run/lab-cache/uv ]; then
    export UV_CACHE_DIR=/run/lab-cache/uv PIP_CACHE_DIR=/run/lab-cache/pip
else
    export UV_NO_CACHE=1 PIP_NO_CACHE_DIR=1
fi
export UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1 PIP_NO_INPUT=1

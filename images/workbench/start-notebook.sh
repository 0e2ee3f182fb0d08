#!/bin/sh
# Starts JupyterLab as OpenShift AI's notebook images do: NOTEBOOK_ARGS holds the arguments that
# the dashboard sets, and what is mounted below /opt/app-root becomes Elyra's configuration.
set -eu

# Without a volume the root file system is read-only.
[ -w "$HOME" ] || export HOME=/tmp

metadata=${JUPYTER_DATA_DIR:-$HOME/.local/share/jupyter}/metadata
take_over() {
    for file in "$1"/*.json; do
        [ -e "$file" ] || continue
        mkdir -p "$metadata/$2"
        cp "$file" "$metadata/$2/"
        chmod 0600 "$metadata/$2/${file##*/}"
    done
}
take_over /opt/app-root/runtimes runtimes
take_over /opt/app-root/pipeline-runtimes runtime-images

# With what Elyra proves itself to the pipeline server, and verifies it.
export KF_PIPELINES_SA_TOKEN_PATH="${KF_PIPELINES_SA_TOKEN_PATH:-/var/run/secrets/kubernetes.io/serviceaccount/token}"
certificates=${KF_PIPELINES_SSL_SA_CERTS:-${PIPELINES_SSL_SA_CERTS:-${SSL_CERT_FILE:-}}}
[ -z "$certificates" ] || export KF_PIPELINES_SSL_SA_CERTS="$certificates"

# The arguments are words, JSON among them: nothing in them is a pattern. The port, Jupyter's own
# 8888, is among them: JupyterLab does not start where it is named twice.
set -f
# shellcheck disable=SC2086
exec jupyter lab --ServerApp.ip=0.0.0.0 --ServerApp.open_browser=False \
    --ServerApp.root_dir="$HOME" --ServerApp.allow_remote_access=True ${NOTEBOOK_ARGS:-} "$@"

# shellcheck shell=sh
# Sourced by the scripts beside it, after environment.sh and with $here set: makes what builds use
# and images do without (uv, the writer of bills of materials), once where builds share a cache.
python=$(command -v python3.11)
key=$({ cat "$here/tools.lock" /etc/os-release; "$python" -VV; } | sha256sum | cut -c1-16)
tools=/run/lab-cache/tools/$key
[ -d /run/lab-cache/tools ] || tools=$(mktemp -d)
if [ ! -e "$tools/.complete" ]; then
    rm -rf "$tools"
    "$python" -m venv "$tools"
    "$tools/bin/pip" install -q --disable-pip-version-check --require-hashes -r "$here/tools.lock"
    : >"$tools/.complete"
fi

remove_tools() {
    case $tools in
    /run/lab-cache/*) ;;
    *) rm -rf "$tools" ;;
    esac
}

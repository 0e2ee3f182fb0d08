#!/bin/sh
# Installs system packages with whichever package manager the base image has.
#
#   install-packages.sh --apt "NAME ..." --dnf "NAME ..."
set -eu

# shellcheck source=/dev/null
. "$(dirname "$0")/environment.sh"

apt_packages=
dnf_packages=
while [ $# -gt 0 ]; do
    case $1 in
    --apt) apt_packages=$2 ;;
    --dnf) dnf_packages=$2 ;;
    *)
        echo "unknown argument $1" >&2
        exit 2
        ;;
    esac
    shift 2
done

if command -v apt-get >/dev/null; then
    [ -n "$apt_packages" ] || exit 0
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    # shellcheck disable=SC2086  # a list of names
    apt-get install -y -q --no-install-recommends $apt_packages
    apt-get clean
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log \
        /var/log/alternatives.log /var/cache/debconf/*-old /usr/share/man /usr/share/locale
else
    [ -n "$dnf_packages" ] || exit 0
    manager=$(command -v dnf || command -v microdnf)
    # shellcheck disable=SC2086
    "$manager" install -y --setopt=install_weak_deps=0 --setopt=tsflags=nodocs $dnf_packages
    "$manager" clean all
    rm -rf /var/cache/dnf /var/cache/yum
fi

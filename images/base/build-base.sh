#!/bin/sh
# Makes the root file system that every image of the lab is built on where no base image can be
# pulled: a small Debian from the mirror that this machine itself is configured with.
#
#   build-base.sh ROOTFS.tar     write it (an existing file is left as it is)
#   build-base.sh --key          print what the result depends on, as one hash
#
# LAB_BASE_SUITE, LAB_BASE_MIRROR and LAB_BASE_PACKAGES override what the machine says.
set -eu

suite=${LAB_BASE_SUITE:-bookworm}
packages=${LAB_BASE_PACKAGES:-python3,python3-venv,ca-certificates,libstdc++6,tini}

mirrors() {
    # shellcheck disable=SC2016  # apt's own variables
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk -v suite="$suite" '$3 == "main" && ($2 == suite || index($2, suite "-") == 1)' | sort -u
}

main_mirror() {
    if [ -n "${LAB_BASE_MIRROR:-}" ]; then
        echo "$LAB_BASE_MIRROR"
    else
        mirrors | awk -v suite="$suite" '$2 == suite { print $1; exit }'
    fi
}

key() {
    { cat "$0"; echo "$suite $packages"; main_mirror; mirrors; } | sha256sum | cut -d' ' -f1
}

if [ "${1:-}" = --key ]; then
    key
    exit 0
fi

output=${1:?usage: build-base.sh ROOTFS.tar | --key}
[ ! -s "$output" ] || exit 0

mirror=$(main_mirror)
if [ -z "$mirror" ]; then
    echo "no apt source for Debian $suite is configured: add one, or set LAB_BASE_MIRROR" >&2
    exit 1
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/lab-base.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root

debootstrap --variant=minbase --include="$packages" "$suite" "$root" "$mirror" >&2

# The updates and security suites of the machine, so that the image is as patched as it is.
rm -f "$root/etc/apt/sources.list"
mirrors | while read -r uri release component; do
    echo "deb $uri $release $component"
done >"$root/etc/apt/sources.list.d/machine.list"
[ -s "$root/etc/apt/sources.list.d/machine.list" ] ||
    echo "deb $mirror $suite main" >"$root/etc/apt/sources.list.d/machine.list"
cat >"$root/etc/apt/apt.conf.d/90lab" <<'CONF'
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Retries "3";
CONF
cat >"$root/etc/dpkg/dpkg.cfg.d/90lab" <<'CONF'
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/locale/*
path-include=/usr/share/doc/*/copyright
CONF
cp /etc/resolv.conf "$root/etc/resolv.conf"
chroot "$root" apt-get update -q >&2
chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get upgrade -y -q >&2

chroot "$root" apt-get clean
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/log/* "$root"/tmp/* \
    "$root"/usr/share/man/* "$root"/usr/share/locale/* "$root"/etc/machine-id "$root"/etc/hostname \
    "$root/etc/resolv.conf"
find "$root/usr/share/doc" -type f ! -name copyright -delete
find "$root/usr/share/doc" -depth -type d -empty -delete
find "$root/usr/share/doc" -type l -delete
find "$root/usr/lib/python3" "$root/usr/lib/python3.11" -name __pycache__ -prune -exec rm -rf {} +
chroot "$root" python3 -m compileall -q --invalidation-mode unchecked-hash /usr/lib/python3.11 >/dev/null 2>&1 || true

mkdir -p "$(dirname "$output")"
tar -C "$root" --numeric-owner --sort=name --mtime=@0 --exclude='./dev/*' --exclude='./proc/*' \
    --exclude='./sys/*' -cf "$output.part" .
mv "$output.part" "$output"

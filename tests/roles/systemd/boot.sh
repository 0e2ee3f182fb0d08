#!/bin/sh
# Boots a root file system with systemd as PID 1 of namespaces of its own: a machine beside the
# machine, with its own processes, mounts, network and control groups.
#
#   boot.sh ROOT NAME CACHE TREE     CACHE and TREE are seen inside at the same path and at /srv/lab
#
# Runs until the machine goes off. Its control groups bear NAME; who started this removes them.
set -eu
root=$1 name=$2 cache=$3 tree=$4

# In a group of its own in every hierarchy, whose root is all that the machine then sees.
for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*; do
    [ -w "$hierarchy/cgroup.procs" ] || continue
    mkdir -p "$hierarchy/$name"
    for setting in cpuset.cpus cpuset.mems; do
        [ ! -e "$hierarchy/$setting" ] || cat "$hierarchy/$setting" >"$hierarchy/$name/$setting"
    done
    echo $$ >"$hierarchy/$name/cgroup.procs"
done

# The programs of the machine need no privilege that root does not have; the mounts are its own.
# shellcheck disable=SC2016  # the inner shell's variables
exec unshare --cgroup --mount --uts --ipc --net --pid --fork --propagation private sh -euc '
root=$1 name=$2 cache=$3 tree=$4
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
    mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
    for hierarchy in /sys/fs/cgroup/*; do
        [ -d "$hierarchy" ] && [ ! -L "$hierarchy" ] || continue
        kind=${hierarchy##*/}
        mkdir "$root$hierarchy"
        case $kind in
            unified) mount -t cgroup2 cgroup2 "$root$hierarchy" ;;
            systemd) mount -t cgroup -o none,name=systemd cgroup "$root$hierarchy" ;;
            *) mount -t cgroup -o "$kind" cgroup "$root$hierarchy" ;;
        esac
    done
fi
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty kmsg fuse; do
    [ -e "/dev/$device" ] || continue
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for number in 0:stdin 1:stdout 2:stderr; do
    ln -s "/proc/self/fd/${number%:*}" "$root/dev/${number#*:}"
done
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mkdir -p "$root$cache" "$root/srv/lab" "$root/outside"
mount --bind "$cache" "$root$cache"
mount --bind "$tree" "$root/srv/lab"
ip link set lo up
hostname "$name"
cd "$root"
pivot_root . outside
umount -l /outside
export container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb
exec /lib/systemd/systemd --log-target=console --log-level=notice
' sh "$root" "$name" "$cache" "$tree"

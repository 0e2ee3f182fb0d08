# Sourced by the scripts beside it: how this machine reaches its package registries. The role
# lab_images mounts the file for the time of the build only, so nothing of it stays in an image.
if [ -r /run/lab-build/environment ]; then
    . /run/lab-build/environment
fi

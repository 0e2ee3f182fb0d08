"""Builds the lab's container images with buildah and hands them to a cluster's containerd."""

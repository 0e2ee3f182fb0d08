"""Keeps volumes that are directories of the node to the size that was claimed for them."""

"""Fetches models from object storage and has the model server load, replace and unload them."""

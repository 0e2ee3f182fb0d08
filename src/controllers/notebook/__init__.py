"""The controller of Notebook."""

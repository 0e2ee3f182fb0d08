"""The controller of ImageStream."""

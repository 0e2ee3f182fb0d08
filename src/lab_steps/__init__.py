"""The lab's steps: which there are, and what shows that one is done."""

"""The Git repository that a learner clones, served inside the cluster over HTTP."""

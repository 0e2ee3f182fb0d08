"""The pipeline IR: packages, checks, parameters, conditions; pure functions.

Messages come from the ``kfp-pipeline-spec`` protobufs.
"""

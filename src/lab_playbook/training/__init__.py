"""The action ``lab_training``: the learner's pipeline submitted and followed, its model checked."""

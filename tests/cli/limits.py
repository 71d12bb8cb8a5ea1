"""Limits of the system on a child, as subprocess takes them."""

import os
import resource


def limited(kind, size):
    return lambda: resource.setrlimit(kind, (size, size))


def full_disk(size, environment=os.environ):
    """Options: a write beyond `size` bytes of a file fails, as on a full disk. The profile of a build that is measured
    would meet the limit too: none is written."""
    return {
        "preexec_fn": limited(resource.RLIMIT_FSIZE, size),
        "env": {**environment, "LLVM_PROFILE_FILE": "/dev/null"},
    }

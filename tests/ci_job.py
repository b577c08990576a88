"""What tests of a job in CI share: a kernel that is right, and one that is not."""

KERNEL = """
import os
import numpy as np

def attend(q, k, v):
    k, v = (np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v))
    scores = q @ k.swapaxes(-1, -2) / np.float32(np.sqrt(q.shape[-1]))
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ v
"""
WRONG = KERNEL.replace("weights.sum(-1", "weights.max(-1")
LAWS = "weights/sum-to-one\nweights/negated-values"
"""The first breaks for WRONG; a kernel that is right holds both."""

GH = """#!/bin/sh
echo "$@" >> asked
echo "$MARK" >> asked
cat >> asked
case "$*" in *--paginate*) [ ! -e known ] || cat known;; esac
[ ! -e ends ] || exit $(cat ends)
"""
"""A gh that writes down what it is asked. Files beside it say which comments it finds and how it ends, where they are there."""

"""Sweeps: plan trials, estimate how long they take, and train those that are missing."""

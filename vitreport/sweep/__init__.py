"""Sweeps: plan trials, tell how long they take, and train what is missing of them."""

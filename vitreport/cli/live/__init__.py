"""A training and a sweep as they happen."""

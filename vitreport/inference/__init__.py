"""Trained models that classify images."""

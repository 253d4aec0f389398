"""Augmentation of whole batches on the device, each image with parameters of its own."""

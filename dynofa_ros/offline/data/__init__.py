"""Labelled images: readers, augmentation, batches."""

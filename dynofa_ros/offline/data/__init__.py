"""Labelled images: data sets, readers, augmentation and batches."""

"""Synthetic data: corruptions, outliers and their textures."""

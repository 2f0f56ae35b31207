"""Drawn data: corruptions, outliers and their textures."""

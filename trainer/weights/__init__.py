"""Weights in files: checkpoints, Paddle's and PyTorch's formats, initial ones."""

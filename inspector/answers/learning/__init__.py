"""What models show before they may serve."""

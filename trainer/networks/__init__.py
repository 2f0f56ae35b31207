"""The networks: backbones, heads, the reject model."""

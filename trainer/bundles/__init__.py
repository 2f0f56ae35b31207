"""Models to bundles and back: export, import, predict."""

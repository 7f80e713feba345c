"""Looking at a training from beside: samples of a fixed seed, and signs that something goes wrong."""

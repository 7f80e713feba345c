"""``text/rnn``: a recurrent language model, its training, its sampling, and its face for transformers."""

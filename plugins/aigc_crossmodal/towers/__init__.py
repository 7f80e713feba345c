"""The two towers of a joint embedding: pictures on one side, texts on the other."""

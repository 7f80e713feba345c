"""What is told of a training afterwards, from what it left behind: the model card and the report."""

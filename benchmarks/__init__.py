"""What is measured, by question: a folder each, with a README that names the command and the last result."""

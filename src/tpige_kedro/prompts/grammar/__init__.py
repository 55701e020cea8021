"""Finds the person of a prompt by grammar: noun phrases, weighed by what they look like, do, wear and own."""

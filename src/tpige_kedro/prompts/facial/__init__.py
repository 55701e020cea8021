"""What is known to be facial: a lexicon (``words/*.txt``), a grammar of its phrases (``grammar.txt``), and the check of additions."""

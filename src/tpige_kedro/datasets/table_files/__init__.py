"""Tables as files from other people and for spreadsheets: encodings, separators, column names, cells."""

"""Tables as files of other people and for spreadsheets: encodings, separators, column names, cells."""

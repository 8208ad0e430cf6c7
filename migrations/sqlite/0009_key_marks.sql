-- What must stay the same for as long as the books do, by a mark that tells whether it did and tells nothing else.

CREATE TABLE key_marks (
    name TEXT PRIMARY KEY,
    mark TEXT NOT NULL
) STRICT, WITHOUT ROWID;

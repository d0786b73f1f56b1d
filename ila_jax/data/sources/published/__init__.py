"""Data sets of the field by their own published files, one module each.

Each opens `FOLDER@PART`: the folder of the files as they are distributed, and one of the data set's
parts (`parts.py`). Videos are looked for below `data.root`. Kinds that one file tells, such as
Something-Something's JSON, are in the room above.
"""

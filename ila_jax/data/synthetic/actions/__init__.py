"""Actions with objects: a drawn data set like the ones that people bring, to try fine-tuning on.

`plan.py` decides what each file is, `play.py` and `actions.py` where everything is in each frame,
`scene.py` and the files of its parts what it looks like, and `making.py` writes the files.
"""

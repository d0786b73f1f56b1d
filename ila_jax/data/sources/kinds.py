"""The kinds of data sets, as the help of commands and the error of an unknown one list them."""

SOURCE_KINDS = """\
  FILE            told apart by what is in it:
                  `path label` or `path,label` a line, the label a number counted from 0;
                  Kinetics' CSV: label,youtube_id,time_start,time_end,split;
                  Something-Something v2's JSON: a list of objects with id and template
  DIR             a folder for each class
  tfds:NAME/CONFIG:VERSION@SPLIT   a TFDS data set with encoded videos; CONFIG, VERSION optional
  prepared:DIR@SPLIT   what python -m ila_jax.data.prepare made
  split:FILE@SPLIT   a split that python -m ila_jax.data.split made of your own videos"""

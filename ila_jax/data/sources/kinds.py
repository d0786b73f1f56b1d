"""The kinds of data sets, as the help of commands and the error of an unknown one list them."""

import argparse

SOURCE_KINDS = """\
  FILE            told apart by what is in it:
                  `path label` or `path,label` a line, the label a number counted from 0;
                  Kinetics' CSV: label,youtube_id,time_start,time_end,split;
                  Something-Something v2's JSON: a list of objects with id and template
  DIR             a folder for each class
  tfds:NAME/CONFIG:VERSION@SPLIT   a TFDS data set with encoded videos; CONFIG, VERSION optional
  prepared:DIR@SPLIT   what python -m ila_jax.data.prepare made
  split:FILE@SPLIT   a split that python -m ila_jax.data.split made of your own videos
  hmdb51:DIR@train1, ucf101:DIR@train1   also test1, train2, …; DIR has the data set's own lists
  kinetics:DIR@train, diving48:DIR@train, charades:DIR@train   also validation, or test
  zsl220:DIR@test1   Kinetics-600's new classes, also test2, test3"""


def add_list(parser: "argparse._ActionsContainer") -> None:
    """Adds what a FILE leaves open: the arguments `root` and `class_names` of `open_source`.

    parser: a parser, or a group of one.
    """
    add = parser.add_argument
    add("--root", default="", metavar="DIR", help="folder that the paths of a list start from")
    add(
        "--class-names",
        metavar="FILE",
        help="of a list that names none, or of published annotations in another order or spelling: "
        "a name a line, id,name, or JSON",
    )

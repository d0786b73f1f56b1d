"""Small data sets in the published formats, with drawn videos or files that hold their names."""

import json
from collections.abc import Callable
from pathlib import Path

Draw = Callable[[Path, str], None]  # makes the file of a clip of a class

# (class as the lists spell it, its name in words)
HMDB = ("brush_hair", "climb_stairs", "wave")
UCF = ("ApplyEyeMakeup", "HandstandPushups", "YoYo")
DIVES = [["Back", "15som", "05Twis", "FREE"], ["Forward", "NoTwis", "PIKE"]]


def name_file(path: Path, name: str) -> None:
    """A file that holds its own name, so that what is read tells which file it was."""
    path.write_bytes(path.name.encode())


def put(path: Path, content: object) -> None:
    """Writes a text as it is, and anything else as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def _videos(files: dict[str, str], root: Path, draw: Draw) -> None:
    """The videos of {path below the root: class}."""
    for file, name in files.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        draw(root / file, name)


def hmdb51(folder: Path, *, draw: Draw = name_file, clips: int = 3) -> tuple[Path, Path]:
    """(lists, videos): of each class and split so many clips to train on, 2 to test, 1 unused.

    Every split begins elsewhere in the clips, as the three official ones do.
    """
    lists, root = folder / "testTrainMulti_7030_splits", folder / "hmdb51_org"
    files = {}
    for name in HMDB:
        own = [f"Take_{k}_{name}_f_cm_np1_fr_med_{k}.avi" for k in range(clips + 3)]
        files |= {f"{name}/{file}": name for file in own}
        marks = [1] * clips + [2, 2, 0]
        for split in (1, 2, 3):
            turned = marks[-split:] + marks[:-split]
            # As distributed: a blank behind the number, and lines end as Windows' do.
            lines = [f"{file} {mark} \r\n" for file, mark in zip(own, turned, strict=True)]
            put(lists / f"{name}_test_split{split}.txt", "".join(lines))
    _videos(files, root, draw)
    return lists, root


def ucf101(folder: Path, *, draw: Draw = name_file, clips: int = 2) -> tuple[Path, Path]:
    """(lists, videos): of each class and split so many clips to train on, and 1 to test."""
    lists, root = folder / "ucfTrainTestlist", folder / "UCF-101"
    put(lists / "classInd.txt", "".join(f"{k} {name}\r\n" for k, name in enumerate(UCF, 1)))
    files = {}
    for split in (1, 2, 3):
        train, test = [], []
        for k, name in enumerate(UCF, 1):
            # The official files spell one class in two ways.
            spelled = name.replace("Handstand", "HandStand")
            own = [f"{name}/v_{spelled}_g{g:02}_c01.avi" for g in range(1, clips + 4)]
            files |= dict.fromkeys(own, name)
            test.append(own[split - 1])
            train += [f"{file} {k}" for file in own if file != own[split - 1]][:clips]
        put(lists / f"trainlist0{split}.txt", "\r\n".join(train) + "\r\n")
        put(lists / f"testlist0{split}.txt", "\r\n".join(test) + "\r\n")
    _videos(files, root, draw)
    return lists, root


def zsl220(folder: Path, *, draw: Draw = name_file) -> tuple[Path, Path]:
    """(lists, videos): six classes, three sets of two of them, and two videos of each class."""
    lists, root = folder / "zsl220", folder / "videos"
    names = ["abseiling", "zumba", "arguing", "bull fighting", "capsizing", "fly tying"]
    put(lists / "classes620_label_defn.json", [{"word": name, "defn": "…"} for name in names])
    put(lists / "tst_class_idxs.json", [[2, 4], [3, 5], [5, 2]])
    videos = {f"{'AB'[v]}{k}aaaaaaaaa_000010_000020.mp4": k for k in range(6) for v in (0, 1)}
    put(
        lists / "tst_video_metas.jsonl",
        "".join(
            json.dumps({"videoname": file, "nframes": 300, "label": label}) + "\n"
            for file, label in videos.items()
        ),
    )
    # One of the last class is not among the test videos.
    put(lists / "tst_video_names.json", [*videos][:-1])
    _videos({f"test/{file}": names[label] for file, label in videos.items()}, root, draw)
    return lists, root


def diving48(folder: Path, *, draw: Draw = name_file) -> tuple[Path, Path]:
    """(lists, videos): two dives, two clips of each to train on and one to test."""
    lists, root = folder / "annotations", folder / "rgb"
    put(lists / "Diving48_vocab.json", DIVES)
    entries = [
        {"vid_name": f"_8Vy3dlHg2w_0000{k}", "label": k % 2, "start_frame": 0, "end_frame": 12 + k}
        for k in range(6)
    ]
    put(lists / "Diving48_V2_train.json", entries[:4])
    put(lists / "Diving48_V2_test.json", entries[4:])
    _videos({f"{e['vid_name']}.mp4": DIVES[e["label"]][0] for e in entries}, root, draw)
    return lists, root


CHARADES = "id,subject,scene,quality,relevance,verified,script,objects,descriptions,actions,length"


def charades(folder: Path, *, draw: Draw = name_file, clips: int = 4) -> tuple[Path, Path]:
    """(lists, videos): three actions; so many videos to train on, one without any, 2 to test."""
    lists, root = folder / "Charades", folder / "Charades_v1_480"
    names = ["Holding some clothes", "Putting clothes somewhere", "Taking a phone/camera"]
    put(lists / "Charades_v1_classes.txt", "".join(f"c{k:03} {n}\n" for k, n in enumerate(names)))
    some = ["c000 0.00 12.60;c002 3.10 5.00", "c001 11.90 21.20", "", "c002 0.00 1.0;c002 3.0 4.0"]
    files = {}
    for part, count in (("train", clips), ("test", 2)):
        rows = []
        for k in range(count):
            video = f"{part[:2].upper()}{k:03}"
            files[f"{video}.mp4"] = "none"
            script = '"A person says ""no"", then leaves."'
            rows.append(f"{video},S1,Kitchen,6,7,Yes,{script},bag;shoe,,{some[k % 4]},30.62")
        put(lists / f"Charades_v1_{part}.csv", "\n".join([CHARADES, *rows]) + "\n")
    _videos(files, root, draw)
    return lists, root

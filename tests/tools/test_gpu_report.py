"""The report of a GPU: its rows, how their processes take turns, its tables; on a CPU, tiny."""

import json
import sys

import pytest

from tools.gpu_report import __main__ as gpu_report
from tools.gpu_report import child as child_module
from tools.gpu_report import timing
from tools.gpu_report.child import Children
from tools.gpu_report.rows import KINDS, Row, planned
from tools.gpu_report.tables import tables

OPTIONS = {"frames": 8, "batch": None, "dtype": "bfloat16", "remat": None, "steps": 7}
# A row's process that measures nothing; the size of its row says how it behaves.
FAKE = """
import json, sys, time
row = json.loads(sys.argv[1])
size = row["size"]
if size == "fails early":
    raise ValueError("no such thing")
if size == "compiles":
    time.sleep(600)
print("@ready", flush=True)
assert sys.stdin.readline() == "go\\n"
print("@result " + json.dumps({"clips_per_second": 1.0, "parts": {"a": {"macs": 1}}}), flush=True)
if size == "hangs":
    time.sleep(600)
if size == "full" and row["batch"] > 2:
    raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 1 byte")
print("@result " + json.dumps({"parts": {"b": {"macs": 2}}}), flush=True)
"""


def row(kind="train", size="L/14", **changes):
    values = {"frames": 8, "batch": 8, "dtype": "bfloat16", "remat": "dots", "steps": 7} | changes
    return Row(kind=kind, size=size, **values)


@pytest.fixture
def measured(monkeypatch):
    """Runs rows of the fake process; their children, and the names in the order they finished."""
    monkeypatch.setattr(child_module, "COMMAND", [sys.executable, "-c", FAKE])

    def run(sizes, **options):
        finished = []
        options = {"ahead": 1, "limit": 60.0, "budget": 60.0} | options
        children = Children(
            [row(size=size) for size in sizes],
            changed=lambda: None,
            done=lambda child, seconds: finished.append(child.row.size),
            **options,
        )
        children.run()
        return children, finished

    return run


def test_the_most_telling_rows_come_first():
    rows = planned(["L/14", "B/32", "B/16"], KINDS, profile=True, **OPTIONS)
    assert [r.kind for r in rows[:5]] == ["rate", "torch-train", "train", "torch-infer", "infer"]
    assert {r.size for r in rows[:5]} == {"L/14"}
    assert len({r.name for r in rows}) == len(rows)
    assert [r.kind for r in rows if r.profile] == ["train"] * 3


def test_rounds_take_turns_and_measure_parts_once():
    kinds = ["train", "torch-train", "parts"]
    rows = planned(["B/32"], kinds, profile=True, rounds=3, **OPTIONS)
    models = [(r.kind, r.round) for r in rows if r.kind != "parts"]
    assert models == [(kind, at) for at in range(3) for kind in ("torch-train", "train")]
    assert [r.round for r in rows if r.kind == "parts"] == [0]
    assert [r.round for r in rows if r.profile] == [0]
    assert len({r.name for r in rows}) == len(rows)


def test_only_the_kinds_that_are_asked_for():
    rows = planned(["B/32"], ["rate", "infer"], profile=True, **OPTIONS | {"batch": 2})
    assert [(r.kind, r.batch) for r in rows] == [("rate", 2), ("infer", 2)]


def test_rows_keep_what_they_told_whatever_happens(measured):
    children, finished = measured(["good", "fails early", "good"])
    assert finished == ["fails early", "good", "good"]
    first, bad, last = (child.entries for child in children.children)
    assert first == last
    assert set(first["parts"]) == {"a", "b"}
    assert "error" not in first
    assert bad["error"].startswith("ValueError: no such thing")


def test_a_row_that_hangs_is_stopped_and_the_next_one_measured(measured):
    children, _ = measured(["hangs", "good"], limit=5.0)
    hung, good = (child.entries for child in children.children)
    assert hung["clips_per_second"] == 1
    assert hung["error"].startswith("stopped after 5 s")
    assert "error" not in good


def test_what_still_compiles_is_ended_before_anything_is_measured(measured):
    """Its compiler would try kernels on the device meanwhile, and take the processor."""
    children, finished = measured(["good", "compiles"], limit=5.0)
    assert finished == ["compiles", "good"]
    good, compiling = (child.entries for child in children.children)
    assert compiling["error"].startswith("not compiled in time, within 5 s")
    assert "error" not in good


def test_a_row_without_memory_is_measured_with_half_the_batch(measured):
    children, _ = measured(["full", "good"])
    batches = [(child.row.size, child.row.batch) for child in children.children]
    assert batches == [("full", 8), ("good", 8), ("full", 4), ("full", 2)]
    errors = ["error" in child.entries for child in children.children]
    assert errors == [True, False, True, False]


def test_rows_without_time_are_left_out(measured):
    children, finished = measured(["hangs", "good", "good"], budget=2.0, ahead=0)
    assert finished == ["hangs"]
    assert [r.size for r in children.left_out] == ["good", "good"]


ROWS = [
    {"name": "rate", **vars(row("rate")), "matmul_flops": 8e14},
    {"name": "a", **vars(row("train")), "clips_per_second": 100.0, "flops_per_clip": 2e12,
     "spread": 0.01, "peak_gib": 40.0, "plan_gib": 44.0, "step_ms": 80.0,
     "parts_ms": {"MLP": 30.0, "attention": 10.0}},
    {"name": "b", **vars(row("torch-train")), "clips_per_second": 80.0, "spread": 0.02},
    {"name": "c", **vars(row("parts")), "parts": {
        "MLP": {"macs": 4e11, "forward_ms": 2.0, "both_ms": 6.0}, "x": {"error": "E: no"}}},
    {"name": "d", **vars(row("torch-parts")), "parts": {
        "MLP": {"forward_ms": 3.0, "both_ms": 7.0}}},
    {"name": "e", **vars(row("infer")), "error": "ValueError: too small\nand more"},
]  # fmt: skip


def test_tables_hold_ratios_and_shares():
    models, parts, profile, failed = tables(ROWS, "a device")
    columns = dict(zip(models.header, zip(*models.cells, strict=True), strict=True))
    assert columns["of PyTorch"] == ("1.25", "–")
    assert columns["TFLOP/s"] == ("200.0", "160.0")
    assert columns["of matmul"] == ("25%", "20%")
    assert parts.cells == [["MLP", "2.000", "50%", "6.000", "50%", "3.000", "7.000"]]
    assert parts.notes == ["x: E: no"]
    assert profile.cells == [["MLP", "30.00", "75.0%"], ["attention", "10.00", "25.0%"]]
    assert failed.cells == [["e", "ValueError: too small"]]


def test_of_several_rounds_a_table_has_medians():
    def told(kind, speeds):
        return [
            {"name": f"{kind} {at}", **vars(row(kind, round=at)), "clips_per_second": speed,
             "host_gib": at + 1.0, "spread": 0.0}
            for at, speed in enumerate(speeds)
        ]  # fmt: skip

    failed = {"name": "f", **vars(row("train", round=3)), "error": "E: no"}
    rates = [
        {"name": "r", **vars(row("rate", round=at)), "matmul_flops": flops}
        for at, flops in enumerate([1e11, 4e11])
    ]
    rows = [*told("train", [9.0, 12.0, 30.0]), failed, *told("torch-train", [6.0, 7.0, 5.0])]
    models, failures = tables([*rates, *rows], "a device")
    assert "0.4 TFLOP/s" in models.notes[1]
    columns = dict(zip(models.header, zip(*models.cells, strict=True), strict=True))
    assert columns["what"] == ("train", "torch-train")
    assert columns["clips/s"] == ("12.0", "6.0")
    assert columns["of PyTorch"] == ("2.00", "–")
    assert columns["host GiB"] == ("3.0", "3.0")
    assert columns["spread"] == ("175.0%", "33.3%")
    assert failures.cells == [["f", "E: no"]]


def _report(tmp_path, *kinds):
    """What the command writes for a tiny model on this CPU."""
    output = tmp_path / "report.json"
    tiny = ["--sizes", "tiny", "--frames", "2", "--batch", "2", "--dtype", "float32"]
    once = ["--steps", "1", "--budget", "900", "--limit", "600", "--ahead", "0"]
    gpu_report.main([*tiny, *once, "--kinds", *kinds, "--output", str(output)])
    written = json.loads(output.read_text())
    assert not [r["error"] for r in written["rows"] if "error" in r]
    return {r["kind"]: r for r in written["rows"]}


def test_a_tiny_model_is_compared_with_pytorch(tmp_path, capsys):
    pytest.importorskip("torch")
    rows = _report(tmp_path, "rate", "infer", "torch-infer")
    assert rows["infer"]["finite"]
    assert min(rows[kind]["clips_per_second"] for kind in ("infer", "torch-infer")) > 0
    printed = capsys.readouterr().out
    assert "of PyTorch" in printed
    assert "Not measured" not in printed


@pytest.mark.slow
def test_training_and_parts_of_a_tiny_model(tmp_path):
    pytest.importorskip("torch")
    rows = _report(tmp_path, "rate", "train", "torch-train", "parts", "torch-parts")
    train = rows["train"]
    assert 0 < train["loss"] < 100
    assert min(train[key] for key in ("compile_s", "plan_gib", "estimate_gib", "xla_gib")) > 0
    parts = {"attention", "MLP, backward", "interaction, backward", "point prediction", "optimizer"}
    assert parts <= train["parts_ms"].keys()
    failed = {name for name, part in rows["parts"]["parts"].items() if "error" in part}
    assert failed == set()
    assert rows["torch-parts"]["parts"].keys() < rows["parts"]["parts"].keys()


def test_long_calls_are_timed_one_by_one_after_the_first(monkeypatch):
    clock, takes = [0.0], iter([30.0, 2.0, 4.0, 3.0])
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])

    def call():
        clock[0] += next(takes)

    assert timing.sampled(call, lambda: None, samples=3) == [2.0, 4.0, 3.0]
    assert next(takes, None) is None


def test_short_calls_are_timed_several_at_a_time(monkeypatch):
    clock, calls = [0.0], []
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])

    def call():
        calls.append(None)
        clock[0] += 0.03 if len(calls) > 2 else 0.5

    assert timing.sampled(call, lambda: None, samples=2) == pytest.approx([0.03, 0.03])
    assert len(calls) == 2 + 1 + 2 * 4

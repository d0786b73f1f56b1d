"""The sections of a run's configuration, as frozen dataclasses; `model` is in `model.py`.

A field without a default is a choice that every configuration has to make: the paper sets it. A
field with one came later or concerns few; a configuration or a run of an earlier version, which
lacks it, loads with the default.
"""

from dataclasses import dataclass
from typing import Literal

from ila_jax.config.model import ModelConfig


@dataclass(frozen=True, kw_only=True)
class InitialConfig:
    """What a run starts from when its folder holds no checkpoint yet; see `train/start.py`.

    resume: folder of a run to go on from. pretrained: folder of weights. scratch: noise will do.
    reset_head: with pretrained weights of other classes, a fresh linear head.
    """

    pretrained: str | None
    scratch: bool
    resume: str | None = None
    reset_head: bool = False


@dataclass(frozen=True, kw_only=True)
class MotionPairsConfig:
    """The quickstart's videos, made in the folder `data.root` when missing (motion-pairs.md).

    train_clips, validation_clips: how many, reversals included. seed: of all that is drawn. layout:
    one object in the middle, or one that moves among others that do not, anywhere in the frame, for
    a camera that rests or one that moves.
    """

    train_clips: int
    validation_clips: int
    seed: int
    # The quickstart's, and all that there was before the others.
    layout: Literal["middle", "scattered", "scattered_moving_camera"] = "middle"


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Where the videos are and how frames are taken from them (data.md).

    train, validation: any kind that `data/sources/opening.py` knows, such as an annotation list.
    root: folder of the videos. class_names: file with a name a line, or JSON; None takes the names
    that the annotations carry. mirror: JSON file of what classes become when mirrored, None reads
    it from their names (`data/sources/mirror.py`). sampling: `segments` takes one random frame of
    each of T equal segments; `interval` the same fixed intervals in every epoch; `dense` T frames
    `stride` apart from a random one on.
    on_bad_video: whether a neighbour of its class takes the place of one that cannot be read.
    threads, processes: of the loader, per host; the batches do not depend on them.
    max_bad_fraction: a run stops when more of its videos than this cannot be read.
    time_limit: seconds for reading and decoding one video. With processes one that takes longer is
    a bad video; with threads alone it ends the run, naming the file.
    square_pixels: whether video whose pixels are not square (anamorphic: DV, DVD, HDV) is resized
    to the shape that a player shows; not, as the released models saw it, to that of the stored one.
    cached_views: with a frozen image tower, of so many fixed clips of each training video what the
    tower gives is computed once, kept in the run's folder, and trained from; 0 is off.
    """

    train: str
    validation: str
    class_names: str | None
    root: str
    sampling: Literal["segments", "interval", "dense"]
    on_bad_video: Literal["replace", "fail"]
    max_bad_fraction: float
    threads: int
    processes: int
    time_limit: float = 60.0
    motion_pairs: MotionPairsConfig | None = None
    stride: int | None = None
    mirror: str | None = None
    square_pixels: bool = False
    # The papers train on clips that are drawn anew in each epoch.
    cached_views: int = 0


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """Training augmentation (training.md). Probabilities, and strengths as PyTorch counts them.

    scales: of MultiScaleCrop, as shares of the short side; none for the middle square, which
    validation takes. flip, jitter, grayscale: probabilities; a flip is label-aware. mixup, cutmix:
    parameter of the Beta that λ is drawn from, 0 is off. label_smoothing: share of a target that is
    spread over all classes. randaugment_layers: so many operations of RandAugment a clip, 0 is off;
    randaugment_magnitude, randaugment_deviation: their strength, on timm's scale of 10, and what it
    is drawn with. erasing: probability of a box of noise, the same in all frames.
    """

    scales: tuple[float, ...]
    flip: float
    jitter: float
    brightness: float
    contrast: float
    saturation: float
    hue: float
    grayscale: float
    mixup: float
    cutmix: float
    label_smoothing: float
    # The paper has neither. VideoMAE's values, for whoever turns them on: 4 layers of these, 0.25.
    randaugment_layers: int = 0
    randaugment_magnitude: float = 7.0
    randaugment_deviation: float = 0.5
    erasing: float = 0.0


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """The optimizer, its learning rate by step, and which parameters it trains.

    groups: name of a table in `train/parameter_groups.py`, which has each parameter's factor of the
    learning rate. rate, minimal_rate: the learning rate at the end of the warm-up, and in the last
    step. clip_norm: of the gradients' global norm; 0 is off. betas, eps: of Adam. name: of a row in
    `train/optimizers.py`. trained_blocks: how many of the image tower's blocks train, from the last
    on; what lies before them is frozen, and with 0 the whole tower, what the temporal model adds
    included. None leaves it to the groups. layer_decay: what a block's learning rate is multiplied
    with to give that of the block before it; 1 is off.
    """

    groups: str
    rate: float
    minimal_rate: float
    warmup_epochs: float
    weight_decay: float
    betas: tuple[float, float]
    eps: float
    clip_norm: float
    # Configurations of the versions before do not have this key: they trained with AdamW.
    name: str = "adamw"
    # The papers freeze whole towers, by their groups, and have one rate in all blocks.
    trained_blocks: int | None = None
    layer_decay: float = 1.0


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Length, batch and rhythm of a run; all `every` in steps.

    steps: in all. batch: clips of a step, on all devices. seed: of all that is random.
    alignment_weight: of the alignment loss beside that of the classes. alignment_noise: its radius
    at the start. keep_best: how many of the best checkpoints stay. max_skipped: steps in a row
    whose loss is not finite before the run stops. accumulation: parts of a batch that are computed
    one after the other; the step is the same, the memory that of a part. ema: the share of the past
    in an average of the weights that is kept beside them, such as 0.9999; 0 keeps none. hang_limit:
    seconds without progress after which the run ends. peak_tflops: of one device, to tell the share
    of it that is used; None takes what `cost/peaks.py` knows. wandb: a project on Weights & Biases
    to write metrics to. loss: of the classes, in `train/losses.py` and, with
    model.probabilities=sigmoid, `train/multi_label_losses.py`. epochs, log_every_epochs,
    checkpoint_every_epochs, evaluate_every_epochs: the same lengths in epochs, whose place in steps
    is 0 then (`config/lengths.py`). ema_epochs: the average of the weights, given as how many
    epochs it reaches back, in the place of `ema`. class_balance: `sampling` shows each class as
    often as any other, `weights` weighs the loss of a clip by how rare its class is. best_metric:
    of validation, by which checkpoints are the best, a row in `scoring/metrics.py`. patience: so
    many validations in a row that are no better by it end the run; None trains to the last step.
    """

    steps: int
    batch: int
    seed: int
    alignment_weight: float
    alignment_noise: float
    log_every: int
    checkpoint_every: int
    evaluate_every: int
    keep_best: int
    max_skipped: int
    accumulation: int = 1
    # The paper's recipe has no average.
    ema: float = 0.0
    # Well above data.time_limit: to wait for a slow video is no hang.
    hang_limit: float = 600.0
    peak_tflops: float | None = None
    wandb: str | None = None
    # The papers' loss; the others are for classes that do not exclude each other.
    loss: Literal["cross_entropy", "binary_cross_entropy", "asymmetric"] = "cross_entropy"
    epochs: float | None = None
    log_every_epochs: float | None = None
    checkpoint_every_epochs: float | None = None
    evaluate_every_epochs: float | None = None
    ema_epochs: float | None = None
    # The papers' data sets are nearly balanced.
    class_balance: Literal["none", "sampling", "weights"] = "none"
    # Not `ece`, of which less is better.
    best_metric: Literal["top1", "top5", "macro_accuracy", "macro_f1", "map"] = "top1"
    # The papers train for a fixed length.
    patience: int | None = None


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """Validation during training, and the evaluation of a finished run with clips x crops views.

    batch: clips on all devices at a time; a video of several views is so many clips. time_order:
    also score reversed and shuffled clips at the end of training. clips, crops, sampling: see
    `data/clips/views.py`; validation during training is always of one fixed clip and one crop.
    """

    batch: int
    time_order: bool
    # One view, as in validation during training. The paper's configurations have 4 x 3.
    clips: int = 1
    crops: int = 1
    # The same clips every time; `random` is what the released code does.
    sampling: Literal["fixed", "random"] = "fixed"


@dataclass(frozen=True, kw_only=True)
class MeshConfig:
    """How the devices share the work. Every device takes its part of a batch.

    fsdp: devices over which weights and optimizer state are split, instead of being whole on
    each; it divides the number of devices, and -1 is all of them.
    """

    # Whole on each device: what is split has to be sent in every step.
    fsdp: int = 1


@dataclass(frozen=True, kw_only=True)
class Config:
    """A whole run."""

    model: ModelConfig
    initial: InitialConfig
    data: DataConfig
    augment: AugmentConfig
    optimizer: OptimizerConfig
    train: TrainConfig
    evaluation: EvaluationConfig
    mesh: MeshConfig = MeshConfig()

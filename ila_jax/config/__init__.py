"""The configuration of a run as frozen dataclasses, read and checked before any work starts.

The configurations themselves are files in `configs/`, at the top of the repository.
"""

from ila_jax.config.files import Override as Override
from ila_jax.config.files import config_names as config_names
from ila_jax.config.files import read_config as read_config
from ila_jax.config.files import set_value as set_value
from ila_jax.config.lengths import IN_EPOCHS as IN_EPOCHS
from ila_jax.config.lengths import in_steps as in_steps
from ila_jax.config.model import CLIP_PIXELS as CLIP_PIXELS
from ila_jax.config.model import IMAGENET_PIXELS as IMAGENET_PIXELS
from ila_jax.config.model import ModelConfig as ModelConfig
from ila_jax.config.model import Normalisation as Normalisation
from ila_jax.config.model import PointsConfig as PointsConfig
from ila_jax.config.model import Precision as Precision
from ila_jax.config.reading import differences as differences
from ila_jax.config.reading import from_config as from_config
from ila_jax.config.reading import model_from_dict as model_from_dict
from ila_jax.config.reading import to_dict as to_dict
from ila_jax.config.sections import AugmentConfig as AugmentConfig
from ila_jax.config.sections import Config as Config
from ila_jax.config.sections import DataConfig as DataConfig
from ila_jax.config.sections import EvaluationConfig as EvaluationConfig
from ila_jax.config.sections import InitialConfig as InitialConfig
from ila_jax.config.sections import MotionPairsConfig as MotionPairsConfig
from ila_jax.config.sections import OptimizerConfig as OptimizerConfig
from ila_jax.config.sections import TrainConfig as TrainConfig

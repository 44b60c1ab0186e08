"""Train DeepLabCut on a project's labelled frames, from random weights, and track its video."""

from __future__ import annotations

import csv
import logging
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from dlc_training import operators
from dlc_training.labels import Place
from dlc_training.project import Project
from dlc_training.refusal import Refusal
from dlc_training.settings import BACKBONES, Settings
from dlc_training.video import Film

operators.declare()

import cv2  # noqa: E402
import deeplabcut  # noqa: E402
import pandas as pd  # noqa: E402
import yaml  # noqa: E402
from deeplabcut.core.engine import Engine  # noqa: E402
from deeplabcut.pose_estimation_pytorch.apis.training import train_network  # noqa: E402
from deeplabcut.pose_estimation_pytorch.apis.utils import get_pose_inference_runner  # noqa: E402
from deeplabcut.pose_estimation_pytorch.data import DLCLoader  # noqa: E402
from deeplabcut.pose_estimation_pytorch.models import PoseModel  # noqa: E402

# A scorer's name is part of DeepLabCut's; its date would make two runs differ.
_SCORER, _TASK, _DATE = "labels", "neurocaas", "Jan1"
_MILESTONES, _SLOWER = (0.7, 0.9), (0.2, 0.05)
_MARGIN = 0.1  # of a side: largest shift of a picture in training
_AT_ONCE = 8  # frames of the video
_EPOCH = re.compile(r"Epoch (\d+)/(\d+) .*train loss ([0-9.naif]+)")

Say = Callable[[float, str], None]
Array = np.ndarray[Any, np.dtype[Any]]


class Trained(NamedTuple):
    """Tracks of the video as DeepLabCut's table; of labelled pictures (pictures, parts, 3); loss by epoch; its model."""

    tracks: pd.DataFrame
    pictures: Array
    losses: tuple[float, ...]
    snapshot: Path
    configuration: Path


def run(
    project: Project, asked: Settings, folder: Path, paths: Sequence[Path], film: Film, say: Say
) -> Trained:
    """Train and track in `folder`, where pictures (`paths`) and video lie; raise Refusal when the training diverges."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    # Numbers too small for a normal one come up as weights shrink, and are slow.
    torch.set_flush_denormal(True)
    cv2.setNumThreads(0)
    # DeepLabCut takes all handlers away when it begins to log; filters stay.
    logging.getLogger().addFilter(_announced(say))
    config = _write(project, folder, paths, film)
    trained = [number for number, picture in enumerate(project.pictures) if picture.trained]
    tested = [number for number, picture in enumerate(project.pictures) if not picture.trained]
    deeplabcut.create_training_dataset(
        str(config), Shuffles=[1], trainIndices=[trained], testIndices=[tested],
        net_type="resnet_50", engine=Engine.PYTORCH, userfeedback=False,
    )  # fmt: skip
    updates = _updates(project, asked)
    first = _first_weights(config, updates, asked.seed, folder / "first.pt")
    train_network(
        str(config), shuffle=1, device="cpu", snapshot_path=str(first), pytorch_cfg_updates=updates
    )
    loader = DLCLoader(str(config), shuffle=1)
    losses = _losses(loader.model_folder / "learning_stats.csv")
    if not all(map(math.isfinite, losses)):
        raise Refusal("the training diverged; lower learning_rate")
    say(0.8, f"tracking {film.frames} frames")
    tracks = _track(config, film, folder / "tracked", f"DLC_{asked.backbone}_{asked.epochs}")
    if len(tracks) != film.frames or not np.isfinite(tracks.to_numpy()).all():
        raise Refusal("the training diverged: tracks are not finite; lower learning_rate")
    (snapshot,) = loader.model_folder.glob(f"snapshot-{asked.epochs:03d}.pt")
    pictures = _predicted(loader, snapshot, paths)
    return Trained(tracks, pictures, losses, snapshot, loader.model_folder / "pytorch_config.yaml")


def _announced(say: Say) -> Callable[[logging.LogRecord], bool]:
    """Return a filter that lets everything pass, and says what DeepLabCut logs at the end of each epoch."""

    def notice(record: logging.LogRecord) -> bool:
        if match := _EPOCH.search(record.getMessage()):
            share = int(match[1]) / int(match[2])
            say(0.02 + 0.78 * share, f"epoch {match[1]} of {match[2]}: loss {match[3]}")
        return True

    return notice


def _write(project: Project, folder: Path, paths: Sequence[Path], film: Film) -> Path:
    """Write the project's config.yaml and its labels, as DeepLabCut keeps them; return the path of the first."""
    columns = pd.MultiIndex.from_product(
        [[_SCORER], project.bodyparts, ["x", "y"]], names=["scorer", "bodyparts", "coords"]
    )
    rows = pd.MultiIndex.from_tuples([path.relative_to(folder).parts for path in paths])
    values = np.array([picture.places for picture in project.pictures], float).reshape(
        len(paths), -1
    )
    frame = pd.DataFrame(values, index=rows, columns=columns)
    frame.to_hdf(paths[0].with_name(f"CollectedData_{_SCORER}.h5"), key="df_with_missing", mode="w")
    share = sum(picture.trained for picture in project.pictures) / len(paths)
    # DeepLabCut looks for labels in the folder that is named as a video.
    named = folder / "videos" / f"{paths[0].parent.name}.avi"
    config = {
        "Task": _TASK, "scorer": _SCORER, "date": _DATE, "multianimalproject": False,
        "engine": "pytorch", "project_path": str(folder), "bodyparts": list(project.bodyparts),
        "video_sets": {str(named): {"crop": f"0, {film.width}, 0, {film.height}"}},
        "TrainingFraction": [round(share, 2)], "iteration": 0, "snapshotindex": -1,
    }  # fmt: skip
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def _updates(project: Project, asked: Settings) -> dict[str, Any]:
    """Return what differs from DeepLabCut's own configuration of a ResNet, by its dotted names.

    Batch normalisation is trained, since no weights are known before; smaller pictures are not padded to the size of a crop.
    """
    channels, parts = BACKBONES[asked.backbone], len(project.bodyparts)
    rates = [[asked.learning_rate * factor] for factor in _SLOWER]
    steps = [max(1, int(asked.epochs * share)) for share in _MILESTONES]
    crop = {"width": asked.crop_px, "height": asked.crop_px, "max_shift": 0.1, "method": "hybrid"}
    updates: dict[str, Any] = {
        "device": "cpu",
        "model.backbone.model_name": asked.backbone,
        "model.backbone.output_stride": asked.output_stride,
        "model.backbone.freeze_bn_stats": False,
        "model.backbone_output_channels": channels,
        "model.heads.bodypart.target_generator.pos_dist_thresh": asked.label_radius_px,
        "inference.multithreading.enabled": False,
        "train_settings.batch_size": asked.batch_size,
        "train_settings.epochs": asked.epochs,
        "train_settings.seed": asked.seed,
        # One evaluation at the end: DeepLabCut would pick the weights that do best on what it is tested with.
        "runner.eval_interval": asked.epochs + 1,
        "runner.snapshots.save_epochs": asked.epochs,
        "runner.snapshots.max_snapshots": 1,
        "runner.optimizer.params.lr": asked.learning_rate,
        "runner.scheduler": {
            "type": "LRListScheduler",
            "params": {"milestones": steps, "lr_list": rates},
        },
        "data.train.affine": {
            "p": 0.8,
            "rotation": asked.rotation_deg,
            "scaling": [1 - asked.scaling, 1 + asked.scaling],
            "translation": max(1, round(_MARGIN * min(project.size))),
        },
        "data.train.crop_sampling": crop if max(project.size) > asked.crop_px else None,
    }
    for name, coordinates in (("heatmap", 1), ("locref", 2)):
        key = f"model.heads.bodypart.{name}_config"
        updates[f"{key}.channels"] = [channels, coordinates * parts]
    return updates


def _first_weights(config: Path, updates: Mapping[str, Any], seed: int, path: Path) -> Path:
    """Write random weights as a snapshot of epoch 0, from which DeepLabCut goes on; else it would download some."""
    loader = DLCLoader(str(config), shuffle=1)
    for key, value in updates.items():
        loader.model_cfg.set_nested(key, value)
    torch.manual_seed(seed)
    model = PoseModel.build(loader.model_cfg["model"], pretrained_backbone=False)
    known = {"epoch": 0, "metrics": {}, "losses": {}}
    torch.save({"model": model.state_dict(), "metadata": known}, path)
    return path


def _losses(path: Path) -> tuple[float, ...]:
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(float(row["losses/train.total_loss"]) for row in csv.DictReader(file))


def _track(config: Path, film: Film, folder: Path, scorer: str) -> pd.DataFrame:
    folder.mkdir()
    deeplabcut.analyze_videos(
        str(config), [str(film.path)], shuffle=1, destfolder=str(folder), device="cpu",
        batch_size=_AT_ONCE,
    )  # fmt: skip
    (written,) = folder.glob("*.h5")
    frame: pd.DataFrame = pd.read_hdf(written)
    return frame.rename(columns=dict.fromkeys(frame.columns.unique("scorer"), scorer), level="scorer")


def _predicted(loader: DLCLoader, snapshot: Path, paths: Sequence[Path]) -> Array:
    runner = get_pose_inference_runner(
        model_config=loader.model_cfg,
        snapshot_path=snapshot,
        batch_size=_AT_ONCE,
        max_individuals=1,
    )
    found = runner.inference([str(path) for path in paths])
    return np.stack([one["bodyparts"][0, :, :3] for one in found])


def errors(pictures: Array, places: Sequence[Sequence[Place]]) -> Array:
    """Return how far predictions (pictures, parts, 3) are from labels, in pixels; NaN where nothing was marked."""
    far: Array = np.linalg.norm(pictures[..., :2] - np.array(places, float), axis=2)
    return far

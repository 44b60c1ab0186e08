"""Let torchvision of the package index be imported beside PyTorch's build for CPUs.

That torchvision is built for CUDA, so its compiled part cannot be loaded here, and the import ends when operators get
shapes that nobody has declared. Declared they are enough: models and transforms are Python, and what is compiled
(for detectors of several animals, which this analysis has not) raises when it is called.
"""

from __future__ import annotations

from torch import library

_POOL = "float spatial_scale, SymInt pooled_height, SymInt pooled_width"
_SIZE = "SymInt batch_size, SymInt channels, SymInt height, SymInt width"
_CONVOLUTION = (
    "SymInt stride_h, SymInt stride_w, SymInt pad_h, SymInt pad_w, SymInt dilation_h, SymInt dilation_w, "
    "SymInt groups, SymInt offset_groups, bool use_mask"
)
_ALIGN = f"{_POOL}, int sampling_ratio, bool aligned"
_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    f"roi_align(Tensor input, Tensor rois, {_ALIGN}) -> Tensor",
    f"qroi_align(Tensor input, Tensor rois, {_ALIGN}) -> Tensor",
    f"_roi_align_backward(Tensor grad, Tensor rois, {_POOL}, {_SIZE}, int sampling_ratio, bool aligned) -> Tensor",
    f"roi_pool(Tensor input, Tensor rois, {_POOL}) -> (Tensor, Tensor)",
    f"_roi_pool_backward(Tensor grad, Tensor rois, Tensor argmax, {_POOL}, {_SIZE}) -> Tensor",
    f"ps_roi_align(Tensor input, Tensor rois, {_POOL}, int sampling_ratio) -> (Tensor, Tensor)",
    f"_ps_roi_align_backward(Tensor grad, Tensor rois, Tensor channel_mapping, {_POOL}, int sampling_ratio, {_SIZE}) -> Tensor",
    f"ps_roi_pool(Tensor input, Tensor rois, {_POOL}) -> (Tensor, Tensor)",
    f"_ps_roi_pool_backward(Tensor grad, Tensor rois, Tensor channel_mapping, {_POOL}, {_SIZE}) -> Tensor",
    f"deform_conv2d(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, {_CONVOLUTION}) -> Tensor",
    "_deform_conv2d_backward(Tensor grad, Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, "
    f"{_CONVOLUTION}) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
)
_DECLARED: list[library.Library] = []


def declare() -> None:
    """Declare the operators, once; before torchvision is imported."""
    if _DECLARED:
        return
    torchvision = library.Library("torchvision", "DEF")
    for schema in _SCHEMAS:
        torchvision.define(schema)
    _DECLARED.append(torchvision)  # what it declares goes with it

"""Settings of the PCU's networks; reading them needs no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from labneuro.networks.pcu_schedule import DROP_AT, DROP_FACTOR, Schedule
from labneuro.units import InputModel


def _as_numbers(value: object) -> object:
    """Take text with commas or a single number as well as a sequence."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return (value,) if isinstance(value, int) else value


def _check_heads(width: int, heads: int) -> None:
    """Refuse a width that the heads of attention cannot share evenly."""
    if width % heads:
        raise ValueError(f"width: must be a multiple of heads ({heads})")


Count = Annotated[int, Field(ge=1, le=1_000_000)]
Rate = Annotated[float, Field(gt=0, le=1)]
_GRID_CELLS = 9
Layers = Annotated[tuple[Count, ...], BeforeValidator(_as_numbers)]
_QUICK_TRAINING = {
    "steps": 6,
    "tuning_steps": 3,
    "batch": 8,
    "seeds": 1,
    "programmings": 1,
}


class TuningSettings(InputModel):
    """What both fine-tuning studies share; numbers are `chosen` for a small network.

    The paper's schedules: VQA tells a rate alone (``constant``), the tracker one that
    is reduced at the 8th of ten epochs (``tuning_schedule: step``), after which a last
    epoch refines the activation functions (`final_steps`, a tenth of `tuning_steps`,
    with `activations_last`).

    Attributes
    ----------
    quick : bool
        Tiny data and a handful of steps, to see that everything runs: its numbers mean
        nothing. Overrides the sizes and steps.
    seeds : int
        Networks, trained with seeds counted up from the simulation's.
    steps, learning_rate, schedule : int, float, str
        Training of the ideal network; ``"cosine"``, ``"step"`` or ``"constant"``.
    tuning_steps, tuning_rate, tuning_schedule : int, float, str
        Fine-tuning of each variant.
    drop_at, drop_factor : float
        After which share of the steps ``"step"`` multiplies the rate, and with what.
    final_steps, final_rate : int, float
        Final stage of the fine-tuning, at one rate; 0 steps: there is none.
    activations_last : bool
        Activation functions stay ideal up to the final stage and are measured in it.
    batch : int
        Examples in a step.
    weight_decay : float
        Of AdamW; the paper's for VQA, and TBSI's for the tracker.
    weight_noise : str
        ``"programming"``, ``"read"`` or ``"none"``.
    answer_noise : bool
        Whether single answers of the operators deviate from their mean.
    programmings : int
        Programmings of the weights over which a test is averaged.
    """

    quick: bool = False
    seeds: Annotated[int, Field(ge=1, le=1000)] = 3
    steps: Count = 600
    learning_rate: Rate = 2e-3
    schedule: Schedule = "cosine"
    tuning_steps: Count = 80
    tuning_rate: Rate = 5e-4
    tuning_schedule: Schedule = "cosine"
    drop_at: Annotated[float, Field(gt=0, lt=1)] = DROP_AT
    drop_factor: Annotated[float, Field(gt=0, lt=1)] = DROP_FACTOR
    final_steps: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    final_rate: Rate = 5e-5
    activations_last: bool = False
    batch: Count = 64
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 1e-4
    weight_noise: Literal["programming", "read", "none"] = "programming"
    answer_noise: bool = True
    programmings: Annotated[int, Field(ge=1, le=1000)] = 2

    @model_validator(mode="after")
    def _activations_have_steps(self) -> TuningSettings:
        if self.activations_last and not self.final_steps:
            raise ValueError("activations_last: needs final_steps of 1 or more")
        return self

    def _quick_training(self) -> dict[str, int]:
        """Return the steps of a quick run; a final stage stays one."""
        return _QUICK_TRAINING | {"final_steps": min(self.final_steps, 1)}


class PcuVqaSettings(TuningSettings):
    """Settings of visual question answering.

    The paper's network has 6 + 6 layers, 25 queries and width 256 (DETR's). A
    pretrained MDETR gets softplus for ReLU and is trained on for 10 000 steps of 64 at
    1e-5, then tuned for 1600 at the same rate.

    Attributes
    ----------
    clevr : str
        Folder of CLEVR itself; without, scenes are generated ("synthetic
        CLEVR-style").
    images, test_images : int
        Pictures to train and to test with.
    questions : int
        Questions about each generated picture.
    least_objects, most_objects : int
        Objects of a generated picture.
    arrangement : str
        Of a generated picture: ``"grid"``, each object in a cell of its own of 3 x 3,
        or ``"free"``, which asks for more pixels, patches and steps.
    backbone_steps : int
        Steps in which the convolutions learn to name what a patch holds, before the
        network is trained: they stand for pretrained ones.
    side : int
        Height and width of the pictures in pixels.
    patches : int
        Tokens along a side of the picture.
    width, heads, feed_forward, encoder_layers, decoder_layers, queries : int
        The network.
    """

    steps: Count = 1600
    tuning_steps: Count = 160
    clevr: str = ""
    images: Count = 2500
    test_images: Count = 250
    questions: Annotated[int, Field(ge=1, le=100)] = 8
    least_objects: Annotated[int, Field(ge=1, le=10)] = 2
    most_objects: Annotated[int, Field(ge=1, le=10)] = 3
    arrangement: Literal["grid", "free"] = "grid"
    backbone_steps: Annotated[int, Field(ge=0, le=1_000_000)] = 500
    side: Annotated[int, Field(ge=16, le=512)] = 36
    patches: Annotated[int, Field(ge=1, le=64)] = 3
    width: Annotated[int, Field(ge=4, le=1024)] = 48
    heads: Annotated[int, Field(ge=1, le=64)] = 4
    feed_forward: Annotated[int, Field(ge=1, le=8192)] = 96
    encoder_layers: Annotated[int, Field(ge=1, le=24)] = 2
    decoder_layers: Annotated[int, Field(ge=1, le=24)] = 2
    queries: Annotated[int, Field(ge=1, le=100)] = 4

    @model_validator(mode="after")
    def _consistent(self) -> PcuVqaSettings:
        _check_heads(self.width, self.heads)
        if self.least_objects > self.most_objects:
            raise ValueError("least_objects: must be at most most_objects")
        if self.arrangement == "grid" and self.most_objects > _GRID_CELLS:
            raise ValueError(
                f"most_objects: at most {_GRID_CELLS} have room in a grid; "
                "set arrangement to free for more"
            )
        return self

    def sized(self) -> PcuVqaSettings:
        """Return the settings to run with: tiny ones if `quick`."""
        tiny = {"images": 40, "test_images": 10, "width": 16, "feed_forward": 16}
        layers = {"encoder_layers": 1, "decoder_layers": 1, "backbone_steps": 2}
        changes = self._quick_training() | tiny | layers if self.quick else {}
        return self.model_copy(update=changes)


class PcuTrackingSettings(TuningSettings):
    """Settings of RGB-T tracking.

    The paper's network is ViT-Tiny (width 192, 3 heads, 12 layers, 16-pixel patches,
    crops of 128 and 256 pixels), fused in layers 4, 7, 10. A ViT pretrained on ImageNet
    gets batch for layer normalisation and is trained for 50 epochs at 4e-4 with batch
    32, then tuned for 10 at the same rate, reduced at the 8th, and for 1 more.

    Attributes
    ----------
    lasher : str
        Folder of LasHeR itself; without, sequences are generated ("synthetic RGB-T").
    sequences, test_sequences : int
        Sequences to train and to test with.
    frames : int
        Frames of each.
    side : int
        Height and width of a frame in pixels.
    width, heads, layers : int
        The ViT.
    fusion_layers : tuple of int
        After which layers the cameras meet; text with commas.
    patch, template, search : int
        Pixels along a patch and the two crops.
    precision_threshold : float
        In pixels; LasHeR's 20 pixels at frames of some 640 are 2 at 64.
    """

    batch: Count = 32
    steps: Count = 500
    lasher: str = ""
    sequences: Count = 100
    test_sequences: Count = 30
    frames: Annotated[int, Field(ge=3, le=10_000)] = 30
    side: Annotated[int, Field(ge=16, le=2048)] = 64
    width: Annotated[int, Field(ge=4, le=1024)] = 48
    heads: Annotated[int, Field(ge=1, le=64)] = 3
    layers: Annotated[int, Field(ge=1, le=48)] = 4
    fusion_layers: Layers = (2, 3)
    patch: Annotated[int, Field(ge=1, le=64)] = 6
    template: Annotated[int, Field(ge=4, le=512)] = 24
    search: Annotated[int, Field(ge=4, le=512)] = 48
    precision_threshold: Annotated[float, Field(gt=0, le=1000)] = 2.0

    @model_validator(mode="after")
    def _consistent(self) -> PcuTrackingSettings:
        _check_heads(self.width, self.heads)
        for name in ("template", "search"):
            if getattr(self, name) % self.patch:
                raise ValueError(f"{name}: must be a multiple of patch ({self.patch})")
        if any(layer > self.layers for layer in self.fusion_layers):
            raise ValueError(f"fusion_layers: must be 1 to layers ({self.layers})")
        return self

    def sized(self) -> PcuTrackingSettings:
        """Return the settings to run with: tiny ones if `quick`."""
        tiny = {"sequences": 4, "test_sequences": 2, "frames": 6, "width": 12}
        layers = {"layers": 1, "fusion_layers": (1,)}
        changes = self._quick_training() | tiny | layers if self.quick else {}
        return self.model_copy(update=changes)


class PcuOperatorsSettings(InputModel):
    """Settings of the operator study.

    Attributes
    ----------
    quick : bool
        Few vectors.
    vectors : int
        Vectors for the noisy product and for attention.
    inputs, outputs : int
        Size of the product.
    tokens, width, heads : int
        Size of the attention that is compared, and of the block whose energy is
        estimated.
    feed_forward : int
        Hidden units of that block.
    """

    quick: bool = False
    vectors: Count = 1000
    inputs: Count = 784
    outputs: Count = 100
    tokens: Annotated[int, Field(ge=2, le=10_000)] = 50
    width: Annotated[int, Field(ge=1, le=8192)] = 256
    heads: Annotated[int, Field(ge=1, le=256)] = 8
    feed_forward: Annotated[int, Field(ge=1, le=65536)] = 2048

    @model_validator(mode="after")
    def _consistent(self) -> PcuOperatorsSettings:
        _check_heads(self.width, self.heads)
        return self

"""Settings of the PCU's networks; reading them needs no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from labneuro.units import InputModel


def _as_numbers(value: object) -> object:
    """Take text with commas or a single number as well as a sequence."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return (value,) if isinstance(value, int) else value


Count = Annotated[int, Field(ge=1, le=1_000_000)]
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

    Attributes
    ----------
    quick : bool
        Tiny data and a handful of steps, to see that everything runs: its numbers mean
        nothing. Overrides the sizes and steps.
    seeds : int
        Networks, trained with seeds counted up from the simulation's.
    steps, learning_rate : int, float
        Training of the ideal network.
    tuning_steps, tuning_rate : int, float
        Fine-tuning of each variant.
    batch : int
        Examples in a step.
    weight_decay : float
        Of AdamW; the paper's.
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
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 2e-3
    tuning_steps: Count = 80
    tuning_rate: Annotated[float, Field(gt=0, le=1)] = 5e-4
    batch: Count = 64
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 1e-4
    weight_noise: Literal["programming", "read", "none"] = "programming"
    answer_noise: bool = True
    programmings: Annotated[int, Field(ge=1, le=1000)] = 2


class PcuVqaSettings(TuningSettings):
    """Settings of visual question answering.

    The paper's network has 6 + 6 layers, 25 queries and width 256 (DETR's), and is
    trained for 10 000 steps of 64 at 1e-5 from pretrained weights, then tuned for 1600.

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
    side : int
        Height and width of the pictures in pixels.
    patches : int
        Tokens along a side of the picture.
    width, heads, feed_forward, encoder_layers, decoder_layers, queries : int
        The network.
    """

    steps: Count = 1200
    tuning_steps: Count = 120
    clevr: str = ""
    images: Count = 2500
    test_images: Count = 250
    questions: Annotated[int, Field(ge=1, le=100)] = 8
    least_objects: Annotated[int, Field(ge=1, le=10)] = 2
    most_objects: Annotated[int, Field(ge=1, le=10)] = 3
    side: Annotated[int, Field(ge=16, le=512)] = 24
    patches: Annotated[int, Field(ge=1, le=64)] = 4
    width: Annotated[int, Field(ge=4, le=1024)] = 48
    heads: Annotated[int, Field(ge=1, le=64)] = 4
    feed_forward: Annotated[int, Field(ge=1, le=8192)] = 96
    encoder_layers: Annotated[int, Field(ge=1, le=24)] = 2
    decoder_layers: Annotated[int, Field(ge=1, le=24)] = 2
    queries: Annotated[int, Field(ge=1, le=100)] = 4

    @model_validator(mode="after")
    def _consistent(self) -> PcuVqaSettings:
        if self.width % self.heads:
            raise ValueError(f"width: must be a multiple of heads ({self.heads})")
        if self.least_objects > self.most_objects:
            raise ValueError("least_objects: must be at most most_objects")
        return self

    def sized(self) -> PcuVqaSettings:
        """Return the settings to run with: tiny ones if `quick`."""
        tiny = {"images": 40, "test_images": 10, "width": 16, "feed_forward": 16}
        layers = {"encoder_layers": 1, "decoder_layers": 1}
        changes = _QUICK_TRAINING | tiny | layers if self.quick else {}
        return self.model_copy(update=changes)


class PcuTrackingSettings(TuningSettings):
    """Settings of RGB-T tracking.

    The paper's network is ViT-Tiny (width 192, 3 heads, 12 layers, 16-pixel patches,
    crops of 128 and 256 pixels), fused in layers 4, 7, 10, trained for 50 epochs at
    4e-4 with batch 32 from pretrained weights, then tuned for 10 and 1.

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
        if self.width % self.heads:
            raise ValueError(f"width: must be a multiple of heads ({self.heads})")
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
        changes = _QUICK_TRAINING | tiny | layers if self.quick else {}
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
        if self.width % self.heads:
            raise ValueError(f"width: must be a multiple of heads ({self.heads})")
        return self

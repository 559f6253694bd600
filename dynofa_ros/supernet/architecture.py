# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Architectures: all that a supernet needs to be built, as ``model.yaml`` states it.

The section ``network`` names the family; its other keys are the number of classes, sizes and the
search space. Sizes that it does not state are those of the family's ImageNet supernet.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import torch
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    InstanceOf,
    Strict,
    StrictBool,
    TypeAdapter,
    WithJsonSchema,
)
from typing_extensions import Self

from dynofa_ros.config_file import MISSING, ConfigError, Number, checked, load_file
from dynofa_ros.supernet.efficientnet_lite import (
    EfficientNetLite,
    EfficientNetLiteSpec,
    VariantSpace,
)
from dynofa_ros.supernet.mobilenet_v3 import MobileNetV3Spec, OFAMobileNetV3
from dynofa_ros.supernet.proxyless import OFAProxylessNAS, ProxylessSpec
from dynofa_ros.supernet.resnet import OFAResNet, ResNetSpec, resnet_space
from dynofa_ros.supernet.search_space import (
    ElasticDimension,
    SearchSpace,
    inverted_residual_space,
)
from dynofa_ros.supernet.slimmable import SlimmableNetwork, SlimmableSpec, slimmable_space
from dynofa_ros.supernet.supernet import Supernet, SupernetSpec
from dynofa_ros.supernet.vision_transformer import (
    VisionTransformer,
    VisionTransformerSpec,
    transformer_space,
)

MOST_PARAMETERS = 250_000_000
"""Weights of the largest network that is built, 1 GB in float32; OFA-ResNet50 has 48 million."""

T = TypeVar('T')


def _ascending(values: tuple[T, ...]) -> tuple[T, ...]:
    if list(values) != sorted(set(values)):  # type: ignore[type-var]
        raise ConfigError(field='', value=list(values), expected='ascending values')
    return values


_Few = Field(min_length=1, max_length=128)
Classes = Annotated[int, Strict(), Field(ge=1, le=100_000)]
Channels = Annotated[int, Strict(), Field(ge=1, le=8192)]
Stride = Annotated[int, Strict(), Field(ge=1, le=4)]
Width = Annotated[Number, Field(ge=0.05, le=8)]
Positives = Annotated[
    tuple[Annotated[int, Strict(), Field(ge=1, le=32)], ...], _Few, AfterValidator(_ascending)
]
Depths = Annotated[
    tuple[Annotated[int, Strict(), Field(ge=0, le=32)], ...], _Few, AfterValidator(_ascending)
]
Ratios = Annotated[
    tuple[Annotated[Number, Field(ge=0.05, le=16)], ...], _Few, AfterValidator(_ascending)
]
Resolutions = Annotated[
    tuple[Annotated[int, Strict(), Field(ge=4, le=2048)], ...], _Few, AfterValidator(_ascending)
]
KernelSizes = Annotated[tuple[Literal[3, 5, 7, 9, 11], ...], _Few, AfterValidator(_ascending)]
Stages = Annotated[tuple[Channels, ...], Field(min_length=1, max_length=18)]
Strides = Annotated[tuple[Stride, ...], Field(min_length=1, max_length=16)]
Flags = Annotated[tuple[StrictBool, ...], Field(max_length=16)]
Color = tuple[Number, Number, Number]
Deviation = tuple[
    Annotated[Number, Field(ge=0.001)],
    Annotated[Number, Field(ge=0.001)],
    Annotated[Number, Field(ge=0.001)],
]


class Architecture:
    """Sizes and search space of one family, from which a supernet is built."""

    family: ClassVar[str]
    net: ClassVar[type[Supernet]]
    spec: ClassVar[type[SupernetSpec]]
    classes: int
    resolutions: tuple[int, ...]

    def space(self) -> SearchSpace:
        """Return the search space."""
        raise NotImplementedError

    @classmethod
    def space_fields(cls, spec: Any) -> dict[str, Any]:
        """Return the fields that :meth:`space` reads, apart from the resolutions."""
        raise NotImplementedError

    def build(self, name: str) -> Supernet:
        """Build the supernet with fresh weights.

        Raises:
            ConfigError: for more weights than the limit, before they are allocated.
        """
        values = {
            each.name: getattr(self, each.name)
            for each in dataclasses.fields(self.spec)
            if each.name not in ('name', 'space')
        }
        spec = self.spec(name=name, space=self.space(), **values)
        with torch.device('meta'):  # counts without memory
            parameters = sum(each.numel() for each in self.net(spec).parameters())
        if parameters > MOST_PARAMETERS:
            raise ConfigError(
                field='number of weights', value=parameters, expected=f'at most {MOST_PARAMETERS}'
            )
        return self.net(spec)

    @classmethod
    def of(cls, spec: SupernetSpec) -> Self:
        """Return the architecture of a supernet of this family."""
        names = {each.name for each in dataclasses.fields(cls.spec)} - {'name', 'space'}
        values = {name: getattr(spec, name) for name in names}
        values |= cls.space_fields(spec) | {'resolutions': spec.space.resolutions}
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return lists and plain values, in the format of :func:`read_architecture`."""
        values = {
            each.name: getattr(self, each.name)
            for each in dataclasses.fields(self)  # type: ignore[arg-type]
        }
        return {'family': self.family} | {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
        }

    def _check_length(self, field: str, expected: int, of: str) -> None:
        if len(values := getattr(self, field)) != expected:
            raise ConfigError(
                field=field, value=list(values), expected=f'{expected} values, because {of}'
            )


class _InvertedResidual(Architecture):
    strides: tuple[int, ...]
    widths: tuple[int, ...]
    kernel_sizes: tuple[int, ...]
    expand_ratios: tuple[int, ...]
    depths: tuple[int, ...]
    single_blocks: int

    def space(self) -> SearchSpace:
        return inverted_residual_space(
            kernel_sizes=self.kernel_sizes,
            expand_ratios=self.expand_ratios,
            depths=self.depths,
            resolutions=self.resolutions,
            stages=len(self.strides) - self.single_blocks,
            single_blocks=self.single_blocks,
        )

    @classmethod
    def space_fields(cls, spec: Any) -> dict[str, Any]:
        space = spec.space
        single = sum(each.allowed == (1,) for each in space.d[1:])
        return {
            'kernel_sizes': space.allowed('ks'),
            'expand_ratios': space.allowed('e'),
            'depths': space.d[0].allowed,
            'single_blocks': single,
        }

    def _check(self) -> None:
        stages = len(self.strides)
        self._check_length('widths', stages + 2, f'strides has {stages}')
        if self.single_blocks >= stages:
            raise ConfigError(
                field='single_blocks',
                value=self.single_blocks,
                expected=f'a whole number from 0 to {stages - 1}, because strides has {stages} '
                'values',
            )


@checked(ConfigError.of, kw_only=True)
class MobileNetV3(_InvertedResidual):
    """OFA-MobileNetV3."""

    family: ClassVar[str] = 'mobilenet_v3'
    net: ClassVar[type[Supernet]] = OFAMobileNetV3
    spec: ClassVar[type[SupernetSpec]] = MobileNetV3Spec

    classes: Classes
    resolutions: Resolutions
    width: Width
    kernel_sizes: KernelSizes = (3, 5, 7)
    expand_ratios: Positives = (3, 4, 6)
    depths: Positives = (2, 3, 4)
    single_blocks: Annotated[int, Strict(), Field(ge=0, le=15)] = 0
    widths: Stages = MobileNetV3Spec.widths
    stem_stride: Stride = MobileNetV3Spec.stem_stride
    first_stride: Stride = MobileNetV3Spec.first_stride
    strides: Strides = MobileNetV3Spec.strides
    squeeze_excite: Flags = MobileNetV3Spec.squeeze_excite
    hard_swish: Flags = MobileNetV3Spec.hard_swish
    final_expand: Channels = MobileNetV3Spec.final_expand
    feature_mix: Channels = MobileNetV3Spec.feature_mix
    mean: Color = SupernetSpec.mean
    std: Deviation = SupernetSpec.std

    def __post_init__(self) -> None:
        """Raise ConfigError for lists that do not match the number of stages."""
        self._check()
        for field in ('squeeze_excite', 'hard_swish'):
            stages = len(self.strides)
            self._check_length(field, stages, f'strides has {stages}')


@checked(ConfigError.of, kw_only=True)
class ProxylessNAS(_InvertedResidual):
    """OFA-ProxylessNAS."""

    family: ClassVar[str] = 'proxyless_nas'
    net: ClassVar[type[Supernet]] = OFAProxylessNAS
    spec: ClassVar[type[SupernetSpec]] = ProxylessSpec

    classes: Classes
    resolutions: Resolutions
    width: Width
    kernel_sizes: KernelSizes = (3, 5, 7)
    expand_ratios: Positives = (3, 4, 6)
    depths: Positives = (2, 3, 4)
    single_blocks: Annotated[int, Strict(), Field(ge=0, le=15)] = 1
    widths: Stages = ProxylessSpec.widths
    stem_stride: Stride = ProxylessSpec.stem_stride
    first_stride: Stride = ProxylessSpec.first_stride
    strides: Strides = ProxylessSpec.strides
    feature_mix: Channels = ProxylessSpec.feature_mix
    mean: Color = SupernetSpec.mean
    std: Deviation = SupernetSpec.std

    def __post_init__(self) -> None:
        """Raise ConfigError for lists that do not match the number of stages."""
        self._check()


@checked(ConfigError.of, kw_only=True)
class ResNet(Architecture):
    """OFA-ResNet."""

    family: ClassVar[str] = 'resnet'
    net: ClassVar[type[Supernet]] = OFAResNet
    spec: ClassVar[type[SupernetSpec]] = ResNetSpec

    classes: Classes
    resolutions: Resolutions
    width_multipliers: Ratios = ResNetSpec.width_multipliers
    expand_ratios: Ratios = (0.2, 0.25, 0.35)
    extra_depths: Depths = (0, 1, 2)
    stem_width: Channels = ResNetSpec.stem_width
    stage_widths: Stages = ResNetSpec.stage_widths
    base_depths: Strides = ResNetSpec.base_depths
    strides: Strides = ResNetSpec.strides
    mean: Color = SupernetSpec.mean
    std: Deviation = SupernetSpec.std

    def __post_init__(self) -> None:
        """Raise ConfigError for lists that do not match the number of stages."""
        for field in ('stage_widths', 'base_depths'):
            stages = len(self.strides)
            self._check_length(field, stages, f'strides has {stages}')

    def space(self) -> SearchSpace:
        """Return the search space."""
        return resnet_space(
            base_depths=self.base_depths,
            extra_depths=self.extra_depths,
            expand_ratios=self.expand_ratios,
            widths=len(self.width_multipliers),
            resolutions=self.resolutions,
        )

    @classmethod
    def space_fields(cls, spec: Any) -> dict[str, Any]:
        """Return the fields that :meth:`space` reads, apart from the resolutions."""
        return {
            'expand_ratios': spec.space.allowed('e'),
            'extra_depths': spec.space.d[-1].allowed,
        }


@checked(ConfigError.of, kw_only=True)
class EfficientNetLiteVariants(Architecture):
    """Some variants of EfficientNet-Lite."""

    family: ClassVar[str] = 'efficientnet_lite'
    net: ClassVar[type[Supernet]] = EfficientNetLite
    spec: ClassVar[type[SupernetSpec]] = EfficientNetLiteSpec

    classes: Classes
    resolutions: Resolutions
    variants: Annotated[tuple[Literal[0, 1, 2], ...], _Few, AfterValidator(_ascending)] = (0, 1, 2)
    mean: Color = (127 / 255,) * 3
    std: Deviation = (128 / 255,) * 3

    def space(self) -> VariantSpace:
        """Return the search space."""
        return VariantSpace(v=(ElasticDimension(self.variants),), resolutions=self.resolutions)

    @classmethod
    def space_fields(cls, spec: Any) -> dict[str, Any]:
        """Return the fields that :meth:`space` reads, apart from the resolutions."""
        return {'variants': spec.space.allowed('v')}


@checked(ConfigError.of, kw_only=True)
class Transformer(Architecture):
    """Dynamic Vision Transformer."""

    family: ClassVar[str] = 'vision_transformer'
    net: ClassVar[type[Supernet]] = VisionTransformer
    spec: ClassVar[type[SupernetSpec]] = VisionTransformerSpec

    classes: Classes
    resolutions: Resolutions
    depths: Positives = (1, 2, 3)
    widths: Annotated[tuple[Channels, ...], _Few, AfterValidator(_ascending)] = (64, 80, 96)
    heads: Positives = (2, 3, 4)
    mlp_ratios: Ratios = (1, 1.5, 2)
    head_channels: Channels = 24
    mean: Color = SupernetSpec.mean
    std: Deviation = SupernetSpec.std

    def space(self) -> SearchSpace:
        """Return the search space."""
        return transformer_space(
            depths=self.depths,
            widths=self.widths,
            heads=self.heads,
            mlp_ratios=self.mlp_ratios,
            resolutions=self.resolutions,
        )

    @classmethod
    def space_fields(cls, spec: Any) -> dict[str, Any]:
        """Return the fields that :meth:`space` reads, apart from the resolutions."""
        space = spec.space
        return {
            'depths': space.d[0].allowed,
            'widths': space.allowed('w'),
            'heads': space.allowed('h'),
            'mlp_ratios': space.allowed('e'),
        }


@checked(ConfigError.of, kw_only=True)
class Slimmable(Architecture):
    """Slimmable network of inverted residuals."""

    family: ClassVar[str] = 'slimmable'
    net: ClassVar[type[Supernet]] = SlimmableNetwork
    spec: ClassVar[type[SupernetSpec]] = SlimmableSpec

    classes: Classes
    resolutions: Resolutions
    strides: Annotated[tuple[Stride, ...], Field(min_length=1, max_length=64)]
    kernel_sizes: Annotated[tuple[Literal[3, 5, 7, 9, 11], ...], Field(max_length=64)]
    channels: Annotated[tuple[tuple[Channels, ...], ...], Field(min_length=1, max_length=32)]
    stem_stride: Stride = SlimmableSpec.stem_stride
    mean: Color = SupernetSpec.mean
    std: Deviation = SupernetSpec.std

    def __post_init__(self) -> None:
        """Raise ConfigError for lists that do not match the number of blocks."""
        blocks = len(self.strides)
        self._check_length('kernel_sizes', blocks, f'strides has {blocks}')
        for index, each in enumerate(self.channels):
            if len(each) != 2 * blocks + 1:
                raise ConfigError(
                    field=f'channels[{index}]',
                    value=list(each),
                    expected=f'{2 * blocks + 1} values, because strides has {blocks}',
                )

    def space(self) -> SearchSpace:
        """Return the search space."""
        return slimmable_space(widths=len(self.channels), resolutions=self.resolutions)

    @classmethod
    def space_fields(cls, spec: Any) -> dict[str, Any]:
        """Return no fields: those of the spec say all."""
        return {}


FAMILIES: Mapping[str, type[Architecture]] = {
    each.family: each
    for each in (
        MobileNetV3,
        ProxylessNAS,
        ResNet,
        EfficientNetLiteVariants,
        Transformer,
        Slimmable,
    )
}


def architecture_of(net: Supernet) -> Architecture:
    """Return the architecture of a supernet.

    Raises:
        ConfigError: if it is of no known family, or its search space is not one of its family.
    """
    for each in FAMILIES.values():
        if type(net) is each.net:
            found = each.of(net.spec)
            space, expected = found.space(), net.space
            if all(space.choices(f) == expected.choices(f) for f in (*space.fields, 'd')):
                return found
            raise ConfigError(
                field='search space', value=repr(expected), expected=f'one of family {each.family}'
            )
    raise ConfigError(
        field='family', value=type(net).__name__, expected=f'one of {", ".join(FAMILIES)}'
    )


def resized(
    architecture: Architecture,
    *,
    classes: int | None = None,
    resolutions: Sequence[int] | None = None,
    width: float | None = None,
) -> Architecture:
    """Return the architecture with other classes, resolutions [pixel] or width multiplier.

    Raises:
        ConfigError: for a value that is not allowed, or a width where the family has none.
    """
    values = architecture.to_dict()
    if classes is not None:
        values['classes'] = classes
    if resolutions is not None:
        values['resolutions'] = list(resolutions)
    if width is not None:
        if 'width' not in values:
            having = ', '.join(f for f, each in FAMILIES.items() if 'width' in each.__annotations__)
            raise ConfigError(
                field='width',
                value=width,
                expected=f'none, because family {architecture.family} has no width multiplier '
                f'({having} have)',
            )
        values['width'] = width
    changed: Architecture = read_architecture(values)
    return changed


def read_architecture(values: Any) -> Any:
    """Return the architecture of a section ``network``; anything but a mapping as it is.

    Raises:
        ConfigError: with all faults of the section.
    """
    if not isinstance(values, Mapping):
        return values
    family = values.get('family', MISSING)
    if not isinstance(family, str) or family not in FAMILIES:
        raise ConfigError(field='family', value=family, expected=f'one of {", ".join(FAMILIES)}')
    rest = {str(key): value for key, value in values.items() if key != 'family'}
    return FAMILIES[family](**rest)


ArchitectureSection = Annotated[
    InstanceOf[Architecture],
    BeforeValidator(read_architecture),
    WithJsonSchema({'type': 'object'}),
]
"""The section ``network`` of a file."""


def load_architecture(file: Path) -> Architecture:
    """Return the architecture of a YAML file, whose content is that of a section ``network``.

    Raises:
        ConfigError: with all faults of the file.
    """
    found: Architecture = load_file(file, TypeAdapter(ArchitectureSection))
    return found

"""What every model family keeps, as tests that a plugin's own test module subclasses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from bert_core.options import Layer, options_of, resolve
from bert_core.types import EncoderParts, ModelSpec

from .alike import difference
from .bench import graph_mode
from .devices import DTYPES
from .optimizers import check_presets
from .specs import SpecContract
from .tiny import TINY_MODEL

Arrays = tuple[NDArray[Any], ...]

_ROWS, _LENGTH, _PADDING = 4, 9, 4
_TOLERANCE = 1e-4
_ROUNDED = 0.1  # how far float16 may take a vector whose values are near 1


class TinyEncoder:
    """An encoder of a family with tiny sizes, and what it gives.

    Args:
        spec: The family.
        values: Its sizes.
        seed: Of first values.
        dtype: In which matrix products are computed.
        pooler: Whether it has one.
    """

    def __init__(
        self, spec: ModelSpec, values: Any, *, seed: int = 1, dtype: str = "float32", pooler: bool = True
    ) -> None:
        graph_mode()
        from bert_core.training.network import encoder_parameters

        self.cell: Any = spec.build(values, EncoderParts(operators={}, pooler=pooler, seed=seed, compute_dtype=dtype))
        self.parameters = encoder_parameters(self.cell)
        self._vectors: Any = None

    def __call__(self, batch: Arrays, noise: Sequence[NDArray[Any]] = ()) -> Arrays:
        """Vectors and pooled vectors."""
        import mindspore as ms
        from mindspore import Tensor

        from .cells import Vectors

        if self._vectors is None:
            self._vectors = Vectors(self.cell)
            self._vectors.set_train(False)
            if not noise:
                self._vectors.set_inputs(*[Tensor(shape=[None, None], dtype=ms.int32) for _ in batch])
        found = self._vectors(*map(Tensor, batch), *map(Tensor, noise))
        assert isinstance(found, tuple), "the encoder must give vectors and pooled vectors"
        return tuple(one.asnumpy() for one in found)

    def norms(self, batch: Arrays) -> dict[str, float]:
        """The length of the gradient of each parameter."""
        from mindspore import Tensor

        from .cells import Slopes

        names = list(self.parameters)
        found = Slopes(self.cell)(*map(Tensor, batch))
        return {name: float(np.linalg.norm(one.asnumpy())) for name, one in zip(names, found, strict=True)}


class ModelContract(SpecContract):
    """The tests that every model family passes, with tiny sizes.

    Attributes:
        tiny: The options that make it tiny: by default the sizes of a BERT, by Hugging Face's names, as far as the
            family has options of these names.

    Example:
        ```python
        class TestAlbert(ModelContract):
            name = "albert"
            tiny = {**TINY_MODEL, "embedding_size": 8}
        ```
    """

    kind: ClassVar[str] = "model"
    tiny: ClassVar[Mapping[str, Any]] = TINY_MODEL

    @pytest.fixture(scope="class")
    @classmethod
    def sizes(cls, spec: ModelSpec) -> Any:
        """The options of the tiny encoder."""
        known = {info.name for info in options_of(spec.options, cls.name)}
        said = {name: value for name, value in {**cls.tiny, **cls.options}.items() if name in known}
        return resolve({"model": spec.options}, [Layer(origin="test", flat=said)]).values["model"]

    @pytest.fixture(scope="class")
    @classmethod
    def encoder(cls, spec: ModelSpec, sizes: Any) -> TinyEncoder:
        """A tiny encoder."""
        return TinyEncoder(spec, sizes)

    @pytest.fixture(scope="class")
    @classmethod
    def batch(cls) -> Arrays:
        """Piece ids, segments and mask of rows of unlike lengths, padded to the longest."""
        random = np.random.default_rng(0)
        mask = (np.arange(_LENGTH) < np.array([[9], [5], [2], [7]])).astype(np.int32)
        ids = random.integers(5, 60, mask.shape).astype(np.int32) * mask
        types = (np.arange(_LENGTH) >= 3).astype(np.int32) * mask
        return ids, types.astype(np.int32), mask

    def test_its_sizes_are_small(self, sizes: Any, encoder: TinyEncoder) -> None:
        """A contract must be quick, and the tokenizer of the tests has 64 positions."""
        count = sum(parameter.size for parameter in encoder.parameters.values())
        assert count < 1_000_000, f"the encoder of {sizes} has {count:,} parameters; say smaller sizes in `tiny`"

    def test_its_vectors_have_the_shapes_that_it_says(self, encoder: TinyEncoder, batch: Arrays) -> None:
        """`hidden_size` and `max_length` are those of the cell, and vectors are float32."""
        vectors, pooled = encoder(batch)
        width = encoder.cell.hidden_size
        wanted = (*batch[0].shape, width), (batch[0].shape[0], width)
        shapes = vectors.shape, pooled.shape
        assert shapes == wanted, f"vectors and pooled vectors have the shapes {shapes}; by `hidden_size` {wanted}"
        assert {vectors.dtype, pooled.dtype} == {np.dtype("float32")}, f"they are {vectors.dtype} and {pooled.dtype}"
        assert all(np.isfinite(one).all() for one in (vectors, pooled)), "some values are not finite"
        assert encoder.cell.max_length >= batch[0].shape[1], f"`max_length` is {encoder.cell.max_length}"

    def test_more_padding_changes_no_vector(self, encoder: TinyEncoder, batch: Arrays) -> None:
        """Neither the number of padding pieces nor what stands there reaches the vectors of others."""
        vectors, pooled = encoder(batch)
        longer = tuple(np.pad(one, ((0, 0), (0, _PADDING))) for one in batch)
        longer[0][longer[2] == 0] = 7
        more, more_pooled = encoder(longer)
        shown = batch[2] > 0
        off = max(difference(vectors[shown], more[:, :_LENGTH][shown]), difference(pooled, more_pooled))
        assert off < _TOLERANCE, f"padding changes vectors by {off:.2g}; leave it out of attention by `attention_mask`"

    def test_pieces_segments_and_places_change_vectors(self, encoder: TinyEncoder, batch: Arrays) -> None:
        """A model that does not see what it is given cannot learn from it."""
        vectors, _ = encoder(batch)
        ids, types, mask = (one.copy() for one in batch)
        turned = ids.copy()
        turned[0] = ids[0, ::-1]
        for what, changed in {"pieces": (turned, types, mask), "segments": (ids, (1 - types) * mask, mask)}.items():
            other, _ = encoder(changed)
            assert difference(vectors, other) > 1e-3, f"other {what} give the same vectors"

    def test_the_order_of_rows_changes_nothing(self, encoder: TinyEncoder, batch: Arrays) -> None:
        """Each row of a batch is by itself."""
        vectors, pooled = encoder(batch)
        turned, turned_pooled = encoder(tuple(one[::-1].copy() for one in batch))
        off = max(difference(vectors, turned[::-1]), difference(pooled, turned_pooled[::-1]))
        assert off < _TOLERANCE, f"rows in another order have vectors that differ by {off:.2g}"

    def test_a_gradient_reaches_every_parameter(self, encoder: TinyEncoder, batch: Arrays) -> None:
        """What no gradient reaches is never learnt."""
        norms = encoder.norms(batch)
        odd = [name for name, norm in norms.items() if not np.isfinite(norm)]
        assert not odd, f"the gradients of {odd} are not finite"
        still = [name for name, norm in norms.items() if norm < 1e-9 and encoder.parameters[name].ndim > 1]
        assert not still, f"no gradient reaches {still}"

    def test_its_parameters_have_names(self, encoder: TinyEncoder) -> None:
        """A checkpoint has them as `bert.` and their path in the cell, each once."""
        names = [name for name, _ in encoder.cell.parameters_and_names()]
        assert names, "the encoder has no parameter"
        assert len(set(names)) == len(names), "two parameters have one name"
        frozen = [name for name, parameter in encoder.parameters.items() if not parameter.requires_grad]
        assert not frozen, f"{frozen} are not trained; keep what is constant as a Tensor"

    def test_its_layers_are_where_it_says(self, spec: ModelSpec, sizes: Any, encoder: TinyEncoder) -> None:
        """What `layers` gives begins the names of parameters, embeddings first, none in two layers."""
        if spec.layers is None:
            pytest.skip("the family does not say its layers")
        starts = [(one,) if isinstance(one, str) else tuple(one) for one in spec.layers(sizes)]
        names = [name.removeprefix("bert.") for name in encoder.parameters]
        for one in starts:
            empty = [start for start in one if not any(name.startswith(start) for name in names)]
            assert not empty, f"no parameter's name begins with {empty}, which `layers` says; they are {names[:5]}..."
        twice = [name for name in names if sum(name.startswith(one) for one in starts) > 1]
        assert not twice, f"{twice} belong to two layers"

    def test_its_noises_fit(self, encoder: TinyEncoder, spec: ModelSpec, sizes: Any, batch: Arrays) -> None:
        """It takes a factor for each place of dropout, of the shape that it says; factors of 1 change nothing."""
        noises = encoder.cell.noises
        rows, length = batch[0].shape
        bad = [noise.rate for noise in noises if not 0 <= noise.rate < 1]
        assert not bad, f"the rates {bad} of dropout are not from 0 to below 1"
        if not noises:
            pytest.skip("nothing drops out")
        ones = [np.ones(noise.shape(rows, length), np.float32) for noise in noises]
        noisy = TinyEncoder(spec, sizes)
        off = max(map(difference, encoder(batch), noisy(batch, ones)))
        assert off < _TOLERANCE, f"with factors of 1 the vectors differ by {off:.2g}"
        zeros = [np.zeros_like(ones[0]), *ones[1:]]
        assert max(map(difference, encoder(batch), noisy(batch, zeros))) > 1e-3, "a factor of 0 changes nothing"

    def test_first_values_follow_from_the_seed(self, spec: ModelSpec, sizes: Any, encoder: TinyEncoder) -> None:
        """The same seed gives the same first values, and another one others."""
        again, other = (
            {name: parameter.asnumpy() for name, parameter in TinyEncoder(spec, sizes, seed=seed).parameters.items()}
            for seed in (1, 2)
        )
        first = {name: parameter.asnumpy() for name, parameter in encoder.parameters.items()}
        odd = [name for name in first if not np.array_equal(first[name], again[name])]
        assert not odd, f"{odd} have other first values with the same seed; draw them from `parts.seed`"
        assert any(not np.array_equal(first[name], other[name]) for name in first), "all seeds give the same values"

    def test_without_a_pooler_it_has_no_parameters_of_one(
        self, spec: ModelSpec, sizes: Any, encoder: TinyEncoder
    ) -> None:
        """A task that reads the sequence alone would train nothing there."""
        bare = set(TinyEncoder(spec, sizes, pooler=False).parameters)
        assert bare < set(encoder.parameters), "with `parts.pooler` False it has the same parameters"

    def test_saved_and_loaded_it_gives_the_same_vectors(
        self, spec: ModelSpec, sizes: Any, encoder: TinyEncoder, batch: Arrays, tmp_path: Path
    ) -> None:
        """All that it computes with is in its parameters, to the byte."""
        from bert_core.training.saving import copied, read_parameters, write_tensors

        write_tensors(tmp_path / "model.safetensors", copied(encoder.parameters))
        other = TinyEncoder(spec, sizes, seed=2)
        read_parameters(tmp_path / "model.safetensors", other.parameters)
        same = all(map(np.array_equal, encoder(batch), other(batch)))
        assert same, "after saving and loading the vectors are others; keep what is drawn as a `Parameter`"

    def test_its_sizes_survive_a_config(self, spec: ModelSpec, sizes: Any, tmp_path: Path) -> None:
        """`config.json` of a checkpoint holds them, and gives them back."""
        from bert_core.training.saving import model_config

        config = model_config(asdict(sizes), family=spec.name, labels=[], head={}, task={})
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        layer = Layer(origin="weights", tables={"model": json.loads(path.read_text(encoding="utf-8"))}, strict=False)
        read = resolve({"model": spec.options}, [layer]).values["model"]
        assert read == sizes, f"{sizes} came back as {read}"

    def test_its_presets_are_sizes(self, spec: ModelSpec) -> None:
        """Each named size says options that there are, with values that they take."""
        check_presets(spec)

    def test_it_computes_in_its_types(self, spec: ModelSpec, sizes: Any, encoder: TinyEncoder, batch: Arrays) -> None:
        """float32 is among them; in float16 vectors stay near, and leave as float32."""
        strange = [dtype for dtype in spec.compute_dtypes if dtype not in DTYPES]
        assert not strange, f"compute_dtypes {spec.compute_dtypes} must be some of {DTYPES}"
        assert "float32" in spec.compute_dtypes, "it does not compute in float32, which every device has"
        if "float16" in spec.compute_dtypes:  # bfloat16 is not multiplied on the processor
            rounded = TinyEncoder(spec, sizes, dtype="float16")(batch)
            shown = batch[2] > 0
            off = difference(encoder(batch)[0][shown], rounded[0][shown])
            assert rounded[0].dtype == np.float32, f"in float16 it gives vectors of {rounded[0].dtype}"
            assert off < _ROUNDED, f"in float16 vectors differ by {off:.2g} from those in float32"

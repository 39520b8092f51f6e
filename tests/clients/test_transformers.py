# SPDX-License-Identifier: Apache-2.0
"""Models that transformers and torch load from the drop-in folders as from their own."""
import os

import pytest

import make_model
from loaders import HEAVY, loader

pytestmark = pytest.mark.heavy

WORDS = list(range(3, 90, 7))
SENTENCES = ["A file is a list of segments.", "Nothing is copied.", "", "caf\u00e9 " * 40]


@pytest.fixture(scope="module")
def transformers(torch):
    """Hugging Face Transformers, that asks nobody on the network."""
    os.environ["HF_HUB_OFFLINE"] = "1"  # looked at once, when it is imported
    return loader("transformers", HEAVY)


@pytest.fixture(scope="module")
def llama(tmp_path_factory, transformers, torch):
    """The folder of a small Llama in several shards, with weights that nobody trained."""
    torch.manual_seed(20240229)
    config = transformers.LlamaConfig(
        vocab_size=128, hidden_size=64, intermediate_size=96, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
        tie_word_embeddings=False, dtype="bfloat16")
    folder = tmp_path_factory.mktemp("models") / "llama"
    model = transformers.LlamaForCausalLM(config).to(torch.bfloat16)
    model.save_pretrained(folder, max_shard_size="60KB")
    assert len(list(folder.glob("model-*.safetensors"))) >= 3
    return folder


@pytest.fixture(scope="module")
def mounted(llama, module_mount):
    """Its mount."""
    return module_mount(llama)


def logits(transformers, torch, folder):
    """What the model of a folder says to a row of words."""
    model, report = transformers.AutoModelForCausalLM.from_pretrained(
        folder, local_files_only=True, output_loading_info=True)
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not report[what], what
    with torch.no_grad():
        return model.eval()(torch.tensor([WORDS])).logits


@pytest.mark.parametrize("view", ["model", "torch"])
def test_llama(mounted, llama, transformers, torch, view):
    """from_pretrained on a view: the same logits as from the shards."""
    want = logits(transformers, torch, llama)
    assert torch.isfinite(want).all() and want.std() > 0
    assert torch.equal(logits(transformers, torch, mounted.at(".view", view)), want)


@pytest.mark.parametrize("view", ["model", "torch"])
def test_llama_from_one_file(mounted, transformers, torch, mount, view):
    """A mount of the merged file of a mount: the model of a model."""
    again = mount(mounted.at(".view", "model", "model.safetensors"))
    want = logits(transformers, torch, mounted.at(".view", "model"))
    assert torch.equal(logits(transformers, torch, again.at(".view", view)), want)


def test_folder_has_no_index(mounted, llama):
    """The shards' index stays behind: a loader would ask for files that are not there."""
    others = {name for name in os.listdir(llama) if not name.startswith("model")}
    assert "config.json" in others
    shown = os.listdir(mounted.at(".view", "model"))
    assert sorted(shown) == sorted({"model.safetensors", *others})
    assert os.path.exists(llama / "model.safetensors.index.json")


def embeddings(transformers, torch, folder):
    """Mean of the last layer over each sentence, as the model's card says."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = transformers.AutoModel.from_pretrained(folder, local_files_only=True).eval()
    words = tokenizer(SENTENCES, padding=True, truncation=True, return_tensors="pt")
    with torch.no_grad():
        last = model(**words).last_hidden_state
    mask = words["attention_mask"].unsqueeze(-1)
    return (last * mask).sum(1) / mask.sum(1)


@pytest.mark.parametrize("view", ["model", "torch"])
@pytest.mark.parametrize("whole", [True, False])
def test_trained(trained, mount, transformers, torch, whole, view):
    """A trained model with its tokenizer, given as a folder or as a file in one."""
    mounted = mount(os.path.dirname(trained) if whole else trained)
    want = embeddings(transformers, torch, os.path.dirname(trained))
    assert want.shape == (len(SENTENCES), 384)
    assert torch.equal(embeddings(transformers, torch, mounted.at(".view", view)), want)


def test_trained_folder(trained, mount):
    """All of the package's folder but what is hidden, the pooling's configuration included."""
    folder = os.path.dirname(trained)
    mounted = mount(folder)
    for path in ("1_Pooling/config.json", "tokenizer.json", "modules.json", "vocab.txt"):
        for view in ("model", "torch", "npz"):
            with open(mounted.at(".view", view, path), "rb") as file:
                assert file.read() == open(os.path.join(folder, path), "rb").read()
    assert not os.path.exists(mounted.at(".view", "model", ".gitattributes"))


@pytest.mark.parametrize("threads", [1, 4])
def test_distributed_checkpoint(mounted, llama, torch, threads):
    """torch.distributed.checkpoint reads the merged file into tensors that were there."""
    from safetensors.torch import load_file
    from torch.distributed import checkpoint

    want = {}
    for shard in llama.glob("*.safetensors"):
        want.update(load_file(shard))
    state = {name: torch.zeros_like(tensor) for name, tensor in want.items()}
    reader = checkpoint.HuggingFaceStorageReader(mounted.at(".view", "model"), threads)
    checkpoint.load(state, storage_reader=reader, no_dist=True)
    assert set(state) == set(want) and len(want) > 20
    for name, tensor in want.items():
        assert torch.equal(state[name], tensor), name


def test_adapter(tmp_path, mount, torch):
    """An adapter keeps the two names that its loader knows."""
    from safetensors.torch import load_file

    source = tmp_path / "adapter" / "adapter_model.safetensors"
    source.parent.mkdir()
    (source.parent / "adapter_config.json").write_text("{}")
    make_model.write_file(source, [make_model.Spec("base.lora_A.weight", "F32", (4, 8))])
    mounted = mount(source.parent)
    want = load_file(source)
    got = load_file(mounted.at(".view", "model", "adapter_model.safetensors"))
    binary = torch.load(mounted.at(".view", "torch", "adapter_model.bin"), weights_only=True)
    assert os.path.exists(mounted.at(".view", "torch", "adapter_config.json"))
    for loaded in (got, binary):
        assert set(loaded) == set(want)
        assert all(torch.equal(loaded[name], want[name]) for name in want)

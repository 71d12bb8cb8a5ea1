"""The rows: what is run, on what, how near the answers must be, and how much arithmetic or reading it takes at
least."""

from dataclasses import dataclass

# Multiply-adds of one position: in one block of GPT-2 small, in its unembedding; in all of SmolLM2-135M's blocks, and
# so on.
GPT2_BLOCK, GPT2_BLOCKS, GPT2_LOGITS = 12 * 768 * 768, 12, 50257 * 768
SMOL_BLOCKS, SMOL_LOGITS = 30 * (2 * 576 * 576 + 2 * 576 * 192 + 3 * 576 * 1536), 49152 * 576


def forward_flop(positions, logits, blocks, attention_width=0):
    """Of `positions` through `blocks` multiply-adds each; attention sees half of a square of positions, twice."""
    return 2 * (positions * blocks + logits) + 2 * positions * positions * attention_width


def training_flop(layers, width, context, batch):
    """Of a step: backward costs twice what forward does."""
    return 3 * batch * forward_flop(context, context * 65 * width, layers * 12 * width * width, layers * width)


@dataclass(frozen=True)
class Row:
    name: str
    folder: str  # of the programs: embscope.{cpp,py} and peer_*.py
    model: str  # gpt2, smol or none
    peers: tuple
    goal: float  # seconds
    size: int = 0
    text: str = ""  # english or code
    tolerance: float = 1e-4  # of the largest value; see `difference`
    looser: tuple = ()  # (peer, tolerance, why)
    lower_is_right: bool = False  # the answer is a loss: ours must be no higher
    threads: int = 0  # 0: all
    flop: float = 0
    read: float = 0  # bytes
    about: str = ""
    beside: str = ""  # in what the peers' work is not quite ours

    def limit(self, machine):
        """Seconds that arithmetic or reading alone takes at the measured rates; None where neither is the limit."""
        return 1e-9 * max(self.flop / machine["gemm_gflops"], self.read / machine["memory_gb_per_s"]) or None


LLAMA_QUANTISES = ("llama_cpp", 0.2, "llama.cpp rounds activations to 8 bits")

# Of make_llama.py: multiply-adds of one position in all blocks and in the unembedding; bytes of a weight.
LLAMA = {
    "1.1B": (22 * (2 * 2048 * 2048 + 2 * 2048 * 256 + 3 * 2048 * 5632), 32000 * 2048),
    "8B": (32 * (2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14336), 128256 * 4096),
}
BYTES = {"Q4_K": 144 / 256, "Q8_0": 34 / 32, "BF16": 2}


def packed(size, kind, goal_prompt, goal_token):
    """The two rows of a model whose weights stay in their blocks."""
    blocks, logits = LLAMA[size]
    name, model = f"{size}_{kind}".lower().replace(".", "_"), f"llama-{size}-{kind}"
    looser = ((LLAMA_QUANTISES[0], 0.2, LLAMA_QUANTISES[2]),)
    return [
        Row(
            f"prompt_{name}",
            "prompt",
            model,
            ("llama_cpp",),
            goal_prompt,
            size=512,
            looser=looser,
            flop=forward_flop(512, logits, blocks),
            about=f"a prompt of 512 tokens, {size} in {kind} (random blocks)",
        ),
        Row(
            f"next_token_{name}",
            "next_token",
            model,
            ("llama_cpp",),
            goal_token,
            size=16,
            looser=looser,
            read=BYTES[kind] * (blocks + logits),
            about=f"each further token, {size} in {kind} (random blocks)",
        ),
    ]


# What a peer needs of requirements.txt; NumPy and gguf read the models. A text is made of many packages' sources.
TRANSFORMERS = ("numpy", "gguf", "torch", "transformers", "scikit-learn", "matplotlib")
PACKAGES = {
    "numpy": ("numpy", "gguf"),
    "torch": ("numpy", "gguf", "torch"),
    "transformers": TRANSFORMERS,
    "transformers_batched": TRANSFORMERS,
    "torch_hooks": TRANSFORMERS,
    "transformer_lens": (*TRANSFORMERS, "transformer-lens"),
    "transformer_lens_batched": (*TRANSFORMERS, "transformer-lens"),
    "safetensors_numpy": ("numpy", "safetensors"),
    "llama_cpp": ("numpy", "xllamacpp"),
    "tiktoken": ("tiktoken", "tokenizers"),
    "tokenizers": ("tokenizers",),
    "gigatoken": ("gigatoken", "tokenizers"),
    "scikit_learn": ("numpy", "gguf", "scikit-learn"),
    "opentsne": ("numpy", "gguf", "openTSNE"),
}

IDS_ALONE = "ids alone, as the peers give them; with the byte range of each token ours takes longer"

ROWS = [
    Row(
        "start_gpt2",
        "start",
        "gpt2",
        ("transformers", "safetensors_numpy"),
        0.015,
        about="start, open, cosine of two words, exit",
    ),
    Row(
        "start_smol",
        "start",
        "smol",
        ("transformers",),
        0.040,
        about="start, open, tokenize, cosine of two words, exit",
    ),
    Row(
        "article",
        "article",
        "gpt2",
        ("transformers",),
        1.0,
        about="every figure and demo of the article, as one process",
        beside="ours is `embscope tour --quick`: without the cosines of all pairs of tokens, the text that the model writes and the small model that is trained",
    ),
    Row(
        "sweep",
        "sweep",
        "gpt2",
        ("transformers", "transformers_batched", "transformer_lens", "transformer_lens_batched"),
        0.050,
        size=17,
        flop=forward_flop(3 + 2 * 17, 17 * GPT2_LOGITS, GPT2_BLOCKS * GPT2_BLOCK),
        read=4 * (GPT2_BLOCKS * GPT2_BLOCK + GPT2_LOGITS),
        about="17 mixtures of one word of five, model open",
    ),
    Row(
        "patch_grid",
        "patch_grid",
        "gpt2",
        ("transformer_lens", "torch_hooks"),
        3.0,
        flop=2 * 3 * sum(range(1, 13)) * sum(range(1, 17)) * GPT2_BLOCK,
        about="576 runs with one vector each taken from another run; the limit counts what a patch can change",
        beside="ours is asked for the difference of two logits and computes these two; the peers compute all logits",
    ),
    Row(
        "forward_gpt2",
        "forward",
        "gpt2",
        ("transformers", "transformer_lens"),
        1.4,
        size=1024,
        flop=forward_flop(1024, 1024 * GPT2_LOGITS, GPT2_BLOCKS * GPT2_BLOCK, 12 * 768),
        about="1,024 tokens, all logits",
    ),
    Row(
        "forward_gpt2_captured",
        "forward_captured",
        "gpt2",
        ("transformer_lens",),
        1.6,
        size=1024,
        flop=forward_flop(1024, 1024 * GPT2_LOGITS, GPT2_BLOCKS * GPT2_BLOCK, 12 * 768),
        about="the same with every site captured",
    ),
    Row(
        "forward_smol",
        "forward",
        "smol",
        ("transformers", "llama_cpp"),
        1.5,
        size=1024,
        looser=(LLAMA_QUANTISES,),
        flop=forward_flop(1024, 1024 * SMOL_LOGITS, SMOL_BLOCKS, 30 * 576),
        about="1,024 tokens, all logits, Q4_1",
    ),
    Row(
        "tokenize_english",
        "tokenize",
        "gpt2",
        ("tiktoken", "tokenizers", "gigatoken"),
        4.4 / 200,
        text="english",
        read=4.4e6,
        tolerance=0,
        threads=1,
        about="4.4 MB of English, one thread",
        beside=IDS_ALONE,
    ),
    Row(
        "tokenize_code",
        "tokenize",
        "gpt2",
        ("tiktoken", "tokenizers", "gigatoken"),
        8 / 150,
        text="code",
        read=8e6,
        tolerance=0,
        threads=1,
        about="8 MB of Python, one thread",
        beside=IDS_ALONE,
    ),
    Row(
        "all_pairs",
        "all_pairs",
        "smol",
        ("numpy", "torch"),
        8,
        flop=49152 * 49152 * 576,
        about="cosine of all pairs of 49,152 vectors: histogram, mean, positive share",
    ),
    Row(
        "neighbours",
        "neighbours",
        "smol",
        ("torch",),
        10,
        flop=49152 * 49152 * 576,
        about="the exact 10 nearest by cosine of each of 49,152 vectors",
    ),
    Row(
        "tsne_all",
        "tsne_all",
        "smol",
        ("opentsne",),
        15,
        tolerance=0,
        lower_is_right=True,
        flop=49152 * 49152 * 576,
        about="t-SNE of 49,152 vectors: cosine, perplexity 30, 250 + 500 steps; the answer is the divergence",
    ),
    Row(
        "tsne_100",
        "tsne_100",
        "smol",
        ("scikit_learn",),
        0.05,
        tolerance=0.02,
        lower_is_right=True,
        about="t-SNE of 100 vectors; the answer is the divergence",
    ),
    Row(
        "train_4x128",
        "train",
        "none",
        ("torch",),
        10 * 768 / 30000,
        size=768,
        flop=10 * training_flop(4, 128, 64, 12),
        about="ten training steps, 4 layers x 128, context 64, batch 12, vocabulary 65; the answer is the first five losses",
    ),
    Row(
        "train_6x384",
        "train",
        "none",
        ("torch",),
        10 * 2048 / 2600,
        size=2048,
        flop=10 * training_flop(6, 384, 256, 8),
        about="ten training steps, 6 layers x 384, context 256, batch 8, vocabulary 65; the answer is the first five losses",
    ),
    *packed("1.1B", "Q4_K", 4.2, 0.016),
    *packed("1.1B", "Q8_0", 4.2, 0.03),
    *packed("1.1B", "BF16", 4.2, 0.06),
    *packed("8B", "Q4_K", 32, 0.13),
]


@dataclass(frozen=True)
class Curve:
    row: str
    axis: str
    sizes: tuple
    peers: tuple
    longest_of_peers: int = 0  # size; 0: all


CURVES = [
    Curve("sweep", "steps of the sweep", (2, 5, 17, 65, 257), ("transformers_batched",)),
    Curve("forward_gpt2", "tokens", (5, 16, 64, 256, 1024), ("transformers",)),
    Curve("all_pairs", "vectors of 64 values", (1000, 4096, 16384, 65536, 262144), ("numpy",), longest_of_peers=16384),
]

"""The same ten steps by PyTorch: nanoGPT's model (flash attention, fused QKV) and torch.optim.AdamW, fused."""

import measure
import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(measure.THREADS)
STEPS = 10
COMPARED = 5  # later the loss is flat, and Adam divides rounding noise by its own size


def shape_of(size):
    return (4, 4, 128, 64, 12) if size == 12 * 64 else (6, 6, 384, 256, 8)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.c_attn, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.c_fc, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = (
            part.view(b, t, self.heads, d // self.heads).transpose(1, 2)
            for part in self.c_attn(self.ln_1(x)).split(d, 2)
        )
        z = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(z.transpose(1, 2).reshape(b, t, d))
        return x + self.down(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))


class Gpt(nn.Module):
    def __init__(self, layers, heads, width, context):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(65, width), nn.Embedding(context, width)
        self.h = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width)

    def forward(self, inputs, targets):
        x = self.wte(inputs) + self.wpe(torch.arange(inputs.shape[1]))
        for block in self.h:
            x = block(x)
        logits = self.ln_f(x) @ self.wte.weight.T
        return F.cross_entropy(logits.reshape(-1, 65), targets.reshape(-1))


def parameters_in_order(model):
    """As Hugging Face's file has them: each with whether it is stored transposed (Conv1D)."""
    yield from ((model.wte.weight, False), (model.wpe.weight, False))
    for block in model.h:
        for module in (block.ln_1, block.c_attn, block.proj, block.ln_2, block.c_fc, block.down):
            yield module.weight, isinstance(module, nn.Linear)
            yield module.bias, False
    yield from ((model.ln_f.weight, False), (model.ln_f.bias, False))


def set_weights(model):
    norms = {id(m.weight) for m in model.modules() if isinstance(m, nn.LayerNorm)}
    for number, (p, transposed) in enumerate(parameters_in_order(model), 1):
        with torch.no_grad():
            if p.dim() == 1:
                p.fill_(1.0 if id(p) in norms else 0.0)
                continue
            values = 0.01 * torch.sin(torch.arange(p.numel(), dtype=torch.float64) * 12.9898 + number)
            p.copy_(values.view(p.T.shape).T if transposed else values.view(p.shape))


class Training:
    """A model in training that goes on with each call."""

    def __init__(self, layers, heads, width, context, batch):
        self.model, self.first = Gpt(layers, heads, width, context), None
        set_weights(self.model)
        i = torch.arange(batch * context)
        self.inputs, self.targets = ids(i).view(batch, context), ids(i + 1).view(batch, context)
        groups = [
            {"params": [p for p in self.model.parameters() if p.dim() >= 2], "weight_decay": 0.1},
            {"params": [p for p in self.model.parameters() if p.dim() < 2], "weight_decay": 0.0},
        ]
        self.adam = torch.optim.AdamW(groups, lr=1e-4, betas=(0.9, 0.95), eps=1e-8, fused=True)

    def ten_steps(self):
        losses = []
        for _ in range(STEPS):
            self.adam.zero_grad(set_to_none=True)
            loss = self.model(self.inputs, self.targets)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.adam.step()
            losses.append(loss.item())
        self.first = self.first or losses[:COMPARED]


def ids(i):
    return (i * i * 7 + i // 3) % 65


args = measure.arguments()
for size in args.sizes:
    training = Training(*shape_of(size))
    measure.measure(args, size, training.ten_steps, lambda _: training.first)

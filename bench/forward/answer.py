"""Which logits are compared: every thousandth, at the first, middle and last position."""


def sample(logits):
    """logits [T, V] -> a list"""
    return [float(logit) for position in (0, len(logits) // 2, len(logits) - 1) for logit in logits[position][::1000]]

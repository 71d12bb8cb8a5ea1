"""How many ids, and a sum that knows their order."""


def checksum(ids):
    return [len(ids), sum(int(token) * (1 + i % 1000) for i, token in enumerate(ids))]

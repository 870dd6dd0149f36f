# SPDX-License-Identifier: MIT
"""Networks as applications have them: small on purpose, as most are that run on a GPU today."""
import torch
from torch import nn
from torch.nn import functional as F


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(),
                                  nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x):
        return F.relu(x + self.body(x))


def cnn(width):
    """A residual network for images of 32 x 32."""
    def down(a, b):
        return nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU())

    return nn.Sequential(nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(), Residual(width),
                         down(width, 2 * width), Residual(2 * width), down(2 * width, 4 * width), Residual(4 * width),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, 10))


def perceptron(inputs, width, depth, classes):
    """For tables: HIGGS has 28 columns and 2 classes, gene expression 20,000 and 33 kinds of tumour."""
    layers = [nn.Linear(inputs, width), nn.ReLU()]
    for _ in range(depth - 1):
        layers += [nn.Linear(width, width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, classes))


class Vision(nn.Module):
    """A vision transformer."""

    def __init__(self, size, patch, width, depth, heads):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, stride=patch)
        self.place = nn.Parameter(torch.randn(1, (size // patch) ** 2, width) * 0.02)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0, activation="gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.head = nn.Linear(width, 1000)

    def forward(self, images):
        x = self.patches(images).flatten(2).transpose(1, 2) + self.place
        return self.head(self.layers(x).mean(1))


class Block(nn.Module):
    """One layer of a decoder that keeps keys and values of what was said before."""

    def __init__(self, width, heads, batch, length):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        shape = (batch, heads, length, width // heads)
        self.register_buffer("keys", torch.zeros(shape))
        self.register_buffer("values", torch.zeros(shape))

    def forward(self, x, at):
        batch, _, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(batch, 1, 3, self.heads, width // self.heads).unbind(2)
        self.keys[:, :, at], self.values[:, :, at] = k[:, 0], v[:, 0]
        keys, values = self.keys[:, :, :at + 1], self.values[:, :, :at + 1]
        weights = (q.transpose(1, 2) @ keys.transpose(2, 3) / (width // self.heads) ** 0.5).softmax(-1)
        x = x + self.out((weights @ values).transpose(1, 2).reshape(batch, 1, width))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Language(nn.Module):
    """A decoder of GPT-2's shape. Random weights: the work is the same, the text is not."""

    def __init__(self, words, width, depth, heads, batch, length):
        super().__init__()
        self.words, self.places = nn.Embedding(words, width), nn.Embedding(length, width)
        self.layers = nn.ModuleList(Block(width, heads, batch, length) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, words, bias=False)

    def forward(self, word, at):
        x = self.words(word) + self.places.weight[at]
        for layer in self.layers:
            x = layer(x, at)
        return self.head(self.norm(x))[:, -1]

"""A model folder of ldseg in PyTorch: the same network, the same inference, timed stage by stage.

    python3 pytorch.py <model folder> --shape 1 1 40 56 40 --samples 8 --steps 3
    python3 pytorch.py <model folder> --against dump.safetensors

The network is built from config.json and weights.safetensors alone, so it is also a second opinion on the Rust code:
`--against` takes image and noise from a file that the Rust benchmark wrote, and compares what comes out with what ldseg
gave. Times are the shortest and the median of the repeats, in seconds; the first, which warms up, does not count.

Needs torch, numpy and safetensors.
"""

import argparse
import json
import math
import statistics
import time
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch.nn import functional as F

NORM_EPSILON = 1e-3
LATENT_EPSILON = 1e-5
IMAGE_GROUPS = 4
COSINE_OFFSET = 0.008

# How the Rust enum of layers calls what config.json calls `layer`.
VARIANTS = {
    "conv": "Conv",
    "conv_transpose": "ConvTranspose",
    "residual": "Residual",
    "post_norm": "PostNorm",
    "image": "Image",
    "attention": "Attention",
    "group_norm": "GroupNorm",
    "batch_norm": "BatchNorm",
    "element_norm": "ElementNorm",
}


def standardise(x, epsilon=LATENT_EPSILON):
    """Zero mean and unit SD over each sample."""
    axes = tuple(range(1, x.dim()))
    centred = x - x.mean(axes, keepdim=True)
    return centred / (centred.square().mean(axes, keepdim=True) + epsilon).sqrt()


class Weights:
    """The tensors below one name. Planar kernels lose their depth of 1: PyTorch runs 2D networks as 2D."""

    def __init__(self, tensors, planar, prefix=""):
        self.tensors, self.planar, self.prefix = tensors, planar, prefix

    def __getattr__(self, name):
        key = f"{self.prefix}{name}"
        if key in self.tensors:
            return self.tensors[key]
        return Weights(self.tensors, self.planar, key + ".")

    def __getitem__(self, index):
        return getattr(self, str(index))

    def has(self, name):
        return any(key.startswith(f"{self.prefix}{name}.") for key in self.tensors)


def conv(w, x, stride=1, groups=1):
    """Padding "same" as TensorFlow counts it: where it is odd, the extra row comes last."""
    pads, convolve = [], F.conv2d if w.planar else F.conv3d
    for size, kernel in zip(x.shape[2:], w.weight.shape[2:]):
        total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
        pads.append((total // 2, total - total // 2))
    if all(before == after for before, after in pads):
        return convolve(x, w.weight, w.bias, stride, [before for before, _ in pads], 1, groups)
    x = F.pad(x, [n for pad in reversed(pads) for n in pad])
    return convolve(x, w.weight, w.bias, stride, 0, 1, groups)


def conv_transpose(w, x):
    double = F.conv_transpose2d if w.planar else F.conv_transpose3d
    y = double(x, w.weight, w.bias, 2)
    for axis, size in enumerate(x.shape[2:], start=2):
        y = y.narrow(axis, 0, 2 * size)
    return y


def max_pool(w, x):
    return F.max_pool2d(x, 2) if w.planar else F.max_pool3d(x, 2)


def nearest(x):
    return F.interpolate(x, scale_factor=2, mode="nearest")


def linear(w, x):
    return F.linear(x, w.weight.t(), w.bias)


def group_norm(w, x, groups):
    return F.group_norm(x, groups, w.gamma, w.beta, NORM_EPSILON)


def batch_norm(w, x):
    return F.batch_norm(x, w.running_mean, w.running_var, w.gamma, w.beta, False, 0.0, NORM_EPSILON)


def element_norm(w, x):
    shape = (1, *x.shape[1:])
    return standardise(x, NORM_EPSILON) * w.gamma.reshape(shape) + w.beta.reshape(shape)


def residual(w, x, groups, time_embedding=None):
    h = conv(w.conv_in, F.silu(group_norm(w.norm_in, x, groups)))
    if time_embedding is not None:
        shift = linear(w.time, time_embedding)
        h = h + shift.reshape(*shift.shape, *[1] * (x.dim() - 2))
    h = conv(w.conv_out, F.silu(group_norm(w.norm_out, h, groups)))
    return h + (conv(w.shortcut, x) if w.has("shortcut") else x)


def attention(w, x, heads, groups, reduce=0, add_to_normalised=False):
    """Keys and values come from a map that is pooled `reduce` times."""
    normalised = reduced = group_norm(w.norm, x, groups)
    for _ in range(reduce):
        reduced = max_pool(w, reduced)
    every, seen = (t.flatten(2).transpose(1, 2) for t in (normalised, reduced))

    def split(layer, tokens):
        batch, n_tokens, channels = tokens.shape
        return linear(layer, tokens).reshape(batch, n_tokens, heads, channels // heads).transpose(1, 2)

    query, key, value = split(w.query, every), split(w.key, seen), split(w.value, seen)
    merged = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
    update = linear(w.project, merged).transpose(1, 2).reshape(x.shape)
    return update + (normalised if add_to_normalised else x)


def post_norm(w, x):
    h = F.silu(batch_norm(w.norm_in, conv(w.conv_in, x)))
    h = batch_norm(w.norm_out, conv(w.conv_out, h))
    return F.silu(h + batch_norm(w.norm_shortcut, conv(w.shortcut, x)))


def image_block(w, x, groups, down):
    h = F.silu(conv(w.conv_in, F.silu(x), groups=groups))
    h = F.silu(conv(w.conv_out, h, groups=groups) + conv(w.shortcut, x))
    h = conv(w.down, h, stride=2) if down == "strided" else max_pool(w, h)
    return group_norm(w.norm, h, IMAGE_GROUPS)


LAYERS = {
    "conv": lambda w, x, c: conv(w, x, c["stride"], c["groups"]),
    "conv_transpose": lambda w, x, c: conv_transpose(w, x),
    "residual": lambda w, x, c: residual(w, x, c["groups"]),
    "post_norm": lambda w, x, c: post_norm(w, x),
    "image": lambda w, x, c: image_block(w, x, c["groups"], c["down"]),
    "attention": lambda w, x, c: attention(w, x, c["heads"], c["groups"], c.get("reduce", 0)),
    "max_pool": lambda w, x, c: max_pool(w, x),
    "nearest": lambda w, x, c: nearest(x),
    "silu": lambda w, x, c: F.silu(x),
    "group_norm": lambda w, x, c: group_norm(w, x, c["groups"]),
    "batch_norm": lambda w, x, c: batch_norm(w, x),
    "standardise": lambda w, x, c: standardise(x),
    "element_norm": lambda w, x, c: element_norm(w, x),
}


def stack(w, layers, x):
    for i, config in enumerate(layers):
        kind = config["layer"]
        layer = getattr(w.layers[i], VARIANTS[kind]) if kind in VARIANTS else w
        x = LAYERS[kind](layer, x, config)
    return x


def time_embedding(w, t, dim):
    half = dim // 2
    angles = t * torch.exp(-math.log(10_000) * torch.arange(half, dtype=torch.float64) / (half - 1))
    waves = torch.cat([angles.sin(), angles.cos()]).float()[None]
    return F.silu(linear(w.dense_out, F.silu(linear(w.dense_in, waves))))


def denoise(w, config, latent, embedding, t):
    """The noise in `latent`, or the velocity."""
    groups, n_levels = config["groups"], len(config["widths"])
    embedded = time_embedding(w.time, t, config["time_dim"])

    def step(w, x):
        x = residual(w.residual, x, groups, embedded)
        if w.has("attention"):
            x = attention(w.attention, x, 1, groups, add_to_normalised=config["attention_on_normalised"])
        return x

    x = conv(w.stem, torch.cat([latent, embedding], 1))
    skips = [x] if config["dense_skips"] else []
    for level in range(n_levels):
        for block in range(config["blocks"]):
            x = step(w.down[level].steps[block], x)
            skips.append(x)
        if level + 1 < n_levels:
            x = conv(w.down[level].resample, x, stride=2)
            if config["dense_skips"]:
                skips.append(x)
    for block in range(2):
        x = step(w.middle[block], x)
    for level in range(n_levels):
        for block in range(config["blocks"] + config["dense_skips"]):
            x = step(w.up[level].steps[block], torch.cat([x, skips.pop()], 1))
        if level + 1 < n_levels:
            x = conv(w.up[level].resample, nearest(x))
    return conv(w.head, F.silu(group_norm(w.norm, x, groups)))


def alpha_bar(config, t):
    """Between whole times too, as the sampler's times are not rounded."""
    n_times = config["times"]
    if config["schedule"] == "cosine":

        def f(t):
            return math.cos((t / n_times + COSINE_OFFSET) / (1 + COSINE_OFFSET) * math.pi / 2)

        return (f(t) / f(0)) ** 2
    power = {"linear": 1, "quadratic": 2}[config["schedule"]]
    betas = torch.linspace(1e-4 ** (1 / power), 0.02 ** (1 / power), n_times, dtype=torch.float64) ** power
    products = torch.cumprod(1 - betas, 0)
    below = math.floor(t)
    low, high = products[below], products[min(below + 1, n_times - 1)]
    return float(low + (high - low) * (t - below))


class Model:
    """The network of a model folder."""

    def __init__(self, folder):
        self.config = json.loads((folder / "config.json").read_text())
        self.network = self.config["network"]
        planar = self.network["planar"]
        tensors = {key: value.float() for key, value in load_file(folder / "weights.safetensors").items()}
        if planar:
            tensors = {key: value.squeeze(2) if value.dim() == 5 else value for key, value in tensors.items()}
        self.weights = Weights(tensors, planar)

    def flat(self, x):
        """[batch, channel, depth, height, width] without the depth where the network is planar."""
        return x.squeeze(2) if self.network["planar"] else x

    def encode(self, image):
        return stack(self.weights.image_encoder, self.network["image_encoder"], image)

    def sample(self, embedding, noise, steps):
        """DDIM; every latent is standardised after every step, the step at time 0 is none."""
        embedding = embedding.expand(noise.shape)
        diffusion = self.config["diffusion"]
        last = diffusion["times"] - 1
        times = [last * i / (steps - 1) for i in reversed(range(steps))] if steps > 1 else [0.0]
        latent = standardise(noise)
        for now, after in zip(times, times[1:]):
            output = denoise(self.weights.denoiser, self.network["denoiser"], latent, embedding, now)
            now, after = (alpha_bar(diffusion, t) for t in (now, after))
            if diffusion.get("prediction", "noise") == "velocity":
                clean = math.sqrt(now) * latent - math.sqrt(1 - now) * output
                predicted = math.sqrt(1 - now) * latent + math.sqrt(now) * output
                latent = standardise(math.sqrt(after) * clean + math.sqrt(1 - after) * predicted)
                continue
            clean = (latent - math.sqrt(1 - now) * output) / math.sqrt(now)
            # As large as the noise is at the start; the standardisation takes the factor out again.
            latent = standardise(math.sqrt(now) * (math.sqrt(after) * clean + math.sqrt(1 - after) * output))
        return latent

    def decode(self, latent):
        """Class scores, all samples in one batch: several times faster in PyTorch than one after the other."""
        return stack(self.weights.label_decoder, self.network["label_decoder"], latent)


def run(model, image, noise, steps):
    """What comes out of every stage, and the seconds it took."""
    outputs, seconds = {}, {}

    def stage(name, function, *inputs):
        started = time.perf_counter()
        outputs[name] = function(*inputs)
        seconds[name] = time.perf_counter() - started

    stage("embedding", model.encode, image)
    stage("latent", model.sample, outputs["embedding"], noise, steps)
    stage("scores", model.decode, outputs["latent"])
    seconds["total"] = sum(seconds.values())
    return outputs, seconds


def compare(outputs, dump, model):
    """Largest difference of every stage over the largest value, and how many positions are given another class."""
    report = {}
    for name, found in outputs.items():
        expected = model.flat(dump[name])
        report[name] = float((found - expected).abs().max() / expected.abs().max())
    labels = [scores.argmax(1) for scores in (outputs["scores"], model.flat(dump["scores"]))]
    report["labels"] = int((labels[0] != labels[1]).sum())
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="has config.json and weights.safetensors")
    parser.add_argument("--shape", type=int, nargs=5, metavar="N", help="batch 1, channel, depth, height, width")
    parser.add_argument("--samples", type=int, default=1)
    parser.add_argument("--steps", type=int, default=3, help="times visited, time 0 included")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--against", type=Path, help="image, noise, embedding, latent and scores of ldseg")
    parser.add_argument("--json", action="store_true", help="times and differences on one line")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model = Model(args.folder)
    dump = load_file(args.against) if args.against else None
    if dump:
        image, noise, steps = model.flat(dump["image"]), model.flat(dump["noise"]), int(dump["steps"])
    else:
        shape = args.shape or [1, model.config["input"]["channels"], *model.config["input"]["crop"]]
        factor = model.network["downsampling"]
        factors = [1 if model.network["planar"] else factor, factor, factor]
        latent = [size // factor for size, factor in zip(shape[2:], factors)]
        image = model.flat(torch.rand(shape))
        noise = model.flat(torch.randn(args.samples, model.network["latent_channels"], *latent))
        steps = args.steps
    with torch.inference_mode():
        run(model, image, noise, steps)
        times = []
        for _ in range(args.repeats):
            outputs, seconds = run(model, image, noise, steps)
            times.append(seconds)
    report = {name: [min(t[name] for t in times), statistics.median(t[name] for t in times)] for name in times[0]}
    differences = compare(outputs, dump, model) if dump else {}
    if args.json:
        print(json.dumps({"torch": torch.__version__, "seconds": report, "differences": differences}))
        return
    print(f"PyTorch {torch.__version__}, {args.threads} threads, {len(noise)} samples, {steps} steps")
    for name, (shortest, median) in report.items():
        print(f"{name:10} {shortest:9.4f} s shortest {median:9.4f} s median")
    for name, difference in differences.items():
        print(f"{name:10} differs from ldseg by {difference}")


if __name__ == "__main__":
    main()

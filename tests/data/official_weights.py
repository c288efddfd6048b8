"""Converts what the authors of LDSeg published, for the tests of src/model/official.rs.

    python3 official_weights.py <data folder> <output folder>

The data folder holds `ldseg_official` (six Keras weight files and the GlaS cases) and, if there, `knee_oai`. Out come
safetensors files that keep Keras's names and layouts (a kernel is [..., in, out]), and the cases as the authors' code
prepares them. Published without a licence: for checking on this machine, never to be passed on.

Needs h5py, numpy, safetensors, scipy and SimpleITK.
"""

import sys
from pathlib import Path

import h5py
import numpy as np
import SimpleITK as sitk
from safetensors.numpy import save_file
from scipy.ndimage import zoom

PARTS = ["labelEncoder", "imageEncoder", "labelDecoder"]
PLANAR_SHAPE = (512, 512)
VOLUME_SHAPE = (128, 128, 256)


def weights(path):
    """All weights of a file of Keras's `save_weights`, by name."""
    with h5py.File(path, "r") as file:
        groups = [file[layer] for layer in file.attrs["layer_names"]]
        return {name: group[name][()] for group in groups for name in group.attrs["weight_names"]}


def nearest(array, shape):
    """Nearest neighbour as OpenCV counts it: output row i is input row floor(i * n_in / n_out)."""
    rows, columns = (np.arange(out) * size // out for size, out in zip(array.shape, shape))
    return array[np.ix_(rows, columns)]


def min_max(image):
    """Smallest value to 0, largest to 1, over all channels together."""
    image = image.astype(np.float64)
    return ((image - image.min()) / (image.max() - image.min())).astype(np.float32)


def linear(volume):
    """Linear interpolation between corners; an integer volume is rounded."""
    factors = [out / size for size, out in zip(volume.shape, VOLUME_SHAPE)]
    return zoom(volume, factors, order=1, mode="nearest")


def read(path):
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def gland_case(image_path, label_path):
    image, label = read(image_path), read(label_path)
    image = nearest(image, PLANAR_SHAPE).transpose(2, 0, 1)
    return min_max(image)[:, None], (nearest(label, PLANAR_SHAPE) > 0).astype(np.uint8)[None]


def knee_case(image_path, label_path):
    image, label = read(image_path), read(label_path)
    first, second = (linear((label == i).astype(np.int32)) for i in (1, 2))
    return linear(min_max(image))[None], np.where(second > 0, 2, first).astype(np.uint8)


def cases(folder, prepare, suffix):
    """`caseN/image` [channel, depth, height, width] and `caseN/label` [depth, height, width]."""
    tensors = {}
    for image_path in sorted((folder / "images").glob(f"Case*{suffix}")):
        image, label = prepare(image_path, folder / "labels" / image_path.name)
        name = image_path.name.removesuffix(suffix).lower()
        tensors[f"{name}/image"] = np.ascontiguousarray(image)
        tensors[f"{name}/label"] = np.ascontiguousarray(label)
    return tensors


def main(data, out):
    official, knee = data / "ldseg_official", data / "knee_oai"
    for part in [part + dims for part in PARTS for dims in ("", "3D")]:
        save_file(weights(official / f"{part}.hdf5"), out / f"{part}.safetensors")
    save_file(cases(official / "glas", gland_case, ".png"), out / "glas.safetensors")
    if knee.is_dir():
        save_file(cases(knee, knee_case, ".nii.gz"), out / "knee.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

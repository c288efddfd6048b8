"""Writes nifti_odd_nibabel.json: what nibabel reads from every file of the folder nifti_odd.

    python nifti_odd_nibabel.py "$LDSEG_DATA/nifti_odd" > nifti_odd_nibabel.json

Per file: shape, stored type, affine, orientation, slope and intercept; of the scaled values (of colours: of the bytes)
the sum, lowest and highest finite one, the number that are not finite, and the value at a few voxels [i, j, k, ...].
Where nibabel refuses: its error.
"""

import json
import pathlib
import sys

import nibabel
import numpy


def voxels(shape):
    """The corners and a few voxels inside, the same for every reader."""
    last = [n - 1 for n in shape]
    third = [n // 3 for n in shape]
    two_thirds = [2 * n // 3 for n in shape]
    middle = [n // 2 for n in shape]
    return [[0] * len(shape), third, middle, two_thirds, last]


def plain(number):
    number = float(number)
    return number if numpy.isfinite(number) else None


def describe(path):
    image = nibabel.load(path)
    proxy = image.dataobj
    stored = numpy.asanyarray(image.dataobj.get_unscaled())
    is_color = stored.dtype.fields is not None
    if stored.dtype.kind == "c":
        return {"complex": True}
    if is_color:
        names = stored.dtype.names
        values = numpy.stack([stored[name] for name in names], axis=-1)
        at = lambda voxel: [int(x) for x in values[tuple(voxel)]]
    else:
        values = image.get_fdata(dtype=numpy.float64)
        at = lambda voxel: plain(values[tuple(voxel)])
    finite = values[numpy.isfinite(values)].astype(numpy.float64)
    shape = [int(n) for n in image.shape]
    return {
        "shape": shape,
        "dtype": {3: "rgb", 4: "rgba"}[len(names)] if is_color else stored.dtype.newbyteorder("=").name,
        "big_endian": image.header.endianness == ">",
        "affine": [float(x) for x in numpy.asarray(image.affine, dtype=numpy.float64).ravel()],
        "axcodes": "".join(nibabel.aff2axcodes(image.affine)),
        "slope": float(proxy.slope),
        "inter": float(proxy.inter),
        "sum": float(finite.sum()),
        "min": plain(finite.min()) if finite.size else None,
        "max": plain(finite.max()) if finite.size else None,
        "n_not_finite": int(values.size - finite.size),
        "voxels": [[voxel, at(voxel)] for voxel in voxels(shape)],
    }


def main(folder):
    answers = {}
    for path in sorted(folder.glob("*/*")):
        try:
            answer = describe(path)
        except Exception as error:
            answer = {"error": type(error).__name__}
        answers[path.relative_to(folder).as_posix()] = answer
    lines = [f"  {json.dumps(name)}: {json.dumps(answer)}" for name, answer in answers.items()]
    print("{\n" + ",\n".join(lines) + "\n}")


main(pathlib.Path(sys.argv[1]))

"""What SimpleITK writes and reads, for tests/formats.rs.

    formats.py write FOLDER       writes images in several formats and a JSON of where voxels lie and what they hold
    formats.py read MASK...       prints the JSON of masks that the program wrote
    formats.py cine FOLDER        writes an image of several frames, cine.nii.gz
    formats.py frames MASK        prints the JSON of a mask of several frames that the program wrote
"""

import json
import sys
from pathlib import Path

import numpy
import SimpleITK

PLACES = [[0, 0, 0], [4, 0, 0], [0, 3, 0], [0, 0, 2], [4, 3, 2]]


def describe(path):
    image = SimpleITK.ReadImage(str(path))
    return {
        "size": list(image.GetSize()),
        # Of the world that runs to the right, anterior and superior.
        "points": [
            (numpy.array([-1, -1, 1]) * image.TransformIndexToPhysicalPoint(place)).tolist() for place in PLACES
        ],
        "values": [float(image[place]) for place in PLACES],
    }


def write(folder):
    for name, kind, endings in [
        ("short", numpy.int16, ["nrrd", "mha", "mhd", "nhdr", "nii.gz"]),
        ("float", numpy.float32, ["nrrd", "mha"]),
        ("labels", numpy.uint8, ["nrrd", "mha"]),
    ]:
        numbers = numpy.arange(60).reshape(3, 4, 5) * (1 if kind == numpy.uint8 else -7)
        image = SimpleITK.GetImageFromArray(numbers.astype(kind))
        image.SetSpacing([0.5, 2.25, 3.0])
        image.SetOrigin([-10.5, 20.25, 30.125])
        image.SetDirection([0.36, 0.48, -0.8, -0.8, 0.6, 0.0, 0.48, 0.64, 0.6])
        for ending in endings:
            for packed in [False, True]:
                path = folder / f"{name}-{packed}.{ending}"
                SimpleITK.WriteImage(image, str(path), packed)
                json.dump(describe(path), open(f"{path}.json", "w"))


def cine(folder):
    image = SimpleITK.GetImageFromArray(numpy.arange(240, dtype=numpy.int16).reshape(4, 3, 4, 5), isVector=False)
    image.SetSpacing([0.5, 2.25, 3.0, 0.03125])
    image.SetOrigin([-10.5, 20.25, 30.125, 0.0])
    direction = numpy.eye(4)
    direction[:3, :3] = [[0.36, 0.48, -0.8], [-0.8, 0.6, 0.0], [0.48, 0.64, 0.6]]
    image.SetDirection(direction.flatten().tolist())
    SimpleITK.WriteImage(image, str(folder / "cine.nii.gz"))


def frames(path):
    image = SimpleITK.ReadImage(path)
    source = SimpleITK.ReadImage(str(Path(path).with_name("cine.nii.gz")))
    return {
        "size": list(image.GetSize()),
        "spacing": list(image.GetSpacing()),
        "points": [list(image.TransformIndexToPhysicalPoint([*place, 1])) for place in PLACES],
        "source_points": [list(source.TransformIndexToPhysicalPoint([*place, 1])) for place in PLACES],
        "values": [[image[[*place, frame]] for place in PLACES] for frame in range(image.GetSize()[3])],
    }


if sys.argv[1] == "write":
    write(Path(sys.argv[2]))
elif sys.argv[1] == "cine":
    cine(Path(sys.argv[2]))
elif sys.argv[1] == "frames":
    print(json.dumps(frames(sys.argv[2])))
else:
    print(json.dumps([describe(path) for path in sys.argv[2:]]))

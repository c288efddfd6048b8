"""What Pillow and pycocotools write and read, for tests/formats.rs.

    pictures.py write FOLDER          writes pictures in several formats and a JSON of what each holds
    pictures.py read PNG16 PNG COCO   prints the JSON of masks that the program wrote
    pictures.py stack TIF16 TIF COCO FOLDER16 FOLDER
                                      prints the ids of each slice, by pycocotools of COCO, by Pillow of the others
"""

import json
import sys
from pathlib import Path

import numpy
from PIL import Image, ImageSequence
from pycocotools import mask as coco

PLACES = [[0, 0], [6, 0], [0, 4], [6, 4], [3, 2]]


def numbers(kind, *channels):
    count = 7 * 5 * int(numpy.prod(channels or (1,)))
    step = 251 if kind == numpy.uint16 else 3
    return (numpy.arange(count) * step).astype(kind).reshape(5, 7, *channels)


def write(folder):
    grey, deep = Image.fromarray(numbers(numpy.uint8)), Image.fromarray(numbers(numpy.uint16))
    rgb, rgba = Image.fromarray(numbers(numpy.uint8, 3)), Image.fromarray(numbers(numpy.uint8, 4))
    black = Image.fromarray(numbers(numpy.uint8) % 2 * 255).convert("1")
    for name, image, endings in [
        ("grey", grey, ["png", "bmp", "tif"]),
        ("deep", deep, ["png", "tif"]),
        ("rgb", rgb, ["png", "bmp", "tif"]),
        ("rgba", rgba, ["png", "tif"]),
        ("palette", rgb.quantize(16), ["png", "bmp"]),
        ("black", black, ["png", "tif"]),
    ]:
        for ending in endings:
            path = folder / f"{name}.{ending}"
            image.save(path, **({"compression": "tiff_lzw"} if ending == "tif" and name != "black" else {}))
            shown = image.convert("RGB") if name == "palette" else image
            values = [numpy.atleast_1d(shown.getpixel(tuple(place))).tolist() for place in PLACES]
            json.dump({"size": image.size, "values": values}, open(f"{path}.json", "w"))


def read(deep, indexed, annotations):
    deep, indexed = Image.open(deep), Image.open(indexed)
    assert indexed.mode == "P", indexed.mode
    said = json.load(open(annotations))
    areas = {}
    for annotation in said["annotations"]:
        runs = annotation["segmentation"]
        packed = coco.frPyObjects(runs, *runs["size"])
        areas[annotation["category_id"]] = [int(coco.area(packed)), coco.toBbox(packed).tolist(), annotation["bbox"]]
    values = [[int(image.getpixel(tuple(place))) for place in PLACES] for image in (deep, indexed)]
    print(json.dumps({"deep": values[0], "indexed": values[1], "palette": indexed.getpalette()[3:6], "areas": areas}))


def stack(deep, shallow, annotations, *folders):
    said = json.load(open(annotations))
    decoded = {image["id"]: numpy.zeros((image["height"], image["width"]), int) for image in said["images"]}
    for annotation in said["annotations"]:
        runs = annotation["segmentation"]
        mask = coco.decode(coco.frPyObjects(runs, *runs["size"]))
        decoded[annotation["image_id"]][mask == 1] = annotation["category_id"]
    pages = [[numpy.array(page) for page in ImageSequence.Iterator(Image.open(path))] for path in (deep, shallow)]
    masks = [[numpy.array(Image.open(path)) for path in sorted(Path(folder).iterdir())] for folder in folders]
    stacks = [*pages, list(decoded.values()), *masks]
    print(json.dumps([numpy.stack(stack).reshape(-1).tolist() for stack in stacks]))


if sys.argv[1] == "write":
    write(Path(sys.argv[2]))
elif sys.argv[1] == "stack":
    stack(*sys.argv[2:])
else:
    read(*sys.argv[2:])

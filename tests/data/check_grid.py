"""Says whether masks lie where their images lie, as nibabel reads both.

Usage: check_grid.py IMAGE MASK [IMAGE MASK ...]
Exits 1 and names the pair where shape, affine, codes, units or voxel sizes differ.
"""

import sys

import nibabel
import numpy


def differences(image, mask):
    """Yields a sentence for everything in which the two headers disagree."""
    a, b = image.header, mask.header
    if image.shape[:3] != mask.shape:
        yield f"shape {mask.shape}, expected {image.shape[:3]}"
    if not numpy.array_equal(image.affine, mask.affine):
        yield f"affine\n{mask.affine}\nexpected\n{image.affine}"
    for code in ("qform_code", "sform_code"):
        if a[code] != b[code]:
            yield f"{code} {b[code]}, expected {a[code]}"
    for field in ("srow_x", "srow_y", "srow_z", "quatern_b", "quatern_c", "quatern_d"):
        if not numpy.array_equal(a[field], b[field]):
            yield f"{field} {b[field]}, expected {a[field]}"
    if not numpy.array_equal(a["pixdim"][:4], b["pixdim"][:4]):
        yield f"pixdim {b['pixdim'][:4]}, expected {a['pixdim'][:4]}"
    if a.get_xyzt_units()[0] != b.get_xyzt_units()[0]:
        yield f"units {b.get_xyzt_units()}, expected {a.get_xyzt_units()}"
    slope, intercept = b.get_slope_inter()
    if (slope or 1, intercept or 0) != (1, 0):
        yield f"labels are scaled by {slope} and {intercept}"
    if not numpy.issubdtype(mask.get_data_dtype(), numpy.integer):
        yield f"labels of type {mask.get_data_dtype()}"


def main(paths):
    """Compares the pairs of `paths`; returns the process's exit code."""
    pairs = list(zip(paths[::2], paths[1::2], strict=True))
    failed = False
    for image, mask in pairs:
        for difference in differences(nibabel.load(image), nibabel.load(mask)):
            print(f"{mask}: {difference}")
            failed = True
    if not failed:
        print(f"{len(pairs)} masks on the grids of their images")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

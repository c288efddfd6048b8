"""Writes nifti2_little_endian.nii.gz and nifti2_big_endian.nii.gz beside this file, with nibabel."""

import pathlib

import nibabel
import numpy

folder = pathlib.Path(__file__).parent
affine = numpy.diag([-0.5, 0.75, 1.25, 1.0])
affine[:3, 3] = [10, 20, 30]
for name, order in [("little", "<"), ("big", ">")]:
    header = nibabel.Nifti2Header(endianness=order)
    header.set_data_dtype(numpy.dtype("int16").newbyteorder(order))
    stored = numpy.arange(48, dtype="int16").reshape((4, 3, 2, 2), order="F")
    image = nibabel.Nifti2Image(stored, affine, header)
    image.header.set_slope_inter(0.25, -10.0)
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_qform(affine, 1)
    image.header.set_sform(affine, 1)
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"made for a test"))
    nibabel.save(image, folder / f"nifti2_{name}_endian.nii.gz")

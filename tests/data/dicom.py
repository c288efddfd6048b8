"""DICOM files for tests/dicom.rs.

    dicom.py write FOLDER          writes series into folders of their own, each with what SimpleITK and pydicom say of it
    dicom.py samples               prints the folder of pydicom's own test files
    dicom.py read SEG SERIES       prints what pydicom and highdicom make of a segmentation of a series in a folder
    dicom.py times SEG             prints time, frame of the source and place of each frame of a segmentation
    dicom.py segment SERIES FOLDER writes segmentations with highdicom: (column + row + slice) % 3 in all slices but the first
"""

import json
import random
import sys
from pathlib import Path

import numpy
import pydicom
import SimpleITK
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from highdicom.color import CIELabColor
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentDescription, segread
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless, generate_uid

SIZE = (5, 4, 6)  # columns, rows, slices
SPACING = (0.7, 0.9, 2.5)
AXES = numpy.array([[0.36, 0.48, -0.8], [-0.8, 0.6, 0.0], [0.48, 0.64, 0.6]])  # of columns, rows, slices
ORIGIN = numpy.array([-12.5, 30.25, -100.0])
STEP = AXES[2] * SPACING[2]


def image(series, number):
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID = dataset.SeriesInstanceUID = series
    dataset.PatientName, dataset.PatientID, dataset.StudyDate = "Doe^Jänë", "J1", "20260131"
    dataset.SpecificCharacterSet, dataset.FrameOfReferenceUID = "ISO_IR 100", generate_uid(entropy_srcs=[series])
    for field in ["PatientBirthDate", "PatientSex", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"]:
        setattr(dataset, field, "")
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "CT", 7, number
    dataset.Columns, dataset.Rows = SIZE[:2]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    return dataset


def ct(series, at, number):
    dataset = image(series, number)
    dataset.ImagePositionPatient = [float(x) for x in ORIGIN + STEP * at]
    dataset.ImageOrientationPatient = [float(x) for x in AXES[:2].reshape(-1)]
    dataset.PixelSpacing = [SPACING[1], SPACING[0]]
    dataset.SliceThickness = SPACING[2]
    dataset.RescaleSlope, dataset.RescaleIntercept = 2, -1024
    dataset.PixelData = pixels(at).tobytes()
    return dataset


def pixels(at):
    return (numpy.arange(20).reshape(4, 5) + 100 * at).astype(numpy.uint16)


def save(dataset, folder, name):
    folder.mkdir(exist_ok=True)
    dataset.save_as(folder / name, enforce_file_format=True)


def shuffled(folder, slices, packed=False):
    series, names = generate_uid(), list(range(len(slices)))
    random.Random(3).shuffle(names)
    for name, at in zip(names, slices):
        dataset = ct(series, at, name)
        if packed:
            dataset.compress(RLELossless)
        save(dataset, folder, f"IM{name}.dcm")


def enhanced(folder):
    dataset = ct(generate_uid(), 0, 1)
    del dataset.ImagePositionPatient, dataset.ImageOrientationPatient, dataset.PixelSpacing
    del dataset.RescaleSlope, dataset.RescaleIntercept
    order = [3, 0, 5, 1, 4, 2]
    dataset.NumberOfFrames = len(order)
    dataset.PixelData = b"".join(pixels(at).tobytes() for at in order)

    def group(**items):
        within = Dataset()
        for name, item in items.items():
            of = Dataset()
            for field, value in item.items():
                setattr(of, field, value)
            setattr(within, name, Sequence([of]))
        return within

    dataset.SharedFunctionalGroupsSequence = Sequence([group(
        PlaneOrientationSequence={"ImageOrientationPatient": [float(x) for x in AXES[:2].reshape(-1)]},
        PixelMeasuresSequence={"PixelSpacing": [SPACING[1], SPACING[0]]},
        PixelValueTransformationSequence={"RescaleSlope": 2, "RescaleIntercept": -1024},
    )])
    dataset.PerFrameFunctionalGroupsSequence = Sequence([
        group(PlanePositionSequence={"ImagePositionPatient": [float(x) for x in ORIGIN + STEP * at]}) for at in order
    ])
    save(dataset, folder, "enhanced.dcm")


def ultrasound(folder):
    dataset = image(generate_uid(), 1)
    dataset.Modality = "US"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.NumberOfFrames, dataset.FrameTime = 3, 40
    dataset.FrameIncrementPointer = 0x00181063
    region = Dataset()
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX, region.PhysicalDeltaY = 0.025, 0.05
    dataset.SequenceOfUltrasoundRegions = Sequence([region])
    dataset.PixelData = numpy.arange(3 * 20 * 3).astype(numpy.uint8).tobytes()
    save(dataset, folder, "us.dcm")


def cine(folder):
    """A beat in one place, a file for each frame, named in no order."""
    series = generate_uid()
    for name, frame in [("c", 0), ("a", 1), ("b", 2)]:
        dataset = ct(series, 0, frame + 1)
        dataset.TriggerTime = [10, 45, 110][frame]
        dataset.PixelData = pixels(frame).tobytes()
        save(dataset, folder, f"{name}.dcm")


def write(folder):
    shuffled(folder / "oblique", range(6))
    shuffled(folder / "packed", range(6), packed=True)
    shuffled(folder / "missing", [0, 1, 3, 4, 5])
    shuffled(folder / "double", [0, 1, 2, 3, 4, 5, 2])
    shuffled(folder / "bare", range(6))
    for path in (folder / "bare").iterdir():
        dataset = pydicom.dcmread(path)
        syntax = [ImplicitVRLittleEndian, ExplicitVRLittleEndian][int(dataset.InstanceNumber) % 2]
        bare = Dataset({tag: dataset[tag] for tag in dataset.keys()})
        bare.save_as(path, implicit_vr=syntax.is_implicit_VR, little_endian=True, enforce_file_format=False)
    enhanced(folder / "enhanced")
    ultrasound(folder / "ultrasound")
    cine(folder / "cine")
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder / "oblique")))
    read = reader.Execute()
    places = [[0, 0, 0], [4, 0, 0], [0, 3, 0], [0, 0, 5], [4, 3, 2]]
    points = [(numpy.array([-1, -1, 1]) * read.TransformIndexToPhysicalPoint(place)).tolist() for place in places]
    print(json.dumps({"size": read.GetSize(), "points": points, "values": [float(read[place]) for place in places]}))


def slices(folder):
    """The datasets of a series from the first slice on."""
    datasets = [pydicom.dcmread(path) for path in folder.iterdir()]
    return sorted(datasets, key=lambda dataset: numpy.dot(AXES[2], dataset.ImagePositionPatient))


def read(path, folder):
    dataset, source = pydicom.dcmread(path), slices(folder)
    size = (dataset.NumberOfFrames, dataset.Rows, dataset.Columns)
    bits = numpy.unpackbits(numpy.frombuffer(dataset.PixelData, numpy.uint8), bitorder="little")
    masks = bits[: numpy.prod(size)].reshape(size)
    numbers, refers = numpy.zeros((len(source), *size[1:]), int), True
    shared = dataset.SharedFunctionalGroupsSequence[0]
    orientation = shared.PlaneOrientationSequence[0].ImageOrientationPatient
    assert numpy.allclose(numpy.array(orientation, float), numpy.array(source[0].ImageOrientationPatient, float))
    assert shared.PixelMeasuresSequence[0].PixelSpacing == source[0].PixelSpacing
    for mask, group in zip(masks, dataset.PerFrameFunctionalGroupsSequence):
        position = numpy.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        at, = [k for k, of in enumerate(source) if numpy.allclose(position, numpy.array(of.ImagePositionPatient, float))]
        instance = group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        refers &= instance == source[at].SOPInstanceUID
        numbers[at][mask == 1] = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
    segmentation = segread(path)
    volume = segmentation.get_volume(combine_segments=True, allow_missing_positions=True)
    first = int(numpy.flatnonzero(numbers.any(axis=(1, 2)))[0])
    found = volume.array if numpy.dot(volume.affine[:3, 0], AXES[2]) > 0 else volume.array[::-1]
    assert numpy.array_equal(found, numbers[first : first + len(found)]), "highdicom reads other voxels"
    colors = [segment.RecommendedDisplayCIELabValue for segment in dataset.SegmentSequence]
    kept = ["PatientName", "PatientID", "StudyDate", "StudyInstanceUID", "FrameOfReferenceUID"]
    print(json.dumps({
        "numbers": numbers.reshape(-1).tolist(),
        "names": [segment.SegmentLabel for segment in dataset.SegmentSequence],
        "colors": [CIELabColor.from_dicom_value(value).to_rgb() for value in colors],
        "keeps_patient": all(getattr(dataset, field) == getattr(source[0], field) for field in kept),
        "refers": refers,
    }))


def times(path):
    print(json.dumps([
        [
            group.FrameContentSequence[0].TemporalPositionIndex,
            int(group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber),
            [float(x) for x in group.PlanePositionSequence[0].ImagePositionPatient],
        ]
        for group in pydicom.dcmread(path).PerFrameFunctionalGroupsSequence
    ]))


def segment(folder, target):
    source = slices(folder)
    k, j, i = numpy.indices((len(source), *source[0].pixel_array.shape))
    numbers = (i + j + k) % 3 * (k > 0)
    described = [
        SegmentDescription(number, name, codes.SCT.Tissue, codes.SCT.Tissue, SegmentAlgorithmTypeValues.MANUAL,
                           display_color=CIELabColor.from_rgb(*color))
        for number, name, color in [(1, "Wand", (200, 30, 40)), (2, "Höhle", (10, 250, 90))]
    ]
    each = numpy.stack([numbers == 1, numbers == 2], axis=-1)
    overlapping = each | numpy.array([False, True])
    for name, kind, array in [
        ("binary", "BINARY", numbers.astype(numpy.uint8)),
        ("labelmap", "LABELMAP", numbers.astype(numpy.uint8)),
        ("fractional", "FRACTIONAL", each * 0.8),
        ("overlapping", "BINARY", overlapping.astype(numpy.uint8)),
    ]:
        Segmentation(source, array, kind, described, generate_uid(), 5, generate_uid(), 1,
                     "Maker", "Model", "1", "2").save_as(target / f"{name}.dcm")


if sys.argv[1] == "write":
    write(Path(sys.argv[2]))
elif sys.argv[1] == "read":
    read(Path(sys.argv[2]), Path(sys.argv[3]))
elif sys.argv[1] == "times":
    times(Path(sys.argv[2]))
elif sys.argv[1] == "segment":
    segment(Path(sys.argv[2]), Path(sys.argv[3]))
else:
    print(Path(pydicom.__file__).parent / "data" / "test_files")

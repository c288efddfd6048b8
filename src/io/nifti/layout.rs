//! Where the numbers of a NIfTI header lie: the two versions side by side, read and written in either byte order.
//!
//! Offsets follow `nifti1.h` and `nifti2.h` of the NIfTI Data Format Working Group.

/// The two versions of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// 348 bytes, 16-bit sizes.
    One,
    /// 540 bytes, 64-bit sizes.
    Two,
}

/// One number of a header: its offset and its size in bytes. Arrays follow on from their first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    at: usize,
    size: usize,
}

const fn slot(at: usize, size: usize) -> Slot {
    Slot { at, size }
}

impl Slot {
    /// The header's first number, its own size; the same in both versions.
    pub const SIZE_OF_HEADER: Self = slot(0, 4);

    /// The `i`-th number of the array that starts here.
    pub const fn nth(self, i: usize) -> Self {
        Self { at: self.at + i * self.size, size: self.size }
    }
}

/// The slots that the program reads or writes, and the byte ranges of the header's texts.
#[derive(Debug)]
pub(super) struct Layout {
    pub header_bytes: usize,
    pub dim: Slot,
    pub intent_p: Slot,
    pub intent_code: Slot,
    pub datatype: Slot,
    pub bitpix: Slot,
    pub slice_start: Slot,
    pub slice_end: Slot,
    pub slice_code: Slot,
    pub slice_duration: Slot,
    pub pixdim: Slot,
    pub vox_offset: Slot,
    pub scl_slope: Slot,
    pub scl_inter: Slot,
    pub xyzt_units: Slot,
    pub cal_max: Slot,
    pub cal_min: Slot,
    pub toffset: Slot,
    pub qform_code: Slot,
    pub sform_code: Slot,
    pub quatern: Slot,
    pub qoffset: Slot,
    pub srow: Slot,
    pub magic: std::ops::Range<usize>,
    pub descrip: std::ops::Range<usize>,
    pub aux_file: std::ops::Range<usize>,
    pub intent_name: std::ops::Range<usize>,
    /// Unused since ANALYZE, and known to hold names of patients.
    pub analyze_text: std::ops::Range<usize>,
}

const NIFTI_1: Layout = Layout {
    header_bytes: 348,
    dim: slot(40, 2),
    intent_p: slot(56, 4),
    intent_code: slot(68, 2),
    datatype: slot(70, 2),
    bitpix: slot(72, 2),
    slice_start: slot(74, 2),
    slice_end: slot(120, 2),
    slice_code: slot(122, 1),
    slice_duration: slot(132, 4),
    pixdim: slot(76, 4),
    vox_offset: slot(108, 4),
    scl_slope: slot(112, 4),
    scl_inter: slot(116, 4),
    xyzt_units: slot(123, 1),
    cal_max: slot(124, 4),
    cal_min: slot(128, 4),
    toffset: slot(136, 4),
    qform_code: slot(252, 2),
    sform_code: slot(254, 2),
    quatern: slot(256, 4),
    qoffset: slot(268, 4),
    srow: slot(280, 4),
    magic: 344..348,
    descrip: 148..228,
    aux_file: 228..252,
    intent_name: 328..344,
    analyze_text: 4..32,
};

/// NIfTI-1's `glmin`, unused but for the surfaces of FreeSurfer.
pub(super) const GLMIN: Slot = slot(144, 4);

const NIFTI_2: Layout = Layout {
    header_bytes: 540,
    dim: slot(16, 8),
    intent_p: slot(80, 8),
    intent_code: slot(504, 4),
    datatype: slot(12, 2),
    bitpix: slot(14, 2),
    slice_start: slot(224, 8),
    slice_end: slot(232, 8),
    slice_code: slot(496, 4),
    slice_duration: slot(208, 8),
    pixdim: slot(104, 8),
    vox_offset: slot(168, 8),
    scl_slope: slot(176, 8),
    scl_inter: slot(184, 8),
    xyzt_units: slot(500, 4),
    cal_max: slot(192, 8),
    cal_min: slot(200, 8),
    toffset: slot(216, 8),
    qform_code: slot(344, 4),
    sform_code: slot(348, 4),
    quatern: slot(352, 8),
    qoffset: slot(376, 8),
    srow: slot(400, 8),
    magic: 4..12,
    descrip: 240..320,
    aux_file: 320..344,
    intent_name: 508..524,
    analyze_text: 525..540,
};

impl Version {
    pub const fn layout(self) -> &'static Layout {
        match self {
            Self::One => &NIFTI_1,
            Self::Two => &NIFTI_2,
        }
    }
}

/// The bytes of one header with the byte order of its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Exactly the version's `header_bytes`.
    bytes: Vec<u8>,
    pub version: Version,
    pub is_big_endian: bool,
}

impl Block {
    /// `bytes` must be the version's `header_bytes` long.
    pub fn new(bytes: Vec<u8>, version: Version, is_big_endian: bool) -> Self {
        debug_assert_eq!(bytes.len(), version.layout().header_bytes);
        Self { bytes, version, is_big_endian }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The up to 8 bytes of a number, least significant first.
    fn little_endian(&self, slot: Slot) -> [u8; 8] {
        let mut number = [0; 8];
        let stored = &self.bytes[slot.at..slot.at + slot.size];
        number[..slot.size].copy_from_slice(stored);
        if self.is_big_endian {
            number[..slot.size].reverse();
        }
        number
    }

    /// A signed integer of any size.
    pub fn int(&self, slot: Slot) -> i64 {
        // Moved to the top and back, so that the sign comes along.
        let unused_bits = 64 - 8 * slot.size as u32;
        (i64::from_le_bytes(self.little_endian(slot)) << unused_bits) >> unused_bits
    }

    /// A float of 4 or 8 bytes.
    pub fn float(&self, slot: Slot) -> f64 {
        let number = self.little_endian(slot);
        if slot.size == 4 {
            f64::from(f32::from_le_bytes([number[0], number[1], number[2], number[3]]))
        } else {
            f64::from_le_bytes(number)
        }
    }

    /// Stores the low bytes of an integer. The caller knows that it fits.
    pub fn set_int(&mut self, slot: Slot, value: i64) {
        self.set(slot, value.to_le_bytes());
    }

    /// Stores a float, rounded to the slot's size.
    pub fn set_float(&mut self, slot: Slot, value: f64) {
        let mut number = [0; 8];
        if slot.size == 4 {
            number[..4].copy_from_slice(&(value as f32).to_le_bytes());
        } else {
            number = value.to_le_bytes();
        }
        self.set(slot, number);
    }

    fn set(&mut self, slot: Slot, little_endian: [u8; 8]) {
        let stored = &mut self.bytes[slot.at..slot.at + slot.size];
        stored.copy_from_slice(&little_endian[..slot.size]);
        if self.is_big_endian {
            stored.reverse();
        }
    }

    /// Stores a text, cut to its range and padded with zeros.
    pub fn set_text(&mut self, range: std::ops::Range<usize>, text: &[u8]) {
        let stored = &mut self.bytes[range];
        stored.fill(0);
        let n = text.len().min(stored.len());
        stored[..n].copy_from_slice(&text[..n]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_in_both_byte_orders_and_versions() {
        for (version, is_big_endian) in
            [(Version::One, false), (Version::One, true), (Version::Two, false), (Version::Two, true)]
        {
            let layout = version.layout();
            let mut block = Block::new(vec![0; layout.header_bytes], version, is_big_endian);
            for i in 0..8 {
                block.set_int(layout.dim.nth(i), -3 + i as i64);
                block.set_float(layout.pixdim.nth(i), 0.5 * i as f64);
            }
            for i in 0..8 {
                assert_eq!(block.int(layout.dim.nth(i)), -3 + i as i64);
                assert_eq!(block.float(layout.pixdim.nth(i)), 0.5 * i as f64);
            }
        }
    }

    #[test]
    fn no_two_fields_share_bytes() {
        for layout in [&NIFTI_1, &NIFTI_2] {
            let mut owners = vec![0; layout.header_bytes];
            let slots = [
                (layout.dim, 8),
                (layout.intent_p, 3),
                (layout.intent_code, 1),
                (layout.datatype, 1),
                (layout.bitpix, 1),
                (layout.slice_start, 1),
                (layout.slice_end, 1),
                (layout.slice_code, 1),
                (layout.slice_duration, 1),
                (layout.pixdim, 8),
                (layout.vox_offset, 1),
                (layout.scl_slope, 1),
                (layout.scl_inter, 1),
                (layout.xyzt_units, 1),
                (layout.cal_max, 1),
                (layout.cal_min, 1),
                (layout.toffset, 1),
                (layout.qform_code, 1),
                (layout.sform_code, 1),
                (layout.quatern, 3),
                (layout.qoffset, 3),
                (layout.srow, 12),
            ];
            let ranges = slots.iter().map(|(slot, n)| slot.at..slot.at + slot.size * n);
            let texts = [&layout.magic, &layout.descrip, &layout.aux_file, &layout.intent_name, &layout.analyze_text];
            for range in ranges.chain(texts.into_iter().cloned()) {
                for byte in range {
                    owners[byte] += 1;
                    assert_eq!(owners[byte], 1, "byte {byte}");
                }
            }
        }
    }
}

//! Protobuf's wire format: keys, varints, length-delimited pieces.
use super::ProtobufError;

/// Reads the fields of a message.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

/// What a field holds on the wire.
#[derive(Clone, Copy, Debug)]
pub(super) enum Payload<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

const CUT_OFF: ProtobufError = ProtobufError::Malformed("cut off");

impl<'a> Reader<'a> {
    pub(super) fn varint(&mut self) -> Result<u64, ProtobufError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or(CUT_OFF)?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(ProtobufError::Malformed("a number that is too long"))
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], ProtobufError> {
        let length = usize::try_from(length).map_err(|_| CUT_OFF)?;
        let (taken, rest) = self.0.split_at_checked(length).ok_or(CUT_OFF)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ProtobufError> {
        self.take(N as u64)?.try_into().map_err(|_| CUT_OFF)
    }

    /// The next field's number and payload; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u32, Payload<'a>)>, ProtobufError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).map_err(|_| ProtobufError::Malformed("a field number"))?;
        let payload = match key & 7 {
            0 => Payload::Varint(self.varint()?),
            1 => Payload::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = self.varint()?;
                Payload::Bytes(self.take(length)?)
            }
            5 => Payload::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(ProtobufError::Malformed("an unknown wire type")),
        };
        Ok(Some((number, payload)))
    }
}

impl<'a> Payload<'a> {
    pub(super) fn bytes(self) -> Result<&'a [u8], ProtobufError> {
        match self {
            Payload::Bytes(bytes) => Ok(bytes),
            _ => Err(ProtobufError::Malformed("a number where bytes belong")),
        }
    }
    pub(super) fn text(self) -> Result<&'a str, ProtobufError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| ProtobufError::Malformed("text that is not UTF-8"))
    }
    pub(super) fn integer(self) -> Result<i64, ProtobufError> {
        match self {
            Payload::Varint(value) | Payload::Fixed64(value) => Ok(value as i64),
            Payload::Fixed32(value) => Ok(i64::from(value)),
            Payload::Bytes(_) => Err(ProtobufError::Malformed("bytes where a number belongs")),
        }
    }
    pub(super) fn double(self) -> Result<f64, ProtobufError> {
        match self {
            Payload::Fixed64(value) => Ok(f64::from_bits(value)),
            _ => Err(ProtobufError::Malformed("no floating-point number")),
        }
    }
}

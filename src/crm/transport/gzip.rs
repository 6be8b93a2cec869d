//! Bodies that go gzipped, to vendors that say they read them.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Bytes from which on a body is worth it; a smaller one takes one round trip either way.
const PACKED_MIN: usize = 64 * 1024;

/// Packs a body; `None` where it is as well sent as it is.
pub fn packed(text: &str) -> Option<Vec<u8>> {
    if text.len() < PACKED_MIN {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 4), Compression::fast());
    encoder.write_all(text.as_bytes()).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn a_large_body_comes_out_as_it_went_in_and_a_small_one_is_left() {
        let text = "{\"Title\":\"Équipe Ventes\"}".repeat(PACKED_MIN / 20);
        let packed_text = packed(&text).expect("it is large");
        assert!(packed_text.len() < text.len() / 20, "{}", packed_text.len());
        let mut unpacked = String::new();
        GzDecoder::new(&*packed_text).read_to_string(&mut unpacked).expect("it is gzip");
        assert_eq!(unpacked, text);
        assert_eq!(packed(&"x".repeat(PACKED_MIN - 1)), None);
    }
}

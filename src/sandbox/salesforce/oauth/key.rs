//! The RSA public key in a PEM text: a certificate, a public key, or a bare RSA key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
/// Version of a certificate, which old ones leave out.
const CONTEXT_0: u8 = 0xA0;
/// Fields of a certificate between its version and its key: serial number, signature algorithm,
/// issuer, validity, subject.
const FIELDS_BEFORE_KEY: usize = 5;

/// Returns the DER of the RSA key itself (PKCS #1), or `None` when the text holds none.
pub fn rsa_key(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    let body: String = body.split_whitespace().collect();
    let der = STANDARD.decode(body).ok()?;
    match label {
        "RSA PUBLIC KEY" => Some(der),
        "PUBLIC KEY" => key_of_info(&der).map(<[u8]>::to_vec),
        "CERTIFICATE" => {
            let (_, certificate, _) = element(&der)?;
            let (_, mut fields, _) = element(certificate)?;
            if fields.first() == Some(&CONTEXT_0) {
                fields = element(fields)?.2;
            }
            for _ in 0..FIELDS_BEFORE_KEY {
                fields = element(fields)?.2;
            }
            key_of_info(fields).map(<[u8]>::to_vec)
        }
        _ => None,
    }
}

/// Takes the key out of a `SubjectPublicKeyInfo`: an algorithm and a bit string.
fn key_of_info(der: &[u8]) -> Option<&[u8]> {
    let (SEQUENCE, info, _) = element(der)? else { return None };
    let (_, _, rest) = element(info)?;
    let (BIT_STRING, bits, _) = element(rest)? else { return None };
    // The first byte counts the unused bits of the last, which a key has none of.
    bits.split_first().filter(|(unused, _)| **unused == 0).map(|(_, key)| key)
}

/// Splits the first element off: its tag, its content, what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
        let length = digits.iter().try_fold(0_usize, |length, &digit| {
            Some(length.checked_mul(256)? + usize::from(digit))
        })?;
        (length, rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

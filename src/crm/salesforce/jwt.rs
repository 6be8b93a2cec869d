//! The assertion of the JWT bearer flow, signed with the key whose certificate the app holds.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;

use super::KIND;
use crate::crm::transport::Now;
use crate::crm::{CrmError, Sensitive};

/// The org takes an assertion that ends within three minutes (help page; some guides say five). Two
/// leave room for a clock that is ahead.
const SECONDS_UNTIL_END: i64 = 120;

const HEADER: &str = r#"{"alg":"RS256"}"#;

/// Who asserts what to whom.
pub struct Assertion {
    /// Consumer key of the app.
    pub client_id: Sensitive<String>,
    pub username: String,
    /// `https://login.salesforce.com`, `https://test.salesforce.com`, or the org's own address.
    pub audience: String,
    key: RsaKeyPair,
    now: Now,
}

impl Assertion {
    /// Reads the key: PEM of an unencrypted RSA key, PKCS#8 or PKCS#1. A literal `\n` stands for a
    /// line's end, since variables often hold one line.
    ///
    /// # Errors
    /// [`CrmError::PrivateKey`]; the message has nothing of the key.
    pub fn new(
        client_id: Sensitive<String>,
        username: String,
        audience: String,
        private_key: &Sensitive<String>,
        now: Now,
    ) -> Result<Self, CrmError> {
        let key = read_key(private_key)?;
        Ok(Self { client_id, username, audience, key, now })
    }

    /// Signs an assertion that holds from now on.
    ///
    /// # Errors
    /// When the machine has no randomness.
    pub fn sign(&self) -> Result<Sensitive<String>, CrmError> {
        let claims = json!({
            "iss": self.client_id.expose(),
            "sub": self.username,
            "aud": self.audience,
            "exp": self.now.tell().as_second() + SECONDS_UNTIL_END,
        });
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let signed =
            format!("{}.{}", encode(HEADER.as_bytes()), encode(claims.to_string().as_bytes()));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| unusable("it does not sign"))?;
        Ok(Sensitive::new(format!("{signed}.{}", encode(&signature))))
    }
}

fn read_key(private_key: &Sensitive<String>) -> Result<RsaKeyPair, CrmError> {
    let pem = private_key.expose().replace("\\n", "\n");
    if pem.contains("ENCRYPTED") {
        return Err(unusable("it is encrypted; store it without a passphrase"));
    }
    let der = PrivateKeyDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| unusable("it is no private key in PEM"))?;
    let key = match &der {
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        _ => return Err(unusable("it is no RSA key")),
    };
    // The rejection is a fixed word of the library, such as `TooSmall`.
    key.map_err(|rejected| unusable(&format!("{rejected} (an RSA key of 2048 bits or more)")))
}

fn unusable(message: &str) -> CrmError {
    CrmError::PrivateKey { kind: KIND, message: message.to_owned() }
}

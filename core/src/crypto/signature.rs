//! ECDSA over P-256 with SHA-256 and over P-384 with SHA-384: DER signatures, compressed public points.

use aws_lc_rs::digest::{self, SHA256, SHA384};
use aws_lc_rs::encoding::{AsBigEndian, EcPublicKeyCompressedBin};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_ASN1_SIGNING,
    EcdsaKeyPair, KeyPair as _, ParsedPublicKey,
};

use crate::error::{Error, ErrorKind, Result};

/// A curve, and the hash that goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
}

impl Curve {
    /// Bytes of a compressed point (SEC 1, section 2.3.3): a mark and one coordinate.
    fn point_length(self) -> usize {
        match self {
            Self::P256 => 33,
            Self::P384 => 49,
        }
    }
}

/// The hash of what is signed, fed piece by piece.
#[derive(Clone)]
pub(crate) struct Digest(digest::Context);

impl Digest {
    pub(crate) fn new(curve: Curve) -> Self {
        Self(digest::Context::new(match curve {
            Curve::P256 => &SHA256,
            Curve::P384 => &SHA384,
        }))
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

/// A key pair that signs one message.
pub(crate) struct SigningKey(EcdsaKeyPair);

impl SigningKey {
    /// A fresh key pair.
    pub(crate) fn generate(curve: Curve) -> Result<Self> {
        let algorithm = match curve {
            Curve::P256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
            Curve::P384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
        };
        EcdsaKeyPair::generate(algorithm).map(Self).map_err(|_| failed("no signature key can be made"))
    }

    /// The public point, compressed.
    pub(crate) fn public_point(&self) -> Result<Vec<u8>> {
        let point: EcPublicKeyCompressedBin<'_> =
            self.0.public_key().as_be_bytes().map_err(|_| failed("no signature key can be made"))?;
        Ok(point.as_ref().to_vec())
    }

    /// A signature, `SEQUENCE { r, s }` in DER. Its length varies by a byte or two.
    pub(crate) fn sign(&self, digest: &Digest) -> Result<Vec<u8>> {
        let signature = self.0.sign_digest(&digest.0.clone().finish()).map_err(|_| failed("nothing can be signed"))?;
        Ok(signature.as_ref().to_vec())
    }
}

/// A public key that verifies.
pub(crate) struct VerifyingKey(ParsedPublicKey);

impl VerifyingKey {
    /// The key at this compressed point. A point that is not on the curve, or not compressed, is an integrity error.
    pub(crate) fn from_point(curve: Curve, point: &[u8]) -> Result<Self> {
        if point.len() != curve.point_length() {
            return Err(Error::integrity());
        }
        let algorithm = match curve {
            Curve::P256 => &ECDSA_P256_SHA256_ASN1,
            Curve::P384 => &ECDSA_P384_SHA384_ASN1,
        };
        ParsedPublicKey::new(algorithm, point).map(Self).map_err(|_| Error::integrity())
    }

    /// Whether this key signed what was hashed; an integrity error if not.
    pub(crate) fn verify(&self, digest: Digest, signature: &[u8]) -> Result<()> {
        self.0.verify_digest_sig(&digest.0.finish(), signature).map_err(|_| Error::integrity())
    }
}

fn failed(what: &'static str) -> Error {
    Error::new(ErrorKind::Io, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verifies_what_it_signs_and_nothing_else() {
        for curve in [Curve::P256, Curve::P384] {
            let key = SigningKey::generate(curve).unwrap();
            let point = key.public_point().unwrap();
            assert_eq!(point.len(), curve.point_length());
            let mut digest = Digest::new(curve);
            digest.update(b"a mess");
            digest.update(b"age");
            let signature = key.sign(&digest).unwrap();
            let verifying = VerifyingKey::from_point(curve, &point).unwrap();
            verifying.verify(digest.clone(), &signature).unwrap();

            for bit in 0..signature.len() * 8 {
                let mut damaged = signature.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert!(verifying.verify(digest.clone(), &damaged).is_err(), "{curve:?} bit {bit}");
            }
            digest.update(b"!");
            assert!(verifying.verify(digest, &signature).is_err());
        }
    }

    #[test]
    fn points_must_be_compressed_and_on_the_curve() {
        assert!(VerifyingKey::from_point(Curve::P256, &[0; 33]).is_err());
        assert!(VerifyingKey::from_point(Curve::P384, &[2; 48]).is_err());
        assert!(VerifyingKey::from_point(Curve::P256, &[0xff; 33]).is_err());
        let mut point = SigningKey::generate(Curve::P384).unwrap().public_point().unwrap();
        point[0] = 4;
        assert!(VerifyingKey::from_point(Curve::P384, &point).is_err());
    }
}

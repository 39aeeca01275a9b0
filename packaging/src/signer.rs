//! Signatures in OpenPGP, and the keys that make them, by generations.
//!
//! A folder of keys holds, for each generation such as `2026`:
//!
//! - `apt-2026.certificate.asc` and `apt-2026.signing.asc`: a certificate and the secret of its signing subkey. The
//!   secret of the certificate itself, `apt-2026.primary.asc`, is moved off the machine once it is made.
//! - `rpm-2026.certificate.asc` and `rpm-2026.signing.asc`: rpm does not see a subkey that joins a certificate it has
//!   imported before, so the certificate signs itself and each generation is a certificate of its own.
//!
//! Every generation whose signing file is there signs for apt. For rpm the oldest signs, and those after it are only
//! announced. What `pack key expire` moved into `retired/` signs nothing, and is known only by what it signed.

mod certificate;

use std::path::Path;

use anyhow::{Context, bail, ensure};
use pgp::armor::BlockType;
use pgp::composed::{
    ArmorOptions, CleartextSignedMessage, Deserializable, DetachedSignature, SignedPublicKey, SignedSecretKey,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{
    Packet, PacketParser, SecretSubkey, Signature, SignatureConfig, SignatureType, Subpacket, SubpacketData,
};
use pgp::ser::Serialize;
use pgp::types::{KeyDetails, Password, SigningKey, Timestamp, VerifyingKey};

pub(crate) use certificate::{Scheme, create};

/// The folder of generations that sign no more.
pub(crate) const RETIRED: &str = "retired";
/// No SHA-1 anywhere: apt and rpm of today refuse it.
const HASH: HashAlgorithm = HashAlgorithm::Sha512;

/// Makes the signatures of one moment.
pub(crate) struct Signer {
    time: Timestamp,
    apt: Vec<AptKey>,
    rpm: Vec<RpmKey>,
    retired: Certificates,
}

struct AptKey {
    certificate: SignedPublicKey,
    signing: SecretSubkey,
}

struct RpmKey {
    generation: String,
    secret: SignedSecretKey,
}

/// What clients have to know: the certificates, oldest generation first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Certificates {
    pub(crate) apt: Vec<SignedPublicKey>,
    /// With the generation, which names the file.
    pub(crate) rpm: Vec<(String, SignedPublicKey)>,
}

impl Signer {
    /// Reads a folder of keys, to sign as of `time` (seconds since the epoch).
    ///
    /// # Errors
    /// If a file is damaged, or there is nothing to sign with.
    pub(crate) fn read(keys: &Path, time: u32) -> anyhow::Result<Self> {
        let (mut apt, mut rpm) = (Vec::new(), Vec::new());
        for (scheme, generation) in generations(keys, "signing.asc")? {
            let file = |kind: &str| keys.join(format!("{scheme}-{generation}.{kind}.asc"));
            match scheme {
                Scheme::Apt => {
                    let certificate = read_certificate(&file("certificate"))?;
                    apt.push(AptKey { certificate, signing: read_subkey(&file("signing"))? });
                }
                Scheme::Rpm => {
                    let text = read(&file("signing"))?;
                    let (secret, _) = SignedSecretKey::from_armor_single(text.as_bytes())
                        .with_context(|| format!("{}", file("signing").display()))?;
                    rpm.push(RpmKey { generation, secret });
                }
            }
        }
        ensure!(
            !apt.is_empty() && !rpm.is_empty(),
            "{}: no keys to sign with; make them with: pack key new --keys {0}",
            keys.display()
        );
        let retired = keys.join(RETIRED);
        let retired = if retired.exists() { Certificates::read(&retired)? } else { Certificates::default() };
        let signer = Self { time: Timestamp::from_secs(time), apt, rpm, retired };
        for created in signer.created() {
            ensure!(
                created <= time,
                "{}: a key is of {created}, later than what it is to sign, {time} seconds since the epoch: give a later \
                 --time (SOURCE_DATE_EPOCH), or make keys with an earlier one",
                keys.display()
            );
        }
        Ok(signer)
    }

    /// What clients have to know of the keys.
    pub(crate) fn certificates(&self) -> Certificates {
        Certificates {
            apt: self.apt.iter().map(|key| key.certificate.clone()).collect(),
            rpm: self.rpm.iter().map(|key| (key.generation.clone(), key.secret.to_public_key())).collect(),
        }
    }

    /// The keys that once signed.
    pub(crate) fn retired(&self) -> &Certificates {
        &self.retired
    }

    /// When the newest of the keys was made.
    pub(crate) fn newest(&self) -> u32 {
        self.created().max().unwrap_or_default()
    }

    /// A text with its signatures around it, as `InRelease` is one.
    ///
    /// # Errors
    /// If a key cannot sign.
    pub(crate) fn sign_clear(&self, text: &str) -> anyhow::Result<String> {
        let message = CleartextSignedMessage::new_many(text, |normalized| {
            self.apt
                .iter()
                .map(|key| self.signature(SignatureType::Text, &key.signing, normalized.as_bytes()))
                .collect()
        })?;
        Ok(message.to_armored_string(ArmorOptions::default())?)
    }

    /// Detached signatures of all apt keys, as `Release.gpg`.
    ///
    /// # Errors
    /// If a key cannot sign.
    pub(crate) fn sign_detached(&self, bytes: &[u8]) -> anyhow::Result<String> {
        let signatures = self
            .apt
            .iter()
            .map(|key| {
                Ok(DetachedSignature::new(self.signature(SignatureType::Binary, &key.signing, bytes)?))
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        armor(&signatures.as_slice(), BlockType::Signature)
    }

    /// The signature of the current rpm key, as `repomd.xml.asc`.
    ///
    /// # Errors
    /// If the key cannot sign.
    pub(crate) fn sign_rpm_detached(&self, bytes: &[u8]) -> anyhow::Result<String> {
        let signature = self.signature(SignatureType::Binary, &self.rpm[0].secret.primary_key, bytes)?;
        armor(&DetachedSignature::new(signature), BlockType::Signature)
    }

    /// The signature of the current rpm key as it stands in the header of a package.
    ///
    /// # Errors
    /// If the key cannot sign.
    pub(crate) fn sign_rpm_binary(&self, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
        let signature = self.signature(SignatureType::Binary, &self.rpm[0].secret.primary_key, bytes)?;
        Ok(DetachedSignature::new(signature).to_bytes()?)
    }

    fn signature(
        &self,
        kind: SignatureType,
        key: &impl SigningKey,
        bytes: &[u8],
    ) -> pgp::errors::Result<Signature> {
        configuration(kind, key, self.time)?.sign(key, &Password::empty(), bytes)
    }

    fn created(&self) -> impl Iterator<Item = u32> {
        let apt = self.apt.iter().map(|key| key.signing.created_at().as_secs());
        apt.chain(self.rpm.iter().map(|key| key.secret.primary_key.created_at().as_secs()))
    }
}

impl Certificates {
    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.apt.is_empty() && self.rpm.is_empty()
    }

    /// Reads the certificates of a folder: those of keys that sign, and of keys that only announce themselves.
    ///
    /// # Errors
    /// If a file is damaged.
    pub(crate) fn read(keys: &Path) -> anyhow::Result<Self> {
        let mut certificates = Self::default();
        for (scheme, generation) in generations(keys, "certificate.asc")? {
            let certificate = read_certificate(&keys.join(format!("{scheme}-{generation}.certificate.asc")))?;
            match scheme {
                Scheme::Apt => certificates.apt.push(certificate),
                Scheme::Rpm => certificates.rpm.push((generation, certificate)),
            }
        }
        Ok(certificates)
    }

    /// Those of apt, each alone with its fingerprint, as a client knows them that came in that generation.
    pub(crate) fn each_of_apt(&self) -> impl Iterator<Item = (String, Self)> {
        self.apt.iter().map(|one| (fingerprint(one), Self { apt: vec![one.clone()], rpm: Vec::new() }))
    }

    /// The key ring of apt: all certificates, in binary.
    ///
    /// # Errors
    /// If a certificate cannot be written.
    pub(crate) fn apt_keyring(&self) -> anyhow::Result<Vec<u8>> {
        Ok(self.apt.as_slice().to_bytes()?)
    }

    /// What a client of rpms imports: all certificates, one after another.
    ///
    /// # Errors
    /// If a certificate cannot be written.
    pub(crate) fn rpm_keys(&self) -> anyhow::Result<String> {
        self.rpm.iter().map(|(_, certificate)| armored(certificate)).collect()
    }

    /// Whether one of apt's keys signed this text; gives the text.
    ///
    /// # Errors
    /// If no signature is good.
    pub(crate) fn verify_clear(&self, signed: &str) -> anyhow::Result<String> {
        let (message, _) = CleartextSignedMessage::from_string(signed).context("not a signed text")?;
        for certificate in &self.apt {
            for key in &certificate.public_subkeys {
                if message.verify(&key.key).is_ok() {
                    return Ok(message.signed_text().replace("\r\n", "\n"));
                }
            }
        }
        bail!("no good signature of a known key")
    }

    /// Whether one of apt's keys made a detached signature.
    ///
    /// # Errors
    /// If no signature is good.
    pub(crate) fn verify_detached(&self, signature: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let keys = self.apt.iter().flat_map(|certificate| &certificate.public_subkeys).map(|key| &key.key);
        verify_any(signature, bytes, keys)
    }

    /// Whether one of rpm's keys made a detached signature.
    ///
    /// # Errors
    /// If no signature is good.
    pub(crate) fn verify_rpm(&self, signature: &str, bytes: &[u8]) -> anyhow::Result<()> {
        verify_any(signature, bytes, self.rpm.iter().map(|(_, certificate)| &certificate.primary_key))
    }

    /// Whether one of rpm's keys made a signature as it stands in the header of a package.
    ///
    /// # Errors
    /// If no signature is good.
    pub(crate) fn verify_rpm_binary(&self, signature: &[u8], bytes: &[u8]) -> anyhow::Result<()> {
        let signature = DetachedSignature::from_bytes(signature).context("not a signature")?;
        let good = |key: &&SignedPublicKey| signature.verify(&key.primary_key, bytes).is_ok();
        ensure!(
            self.rpm.iter().map(|(_, key)| key).any(|key| good(&key)),
            "no good signature of a known key"
        );
        Ok(())
    }
}

/// A certificate as text, and its fingerprint in groups of four.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn armored(certificate: &SignedPublicKey) -> anyhow::Result<String> {
    Ok(certificate.to_armored_string(ArmorOptions::default())?)
}

/// The fingerprint, in upper-case hexadecimal.
pub(crate) fn fingerprint(certificate: &SignedPublicKey) -> String {
    format!("{:X}", certificate.fingerprint())
}

fn verify_any<'a, K: VerifyingKey + 'a>(
    signature: &str,
    bytes: &[u8],
    keys: impl IntoIterator<Item = &'a K>,
) -> anyhow::Result<()> {
    let (signatures, _) =
        DetachedSignature::from_armor_many(signature.as_bytes()).context("not a signature")?;
    let keys: Vec<&K> = keys.into_iter().collect();
    for signature in signatures {
        let signature = signature.context("not a signature")?;
        if keys.iter().any(|key| signature.verify(*key, bytes).is_ok()) {
            return Ok(());
        }
    }
    bail!("no good signature of a known key")
}

fn configuration(
    kind: SignatureType,
    key: &impl SigningKey,
    time: Timestamp,
) -> pgp::errors::Result<SignatureConfig> {
    let mut configuration = SignatureConfig::v4(kind, key.algorithm(), HASH);
    configuration.hashed_subpackets = vec![
        Subpacket::regular(SubpacketData::SignatureCreationTime(time))?,
        Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint()))?,
    ];
    configuration.unhashed_subpackets =
        vec![Subpacket::regular(SubpacketData::IssuerKeyId(key.legacy_key_id()))?];
    Ok(configuration)
}

fn armor(content: &impl Serialize, kind: BlockType) -> anyhow::Result<String> {
    let mut out = Vec::new();
    pgp::armor::write(content, kind, &mut out, None, true)?;
    Ok(String::from_utf8(out)?)
}

/// The generations of a folder that have a file of this kind, oldest first.
fn generations(keys: &Path, kind: &str) -> anyhow::Result<Vec<(Scheme, String)>> {
    let entries = fs_err::read_dir(keys)?;
    let mut found = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let Some((stem, end)) = name.to_str().and_then(|name| name.split_once('.')) else { continue };
        let Some((scheme, generation)) = stem.split_once('-') else { continue };
        if let (Some(scheme), true) = (Scheme::named(scheme), end == kind) {
            found.push((scheme, generation.to_owned()));
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> anyhow::Result<String> {
    Ok(fs_err::read_to_string(path)?)
}

fn read_certificate(path: &Path) -> anyhow::Result<SignedPublicKey> {
    let text = read(path)?;
    let (certificate, _) =
        SignedPublicKey::from_armor_single(text.as_bytes()).with_context(|| format!("{}", path.display()))?;
    certificate.verify_bindings().with_context(|| format!("{}", path.display()))?;
    Ok(certificate)
}

/// A file with the secret of a subkey and nothing else: the certificate's own secret is elsewhere.
fn read_subkey(path: &Path) -> anyhow::Result<SecretSubkey> {
    let text = read(path)?;
    let dearmored = std::io::BufReader::new(pgp::armor::Dearmor::new(text.as_bytes()));
    for packet in PacketParser::new(dearmored) {
        if let Packet::SecretSubkey(key) = packet.with_context(|| format!("{}", path.display()))? {
            return Ok(key);
        }
    }
    bail!("{}: no subkey in it", path.display())
}

#[cfg(test)]
mod tests;

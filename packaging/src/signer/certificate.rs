//! Making keys. Every date is given, so that a signature of the past is one of a key of the past.

use std::fmt;
use std::io::Write;
use std::path::Path;

use fs_err::OpenOptions;
use fs_err::os::unix::fs::OpenOptionsExt;
use pgp::armor::BlockType;
use pgp::composed::{
    ArmorOptions, KeyType, SignedKeyDetails, SignedPublicKey, SignedSecretKey, SignedSecretSubKey,
};
use pgp::packet::{
    KeyFlags, PacketTrait, PubKeyInner, PublicKey, PublicSubkey, SecretKey, SecretSubkey, SignatureType,
    Subpacket, SubpacketData, UserId,
};
use pgp::types::{KeyVersion, PacketHeaderVersion, Password, SignedUser, Tag, Timestamp};
use rand_0_8::rngs::OsRng;

use super::{armor, configuration, fingerprint};

/// Whose client checks the signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scheme {
    Apt,
    Rpm,
}

impl Scheme {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "apt" => Some(Self::Apt),
            "rpm" => Some(Self::Rpm),
            _ => None,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Apt => "apt",
            Self::Rpm => "rpm",
        })
    }
}

/// Makes the keys of a generation, and gives the fingerprint of each certificate. The bits of an RSA key are an
/// argument because tests cannot wait for 4096.
///
/// # Errors
/// If the generation is there already, or a file cannot be written.
pub(crate) fn create(
    keys: &Path,
    generation: &str,
    user: &str,
    time: u32,
    rsa_bits: u32,
) -> anyhow::Result<Vec<(Scheme, String)>> {
    fs_err::create_dir_all(keys)?;
    let time = Timestamp::from_secs(time);
    let path = |scheme: Scheme, kind: &str| keys.join(format!("{scheme}-{generation}.{kind}.asc"));

    let apt = certificate(&KeyType::Ed25519Legacy, Some(&KeyType::Ed25519Legacy), user, time)?;
    let apt_public = apt.to_public_key();
    save(&path(Scheme::Apt, "primary"), &apt.to_armored_string(ArmorOptions::default())?, 0o600)?;
    save(
        &path(Scheme::Apt, "signing"),
        &armor(&WholePacket(&apt.secret_subkeys[0].key), BlockType::PrivateKey)?,
        0o600,
    )?;
    save(&path(Scheme::Apt, "certificate"), &super::armored(&apt_public)?, 0o644)?;

    let rpm = certificate(&KeyType::Rsa(rsa_bits), None, user, time)?;
    let rpm_public = rpm.to_public_key();
    save(&path(Scheme::Rpm, "signing"), &rpm.to_armored_string(ArmorOptions::default())?, 0o600)?;
    save(&path(Scheme::Rpm, "certificate"), &super::armored(&rpm_public)?, 0o644)?;
    Ok(vec![(Scheme::Apt, of(&apt_public)), (Scheme::Rpm, of(&rpm_public))])
}

fn of(certificate: &SignedPublicKey) -> String {
    fingerprint(certificate)
}

/// A packet with its header, where `armor` wants the whole.
struct WholePacket<'a>(&'a SecretSubkey);

impl pgp::ser::Serialize for WholePacket<'_> {
    fn to_writer<W: Write>(&self, writer: &mut W) -> pgp::errors::Result<()> {
        self.0.to_writer_with_header(writer)
    }

    fn write_len(&self) -> usize {
        self.0.write_len_with_header()
    }
}

/// A certificate that certifies, and signs itself or by a subkey.
fn certificate(
    primary: &KeyType,
    subkey: Option<&KeyType>,
    user: &str,
    time: Timestamp,
) -> anyhow::Result<SignedSecretKey> {
    let password = Password::empty();
    let (public, secret) = primary.generate(OsRng)?;
    let public =
        PublicKey::from_inner(PubKeyInner::new(KeyVersion::V4, primary.to_alg(), time, None, public)?)?;
    let primary = SecretKey::new(public.clone(), secret)?;

    let mut flags = KeyFlags::default();
    flags.set_certify(true);
    flags.set_sign(subkey.is_none());
    let mut configuration = configuration(SignatureType::CertPositive, &primary, time)?;
    configuration.hashed_subpackets.push(Subpacket::regular(SubpacketData::KeyFlags(flags))?);
    configuration.hashed_subpackets.push(Subpacket::regular(SubpacketData::IsPrimary(true))?);
    let id = UserId::from_str(PacketHeaderVersion::default(), user)?;
    let signature = configuration.sign_certification(&primary, &public, &password, Tag::UserId, &id)?;
    let details =
        SignedKeyDetails::new(Vec::new(), Vec::new(), vec![SignedUser::new(id, vec![signature])], Vec::new());

    let mut subkeys = Vec::new();
    if let Some(kind) = subkey {
        subkeys.push(bind(kind, &primary, &public, time)?);
    }
    Ok(SignedSecretKey::new(primary, details, Vec::new(), subkeys))
}

/// A signing subkey, which says itself, too, that it belongs to the certificate.
fn bind(
    kind: &KeyType,
    primary: &SecretKey,
    public: &PublicKey,
    time: Timestamp,
) -> anyhow::Result<SignedSecretSubKey> {
    let password = Password::empty();
    let (parameters, secret) = kind.generate(OsRng)?;
    let subkey_public =
        PublicSubkey::from_inner(PubKeyInner::new(KeyVersion::V4, kind.to_alg(), time, None, parameters)?)?;
    let subkey = SecretSubkey::new(subkey_public.clone(), secret)?;
    let back = configuration(SignatureType::KeyBinding, &subkey, time)?.sign_primary_key_binding(
        &subkey,
        &subkey_public,
        &password,
        public,
    )?;
    let mut flags = KeyFlags::default();
    flags.set_sign(true);
    let mut binding = configuration(SignatureType::SubkeyBinding, primary, time)?;
    binding.hashed_subpackets.push(Subpacket::regular(SubpacketData::KeyFlags(flags))?);
    binding.hashed_subpackets.push(Subpacket::regular(SubpacketData::EmbeddedSignature(Box::new(back)))?);
    let signature = binding.sign_subkey_binding(primary, public, &password, &subkey_public)?;
    Ok(SignedSecretSubKey::new(subkey, vec![signature]))
}

/// Never over a file that is there: a key that is lost cannot be made again.
fn save(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}

use super::*;

/// 2026-11-01.
const CREATED: u32 = 1_793_491_200;

fn keys(generation: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    create(folder.path(), generation, "Test <test@myelin.example>", CREATED, 2048).unwrap();
    folder
}

#[test]
fn what_is_signed_can_be_verified_and_what_was_changed_cannot() {
    let folder = keys("2026");
    let signer = Signer::read(folder.path(), CREATED + 5).unwrap();
    let certificates = Certificates::read(folder.path()).unwrap();

    let clear = signer.sign_clear("Origin: Myelin\n- a dash\n").unwrap();
    assert_eq!(certificates.verify_clear(&clear).unwrap(), "Origin: Myelin\n- a dash\n");
    assert!(certificates.verify_clear(&clear.replace("Myelin", "Nilemy")).is_err());

    let detached = signer.sign_detached(b"bytes").unwrap();
    certificates.verify_detached(&detached, b"bytes").unwrap();
    assert!(certificates.verify_detached(&detached, b"bytez").is_err());

    let rpm = signer.sign_rpm_detached(b"bytes").unwrap();
    certificates.verify_rpm(&rpm, b"bytes").unwrap();
    assert!(certificates.verify_rpm(&rpm, b"bytez").is_err());
}

#[test]
fn the_same_moment_gives_the_same_signature() {
    let folder = keys("2026");
    let signer = Signer::read(folder.path(), CREATED + 5).unwrap();
    assert_eq!(signer.sign_clear("text\n").unwrap(), signer.sign_clear("text\n").unwrap());
    assert_eq!(signer.sign_rpm_binary(b"bytes").unwrap(), signer.sign_rpm_binary(b"bytes").unwrap());
}

#[test]
fn a_foreign_key_is_not_trusted() {
    let (ours, theirs) = (keys("2026"), keys("2026"));
    let signed = Signer::read(theirs.path(), CREATED).unwrap().sign_clear("text\n").unwrap();
    assert!(Certificates::read(ours.path()).unwrap().verify_clear(&signed).is_err());
}

#[test]
fn during_a_rotation_either_key_is_enough() {
    let folder = keys("2026");
    let old = Certificates::read(folder.path()).unwrap();
    create(folder.path(), "2027", "Test <test@myelin.example>", CREATED, 2048).unwrap();
    let both = Certificates::read(folder.path()).unwrap();
    let new = Certificates { apt: both.apt[1..].to_vec(), rpm: both.rpm[1..].to_vec() };
    let signer = Signer::read(folder.path(), CREATED).unwrap();

    let clear = signer.sign_clear("text\n").unwrap();
    old.verify_clear(&clear).unwrap();
    new.verify_clear(&clear).unwrap();
    // rpm's clients know the next one before it signs.
    assert_eq!(signer.certificates().rpm.len(), 2);
    old.verify_rpm(&signer.sign_rpm_detached(b"bytes").unwrap(), b"bytes").unwrap();
}

#[test]
fn the_secret_of_the_certificate_is_not_needed_to_sign() {
    let folder = keys("2026");
    fs_err::remove_file(folder.path().join("apt-2026.primary.asc")).unwrap();
    Signer::read(folder.path(), CREATED).unwrap().sign_clear("text\n").unwrap();
}

#[test]
fn a_signature_before_the_key_is_refused() {
    let folder = keys("2026");
    assert!(Signer::read(folder.path(), CREATED - 1).is_err());
}

#[test]
fn a_generation_is_not_made_twice() {
    let folder = keys("2026");
    assert!(create(folder.path(), "2026", "Test <test@myelin.example>", CREATED, 2048).is_err());
}

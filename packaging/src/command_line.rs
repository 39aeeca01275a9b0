//! What a maintainer can say: `pack COMMAND`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "commands speak to the person who typed them")]

mod arguments;
mod build;

use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use clap::Parser;
use fs_err as fs;

use crate::archive;
use crate::copyright;
use crate::crates;
use crate::deb;
use crate::description::Description;
use crate::fetcher::Site;
use crate::pool::{Artifact, Channel, Family, Pool, Role};
use crate::publisher;
use crate::record;
use crate::renewal;
use crate::repository::{self, debian, rpm};
use crate::rpm_package;
use crate::signer::{self, Certificates, RETIRED, Signer};
use crate::source;
use crate::verifier::{self, Expected};
use arguments::{AllArguments, Arguments, BuildArguments, Command, FamilyName, KeyCommand, SiteArguments};
use build::{build, lay_out, version};

#[cfg(test)]
pub(crate) use arguments::tools_folder;

/// What the repositories make themselves when they are published.
const KEYRING: &str = "myelin-archive-keyring";
const RELEASE: &str = "myelin-release";
/// The exit code of `pack verify` where all is good, but not for long.
const EXPIRES_SOON: u8 = 3;
/// How much older keys say they are: what was committed before they were made is packed with the date of the commit,
/// and no signature may be before its key.
const KEYS_EARLIER_SECONDS: u32 = 365 * 24 * 60 * 60;
/// Of every version of the key ring; the versions are dates.
const CHANGE: &str = "The keys that signed the repository on the day of the version.";

pub(crate) fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("pack: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let time = arguments.time.map_or_else(now, Ok)?;
    match arguments.command {
        Command::Stage { family, destdir, source } => {
            let stage = lay_out(&source, family, &destdir)?;
            let description = Description::read(&source.tree)?;
            let count: usize = description.packages.keys().map(|name| stage.of_package(name).len()).sum();
            println!("{count} entries in {}", destdir.display());
        }
        Command::Build(arguments) => {
            for artifact in build(&arguments, time)? {
                save(&artifact, &arguments.out)?;
            }
        }
        Command::Source { tree, commit, keys, out } => {
            let signer = Signer::read(&keys, time)?;
            for artifact in source::make(&tree, &commit, &signer, &out.join("source"))? {
                save(&artifact, &out)?;
            }
        }
        Command::Publish { site, channel, files } => {
            let mut pool = Pool::open(&site.pool())?;
            for file in &files {
                let artifact = load(file)?;
                let channel = channel.map_or_else(|| artifact.fitting_channel(), Channel::from);
                add(&mut pool, &artifact, channel)?;
            }
            publish(&site, &mut pool, time)?;
        }
        Command::Promote { site, package, version } => {
            let mut pool = Pool::open(&site.pool())?;
            pool.promote(&package, &version)?;
            publish(&site, &mut pool, time)?;
        }
        Command::Withdraw { site, package, version } => {
            let mut pool = Pool::open(&site.pool())?;
            pool.withdraw(&package, &version)?;
            publish(&site, &mut pool, time)?;
        }
        Command::Refresh { site } => {
            let mut pool = Pool::open(&site.pool())?;
            render(
                &site,
                &mut pool,
                &Description::read(&site.tree)?,
                &Signer::read(&site.keys, time)?,
                time,
            )?;
        }
        Command::Verify { site, keys, tree, days } => {
            return verify(&Site::at(&site)?, &keys, &Description::read(&tree)?, time, days);
        }
        Command::Copyright { tree } => {
            let description = Description::read(&tree)?;
            let crates = crates::of_server(&tree, &description.name)?;
            write(&tree.join("debian/copyright"), &copyright::render(&description, &crates, &tree)?)?;
        }
        Command::Sbom { tree, out } => {
            let description = Description::read(&tree)?;
            write(&out, &build::bill_of_materials(&tree, &description, time)?)?;
        }
        Command::Key { command } => key(command, time)?,
        Command::All(arguments) => all(&arguments, time)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// From built servers and a commit to a finished site. Nothing is published before all is made.
fn all(arguments: &AllArguments, time: u32) -> anyhow::Result<()> {
    let with_sources = !arguments.without_sources;
    if with_sources && !arguments.allow_changes {
        source::must_be_checked_out(&arguments.site.tree, &arguments.commit)?;
    }
    let mut pool = Pool::open(&arguments.site.pool())?;
    let work = tempfolder(&arguments.site.pool())?;
    let of_family = |family: FamilyName, binary: &Path| BuildArguments {
        family,
        source: arguments.source(binary),
        keys: Some(arguments.site.keys.clone()),
        package: Vec::new(),
        version: arguments.version.clone(),
        revision: arguments.revision,
        glibc: arguments.glibc,
        fast: false,
        out: work.join(family.name()),
    };
    let mut artifacts = Vec::new();
    for binary in &arguments.binary {
        for family in [FamilyName::Deb, FamilyName::Rpm] {
            println!("{}s of {}", family.name(), binary.display());
            artifacts.extend(build(&of_family(family, binary), time)?);
        }
    }
    if with_sources {
        println!("sources of {}", arguments.commit);
        let signer = Signer::read(&arguments.site.keys, time)?;
        let tree = &arguments.site.tree;
        let sources = source::make(tree, &arguments.commit, &signer, &work.join("source"))?;
        let found = &sources[0].version;
        let wanted = version(arguments.version.as_deref(), arguments.revision)?.debian();
        ensure!(
            *found == wanted,
            "debian/changelog of {} is of version {found}, not {wanted}: write an entry, or say --without-sources",
            arguments.commit,
        );
        artifacts.extend(sources);
    }
    fs::remove_dir_all(&work)?;
    for artifact in &artifacts {
        add(&mut pool, artifact, artifact.fitting_channel())?;
    }
    publish(&arguments.site, &mut pool, time)
}

/// Signs again what only retired keys have signed, adds the key packages where keys or the address changed, and writes
/// the site.
fn publish(site: &SiteArguments, pool: &mut Pool, time: u32) -> anyhow::Result<()> {
    let description = Description::read(&site.tree)?;
    let signer = Signer::read(&site.keys, time)?;
    let certificates = signer.certificates();
    for name in renewal::renew(pool, &signer)? {
        println!("{name} is signed again");
    }
    let scripts = deb::scripts(&site.tree, KEYRING)?;
    let newest = u64::from(signer.newest());
    add_key_package(pool, Family::Debian, KEYRING, time, |version| {
        let changes = deb::changelog(&description, KEYRING, version, CHANGE, signer.newest())?;
        let keyring = [
            (format!("/usr/share/keyrings/{KEYRING}.pgp"), certificates.apt_keyring()?),
            (format!("/usr/share/{KEYRING}/myelin.sources"), debian::sources(&site.url).into_bytes()),
            (
                format!("/usr/share/doc/{KEYRING}/copyright"),
                copyright::of_the_tree(&description).into_bytes(),
            ),
            (format!("/usr/share/doc/{KEYRING}/changelog.gz"), archive::gzip(changes.as_bytes())?),
        ];
        deb::wrap_files(&description, KEYRING, version, &keyring, &scripts, newest)
    })?;
    let files = [
        ("/etc/yum.repos.d/myelin.repo".to_owned(), rpm::repository_file(&site.url).into_bytes()),
        (format!("/etc/pki/rpm-gpg/{}", rpm::KEYS), certificates.rpm_keys()?.into_bytes()),
    ];
    add_key_package(pool, Family::Rpm, RELEASE, time, |version| {
        rpm_package::wrap_files(&description, RELEASE, version, &files, newest, &signer)
    })?;
    render(site, pool, &description, &signer, time)
}

/// Versions of key packages are dates. Without a change there is no new one.
fn add_key_package(
    pool: &mut Pool,
    family: Family,
    name: &str,
    time: u32,
    make: impl Fn(&str) -> anyhow::Result<Artifact>,
) -> anyhow::Result<()> {
    let snapshot = pool.snapshot();
    let newest =
        snapshot.with_role(family, Channel::Stable, Role::Package).find(|package| package.package == name);
    let mut version = date(time)?;
    if let Some(newest) = newest {
        let known = newest.version.split('-').next().unwrap_or_default();
        let (made, there) = (make(known)?.bytes, pool.read(&newest.sha256)?);
        let same = match family {
            Family::Debian => made == there,
            // Signed at another time, or by another key.
            Family::Rpm => rpm_package::content(made.as_slice())? == rpm_package::content(there.as_slice())?,
        };
        if same {
            return Ok(());
        }
        if crate::version::compare(&version, known).is_le() {
            version = format!("{known}.1");
        }
    }
    pool.add(&make(&version)?, Channel::Stable)
}

fn render(
    site: &SiteArguments,
    pool: &mut Pool,
    description: &Description,
    signer: &Signer,
    time: u32,
) -> anyhow::Result<()> {
    let snapshot = pool.snapshot();
    let url = site.url.trim_end_matches('/');
    let tree = repository::render(&repository::Site { description, snapshot: &snapshot, signer, url, time })?;
    if let Some(path) = &site.upload_list {
        fs::write(path, publisher::upload_list(&tree))?;
    }
    let generation = publisher::publish(&tree, pool, &site.site, now()?.into())?;
    let packages = snapshot.packages.iter().filter(|published| published.role == Role::Package).count();
    println!("{packages} packages in {}", generation.display());
    Ok(())
}

/// A fault ends with 1, what only expires soon with [`EXPIRES_SOON`], so that whoever is called at night can tell.
fn verify(
    site: &Site,
    keys: &Path,
    description: &Description,
    now: u32,
    days: u32,
) -> anyhow::Result<ExitCode> {
    let trusted = Certificates::read(keys)?;
    ensure!(
        !trusted.apt.is_empty() && !trusted.rpm.is_empty(),
        "{}: a certificate of apt's keys and one of rpm's are needed",
        keys.display()
    );
    let suites = &description.repository.suites;
    let report = verifier::verify(site, &Expected { trusted: &trusted, suites, now, days });
    for finding in report.faults.iter().chain(&report.expiring) {
        eprintln!("{finding}");
    }
    if !report.faults.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    if !report.expiring.is_empty() {
        return Ok(ExitCode::from(EXPIRES_SOON));
    }
    println!("{site}: every signature, hash and date is good");
    Ok(ExitCode::SUCCESS)
}

fn key(command: KeyCommand, time: u32) -> anyhow::Result<()> {
    match command {
        KeyCommand::New { keys, generation, user, rsa_bits } => {
            let created = time.saturating_sub(KEYS_EARLIER_SECONDS);
            for (scheme, fingerprint) in signer::create(&keys, &generation, &user, created, rsa_bits)? {
                println!("{scheme}\t{fingerprint}");
            }
            let primary = keys.join(format!("apt-{generation}.primary.asc"));
            println!(
                "Move {} off this machine: it is only needed to make another signing key.",
                primary.display()
            );
        }
        KeyCommand::Expire { keys, generation } => {
            let retired = keys.join(RETIRED);
            fs::create_dir_all(&retired)?;
            let mut moved = 0;
            for scheme in ["apt", "rpm"] {
                for kind in ["signing", "certificate"] {
                    let name = format!("{scheme}-{generation}.{kind}.asc");
                    if keys.join(&name).exists() {
                        fs::rename(keys.join(&name), retired.join(&name))?;
                        moved += 1;
                    }
                }
            }
            ensure!(moved > 0, "{}: no generation {generation}", keys.display());
            println!("generation {generation} signs no more; its files are in {}", retired.display());
            println!("Publish now: what only its keys have signed is signed again then.");
        }
        KeyCommand::List { keys } => {
            let certificates = Certificates::read(&keys)?;
            for certificate in &certificates.apt {
                println!("apt\t{}", signer::fingerprint(certificate));
            }
            for (generation, certificate) in &certificates.rpm {
                println!("rpm\t{}\t{generation}", signer::fingerprint(certificate));
            }
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    Ok(fs::write(path, text)?)
}

fn save(artifact: &Artifact, out: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(out)?;
    for (name, bytes) in artifact.files() {
        let path = out.join(name);
        fs::write(&path, bytes)?;
        println!("{} ({} bytes)", path.display(), bytes.len());
    }
    Ok(())
}

/// What a file to publish is, ours or of another builder.
fn load(path: &Path) -> anyhow::Result<Artifact> {
    let artifact = match path.extension().and_then(|end| end.to_str()) {
        Some("deb") => deb::artifact(fs::read(path)?),
        Some("rpm") => rpm_package::artifact(fs::read(path)?),
        Some("dsc") => source::load(path),
        Some("buildinfo") => record::load(path),
        _ => bail!("{}: not a .deb, .dsc, .rpm or .buildinfo", path.display()),
    };
    artifact.with_context(|| format!("{}", path.display()))
}

fn add(pool: &mut Pool, artifact: &Artifact, channel: Channel) -> anyhow::Result<()> {
    println!("{} ({} bytes) to {channel}", artifact.file_name, artifact.bytes.len());
    pool.add(artifact, channel)
}

/// `2026.11.27`.
fn date(time: u32) -> anyhow::Result<String> {
    let moment = time::OffsetDateTime::from_unix_timestamp(i64::from(time))?;
    Ok(format!("{}.{:02}.{:02}", moment.year(), u8::from(moment.month()), moment.day()))
}

fn tempfolder(pool: &Path) -> anyhow::Result<std::path::PathBuf> {
    let folder = pool.join("work");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// The one reading of the clock: `--time` and `SOURCE_DATE_EPOCH` come before it.
#[expect(
    clippy::disallowed_methods,
    reason = "the edge of the program: everything below takes the time as an argument"
)]
fn now() -> anyhow::Result<u32> {
    Ok(u32::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?)
}

#[cfg(test)]
mod tests;

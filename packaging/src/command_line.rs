//! What a maintainer can say: `pack COMMAND`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "commands speak to the person who typed them")]

mod arguments;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use clap::Parser;

use crate::archive;
use crate::cargo_deb;
use crate::cargo_rpm;
use crate::copyright;
use crate::crates;
use crate::deb::{self, Release};
use crate::description::Description;
use crate::elf::Needs;
use crate::pool::{Artifact, Channel, Family, Pool};
use crate::publisher;
use crate::repository::{self, Site, debian, rpm};
use crate::rpm_package;
use crate::sbom;
use crate::signer::{self, Certificates, Signer, armored};
use crate::stage::Stage;
use crate::tools::Tools;
use crate::verifier;
use crate::version::Version;
use arguments::{
    AllArguments, Arguments, BuildArguments, Command, FamilyName, GlibcLimit, KeyCommand, SiteArguments,
    SourceArguments,
};

#[cfg(test)]
pub(crate) use arguments::tools_folder;

/// What the repositories make themselves when they are published.
const KEYRING: &str = "myelin-archive-keyring";
const RELEASE: &str = "myelin-release";
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
            write_sbom(&arguments.source.tree, &arguments.out.join("myelin.cdx.json"), time)?;
        }
        Command::Publish { site, channel, files } => {
            let mut pool = Pool::open(&site.pool)?;
            for file in &files {
                pool.add(&load(file)?, channel.into())?;
            }
            publish(&site, &mut pool, time)?;
        }
        Command::Promote { site, package, version } => {
            let mut pool = Pool::open(&site.pool)?;
            pool.promote(&package, &version)?;
            publish(&site, &mut pool, time)?;
        }
        Command::Withdraw { site, package, version } => {
            let mut pool = Pool::open(&site.pool)?;
            pool.withdraw(&package, &version)?;
            publish(&site, &mut pool, time)?;
        }
        Command::Refresh { site } => {
            let pool = Pool::open(&site.pool)?;
            render(&site, &pool, &Description::read(&site.tree)?, &Signer::read(&site.keys, time)?, time)?;
        }
        Command::Verify { site, keys, days } => {
            let findings = verifier::verify(&site, &Certificates::read(&keys)?, time, days);
            for finding in &findings {
                eprintln!("{finding}");
            }
            if !findings.is_empty() {
                return Ok(ExitCode::FAILURE);
            }
            println!("{}: every signature, hash and date is good", site.display());
        }
        Command::Copyright { tree } => {
            let description = Description::read(&tree)?;
            let crates = crates::of_server(&tree, &description.name)?;
            write(&tree.join("debian/copyright"), &copyright::render(&description, &crates, &tree)?)?;
        }
        Command::Sbom { tree, out } => write_sbom(&tree, &out, time)?,
        Command::Key { command } => key(command, time)?,
        Command::All(arguments) => all(&arguments, time)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// From a built server to a finished site.
fn all(arguments: &AllArguments, time: u32) -> anyhow::Result<()> {
    let mut pool = Pool::open(&arguments.site.pool)?;
    let work = tempfolder(&arguments.site.pool)?;
    for family in [FamilyName::Deb, FamilyName::Rpm] {
        let build_arguments = BuildArguments {
            family,
            source: arguments.source(),
            keys: Some(arguments.site.keys.clone()),
            package: Vec::new(),
            version: arguments.version.clone(),
            revision: arguments.revision,
            glibc: arguments.glibc,
            fast: false,
            out: work.join(family.name()),
        };
        let channel =
            if version(&build_arguments)?.is_prerelease() { Channel::Prerelease } else { Channel::Stable };
        for artifact in build(&build_arguments, time)? {
            println!("{} ({} bytes) to {channel}", artifact.file_name, artifact.bytes.len());
            pool.add(&artifact, channel)?;
        }
    }
    fs::remove_dir_all(&work)?;
    publish(&arguments.site, &mut pool, time)
}

fn build(arguments: &BuildArguments, time: u32) -> anyhow::Result<Vec<Artifact>> {
    let tree = &arguments.source.tree;
    let description = Description::read(tree)?;
    let needs = needs(&description, &arguments.source.binary, arguments.glibc)?;
    let release = Release {
        version: version(arguments)?,
        architecture: arguments.family.architecture(needs.machine).to_owned(),
        libraries: match arguments.family {
            FamilyName::Deb => needs.debian(&description.libraries)?,
            FamilyName::Rpm => needs.rpm(),
        },
        time: u64::from(time),
        fast: arguments.fast,
    };
    let stage_folder = arguments.out.join("stage");
    if stage_folder.exists() {
        fs::remove_dir_all(&stage_folder)?;
    }
    let stage = lay_out(&arguments.source, arguments.family, &stage_folder)?;
    let wanted = |name: &String| arguments.package.is_empty() || arguments.package.contains(name);
    let names = description.packages.keys().filter(|name| wanted(name) && !stage.of_package(name).is_empty());
    stage.date(release.time)?;
    let tools = Tools::new(&arguments.source.tools.folder, &description);
    let mut artifacts = Vec::new();
    for name in names {
        artifacts.push(match arguments.family {
            FamilyName::Deb if description.packages[name].arch => {
                cargo_deb::wrap(&description, name, &stage, tree, &release, &tools)?
            }
            FamilyName::Deb => deb::wrap(&description, name, &stage, tree, &release)?,
            FamilyName::Rpm => {
                let keys = arguments
                    .keys
                    .as_ref()
                    .context("an rpm is signed when it is made: --keys says by what")?;
                let signer = Signer::read(keys, time)?;
                if cargo_rpm::can_make(name, &stage) {
                    cargo_rpm::wrap(&description, name, &stage, tree, &release, &tools, &signer)?
                } else {
                    rpm_package::wrap(&description, name, &stage, tree, &release, &signer)?
                }
            }
        });
    }
    fs::remove_dir_all(&stage_folder)?;
    Ok(artifacts)
}

/// Adds the key packages where keys or the address changed, and writes the site.
fn publish(site: &SiteArguments, pool: &mut Pool, time: u32) -> anyhow::Result<()> {
    let description = Description::read(&site.tree)?;
    let signer = Signer::read(&site.keys, time)?;
    let certificates = signer.certificates();
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
    let generations: Vec<&str> = certificates.rpm.iter().map(|(generation, _)| generation.as_str()).collect();
    let mut files = vec![(
        "/etc/yum.repos.d/myelin.repo".to_owned(),
        rpm::repository_file(&site.url, &generations).into_bytes(),
    )];
    for (generation, certificate) in &certificates.rpm {
        let path = format!("/etc/pki/rpm-gpg/RPM-GPG-KEY-myelin-{generation}");
        files.push((path, armored(certificate)?.into_bytes()));
    }
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
    let newest = snapshot.of_channel(family, Channel::Stable).find(|package| package.package == name);
    let mut version = date(time)?;
    if let Some(newest) = newest {
        let known = newest.version.split('-').next().unwrap_or_default();
        if crate::digest::sha256(&make(known)?.bytes) == newest.sha256 {
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
    pool: &Pool,
    description: &Description,
    signer: &Signer,
    time: u32,
) -> anyhow::Result<()> {
    let snapshot = pool.snapshot();
    let url = site.url.trim_end_matches('/');
    let tree = repository::render(&Site { description, snapshot: &snapshot, signer, url, time })?;
    let generation = publisher::publish(&tree, pool, &site.site)?;
    if let Some(path) = &site.upload_list {
        fs::write(path, publisher::upload_list(&tree))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    println!("{} packages in {}", snapshot.packages.len(), generation.display());
    Ok(())
}

fn key(command: KeyCommand, time: u32) -> anyhow::Result<()> {
    match command {
        KeyCommand::New { keys, generation, user, rsa_bits } => {
            for (scheme, fingerprint) in signer::create(&keys, &generation, &user, time, rsa_bits)? {
                println!("{scheme}\t{fingerprint}");
            }
            let primary = keys.join(format!("apt-{generation}.primary.asc"));
            println!(
                "Move {} off this machine: it is only needed to make another signing key.",
                primary.display()
            );
        }
        KeyCommand::Expire { keys, generation } => {
            let retired = keys.join("retired");
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

fn lay_out(source: &SourceArguments, family: FamilyName, destdir: &Path) -> anyhow::Result<Stage> {
    Stage::lay_out(&source.tree, destdir, family.name(), &source.binary, source.runner.as_deref())
}

fn version(arguments: &BuildArguments) -> anyhow::Result<Version> {
    let text = arguments.version.as_deref().unwrap_or(env!("CARGO_PKG_VERSION"));
    Ok(text.parse::<Version>()?.with_revision(arguments.revision))
}

/// What a binary asks for; it is refused if the packages promise that it asks for less.
fn needs(description: &Description, path: &Path, limit: Option<GlibcLimit>) -> anyhow::Result<Needs> {
    let binary =
        fs::read(path).with_context(|| format!("cannot read {}; build the server first", path.display()))?;
    let needs = Needs::read(&binary).with_context(|| path.display().to_string())?;
    let glibc = needs.glibc().with_context(|| path.display().to_string())?;
    let limit = match limit {
        Some(GlibcLimit::Any) => return Ok(needs),
        Some(GlibcLimit::Version(limit)) => limit,
        None => description.glibc.parse().context("packaging/package.toml: glibc")?,
    };
    ensure!(
        glibc <= limit,
        "{} asks for glibc {glibc}, and the packages are for {limit} and newer: build it against that one \
         (docs/packaging.md says how), or say `--glibc {glibc}` for systems of your own that have it",
        path.display()
    );
    Ok(needs)
}

fn write_sbom(tree: &Path, out: &Path, time: u32) -> anyhow::Result<()> {
    let server = Description::read(tree)?.name;
    write(out, &sbom::render(&server, &crates::of_server(tree, &server)?, time)?)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn save(artifact: &Artifact, out: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(out)?;
    let path = out.join(&artifact.file_name);
    fs::write(&path, &artifact.bytes).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{} ({} bytes)", path.display(), artifact.bytes.len());
    Ok(())
}

/// A package file, ours or of another builder.
fn load(path: &Path) -> anyhow::Result<Artifact> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let artifact = match path.extension().and_then(|end| end.to_str()) {
        Some("deb") => deb::artifact(bytes),
        Some("rpm") => rpm_package::artifact(bytes),
        _ => bail!("{}: neither a .deb nor an .rpm", path.display()),
    };
    artifact.with_context(|| format!("{}", path.display()))
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

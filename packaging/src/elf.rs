//! What a binary asks of the system that runs it, as its dynamic section says, and what it holds for debuggers.

mod split;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use anyhow::{Context, bail, ensure};
use object::elf::{
    DT_GNU_HASH, DT_HASH, DT_NEEDED, EM_AARCH64, EM_X86_64, FileHeader64, NT_GNU_BUILD_ID, VER_FLG_WEAK,
};
use object::read::elf::{Dyn as _, FileHeader as _, SectionHeader as _, SectionTable};
use object::{Endianness, StringTable};

use crate::digest::hex;

pub(crate) use split::{Split, split};

/// What a binary asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Needs {
    /// The processor, in Rust's word: `x86_64`.
    pub(crate) machine: &'static str,
    /// The libraries, and the versions of their symbols without which the loader refuses to start the binary.
    pub(crate) libraries: BTreeMap<String, BTreeSet<String>>,
    /// Whether the loader has to know the newer form of the table of symbols only.
    gnu_hash_only: bool,
    /// By which a debugger finds the symbols, in hexadecimal.
    pub(crate) build_id: Option<String>,
}

/// A version of glibc; in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Glibc {
    major: u32,
    minor: u32,
}

impl Needs {
    /// Reads the header and the tables of a binary.
    ///
    /// # Errors
    /// If it is no 64-bit program for Linux, is linked statically, or is damaged.
    pub(crate) fn read(binary: &[u8]) -> anyhow::Result<Self> {
        let header = FileHeader64::<Endianness>::parse(binary).context("not a 64-bit program for Linux")?;
        let endian = header.endian()?;
        let machine = match header.e_machine(endian) {
            EM_X86_64 => "x86_64",
            EM_AARCH64 => "aarch64",
            other => bail!("a program for processor {other} of ELF's table, which has no packages"),
        };
        let sections = header.sections(endian, binary)?;
        let (dynamic, link) = sections
            .dynamic(endian, binary)?
            .context("it is linked statically, and would miss the system's name service")?;
        let strings = sections.strings(endian, binary, link)?;
        let mut needs = Self { machine, libraries: BTreeMap::new(), gnu_hash_only: false, build_id: None };
        let tag = |tag: i64| dynamic.iter().filter(move |entry| entry.tag(endian) == tag);
        for entry in tag(DT_NEEDED) {
            let name = strings.get(u32::try_from(entry.d_val.get(endian))?).ok();
            needs.libraries.insert(text(name.context("a library without a name")?)?, BTreeSet::new());
        }
        needs.gnu_hash_only = tag(DT_GNU_HASH).next().is_some() && tag(DT_HASH).next().is_none();
        needs.read_versions(endian, binary, &sections)?;
        needs.build_id = build_id(endian, binary, &sections)?;
        Ok(needs)
    }

    fn read_versions(
        &mut self,
        endian: Endianness,
        binary: &[u8],
        sections: &SectionTable<'_, FileHeader64<Endianness>>,
    ) -> anyhow::Result<()> {
        let Some((mut needed, link)) = sections.gnu_verneed(endian, binary)? else { return Ok(()) };
        let strings: StringTable<'_> = sections.strings(endian, binary, link)?;
        while let Some((library, mut versions)) = needed.next()? {
            let found = self.libraries.entry(text(library.file(endian, strings)?)?).or_default();
            while let Some(version) = versions.next()? {
                // The loader forgives a weak one that is missing.
                if version.vna_flags.get(endian) & VER_FLG_WEAK == 0 {
                    found.insert(text(version.name(endian, strings)?)?);
                }
            }
        }
        Ok(())
    }

    /// The oldest glibc that has everything.
    ///
    /// # Errors
    /// If the binary asks for none, or for what is private to one build of it.
    pub(crate) fn glibc(&self) -> anyhow::Result<Glibc> {
        let mut newest = None;
        for name in self.libraries.values().flatten() {
            newest = newest.max(match name.strip_prefix("GLIBC_") {
                None => None,
                // Not a number, but the loader that can read packed relocations.
                Some("ABI_DT_RELR") => Some(Glibc { major: 2, minor: 36 }),
                Some(number) => {
                    Some(number.parse().with_context(|| format!("{name} is no promise of glibc"))?)
                }
            });
        }
        newest.context("it asks for no glibc: is it built for this kind of system?")
    }

    /// The packages of Debian that have the libraries, by a table of who has which.
    ///
    /// # Errors
    /// If nobody is known to have one.
    pub(crate) fn debian(&self, providers: &BTreeMap<String, String>) -> anyhow::Result<Vec<String>> {
        let glibc = self.glibc()?.to_string();
        let mut packages = BTreeSet::new();
        for library in self.libraries.keys() {
            let provider = providers.get(library).with_context(|| {
                format!("it asks for {library}, and [libraries] of package.toml names no package that has it")
            })?;
            packages.insert(provider.replace("{glibc}", &glibc));
        }
        Ok(packages.into_iter().collect())
    }

    /// What an rpm requires for them, as rpm itself would find out.
    pub(crate) fn rpm(&self) -> Vec<String> {
        let mut names = Vec::new();
        for (library, versions) in &self.libraries {
            names.push(format!("{library}()(64bit)"));
            names.extend(versions.iter().map(|version| format!("{library}({version})(64bit)")));
        }
        if self.gnu_hash_only {
            names.push("rtld(GNU_HASH)".to_owned());
        }
        names
    }
}

/// What made a program, as its compilers and its linker noted in it.
pub(crate) fn compilers(binary: &[u8]) -> Vec<String> {
    let notes = || {
        let header = FileHeader64::<Endianness>::parse(binary).ok()?;
        let endian = header.endian().ok()?;
        let sections = header.sections(endian, binary).ok()?;
        let (_, section) = sections.section_by_name(endian, b".comment")?;
        section.data(endian, binary).ok()
    };
    let found: BTreeSet<String> = notes()
        .unwrap_or_default()
        .split(|byte| *byte == 0)
        .filter(|note| !note.is_empty())
        .map(|note| String::from_utf8_lossy(note).into_owned())
        .collect();
    found.into_iter().collect()
}

fn build_id(
    endian: Endianness,
    binary: &[u8],
    sections: &SectionTable<'_, FileHeader64<Endianness>>,
) -> anyhow::Result<Option<String>> {
    for section in sections.iter() {
        let Some(mut notes) = section.notes(endian, binary)? else { continue };
        while let Some(note) = notes.next()? {
            if note.name() == b"GNU" && note.n_type(endian) == NT_GNU_BUILD_ID {
                return Ok(Some(hex(note.desc())));
            }
        }
    }
    Ok(None)
}

fn text(bytes: &[u8]) -> anyhow::Result<String> {
    Ok(std::str::from_utf8(bytes).context("a name that is no text")?.to_owned())
}

impl FromStr for Glibc {
    type Err = anyhow::Error;

    /// `2.28`; of `2.2.5` the first two numbers.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        let numbers: Vec<u32> =
            text.split('.').map(str::parse).collect::<Result<_, _>>().with_context(|| format!("{text:?}"))?;
        let [major, minor, ..] = numbers[..] else { bail!("{text:?} is no version such as 2.28") };
        ensure!(numbers.len() <= 3, "{text:?} is no version such as 2.28");
        Ok(Self { major, minor })
    }
}

impl fmt::Display for Glibc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
pub(crate) mod tests;

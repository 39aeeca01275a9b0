//! Parts a program into what the system loads and what only a debugger reads, as `objcopy --only-keep-debug` and `strip`
//! do; here, because their bytes differ from version to version, and each knows only the processors that it was built for.
//!
//! A debugger finds the second by the build id, which both hold.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use object::elf::{
    FileHeader64, PT_NOTE, PT_PHDR, SHF_ALLOC, SHT_NOBITS, SHT_NOTE, SHT_NULL, SectionHeader64,
};
use object::pod::bytes_of;
use object::read::elf::{FileHeader as _, ProgramHeader as _, SectionHeader as _};
use object::{Endianness, U16, U32, U64};

use super::build_id;

type Section = SectionHeader64<Endianness>;

/// A program in two files.
#[derive(Clone, Debug)]
pub(crate) struct Split {
    /// What runs.
    pub(crate) program: Vec<u8>,
    /// Names of functions, files and lines.
    pub(crate) symbols: Vec<u8>,
    /// In hexadecimal.
    pub(crate) build_id: String,
}

impl Split {
    /// Where debuggers look for the symbols.
    pub(crate) fn path(&self) -> String {
        let (first, rest) = self.build_id.split_at(2.min(self.build_id.len()));
        format!("/usr/lib/debug/.build-id/{first}/{rest}.debug")
    }
}

/// Splits a program. Nothing if it holds nothing for debuggers.
///
/// # Errors
/// If it is damaged, or laid out as no linker that we know lays out; or if it has no build id, by which debuggers find what
/// is split off.
pub(crate) fn split(binary: &[u8]) -> anyhow::Result<Option<Split>> {
    let header = FileHeader64::<Endianness>::parse(binary).context("not a 64-bit program for Linux")?;
    let endian = header.endian()?;
    let table = header.sections(endian, binary)?;
    let mut sections = Vec::new();
    for section in table.iter() {
        sections.push((*section, table.section_name(endian, section)?.to_vec()));
    }
    if !sections.iter().any(|(section, name)| is_for_debuggers(section, name, endian)) {
        return Ok(None);
    }
    let build_id = build_id(endian, binary, &table)?
        .context("symbols without a build id, by which debuggers would find them: link it with -Wl,--build-id, or strip it")?;
    let parts = Parts { binary, header, endian, sections };
    Ok(Some(Split { program: parts.program()?, symbols: parts.symbols()?, build_id }))
}

/// What is loaded stays with the program, whatever its name.
fn is_for_debuggers(section: &Section, name: &[u8], endian: Endianness) -> bool {
    const NAMES: &[&[u8]] = &[b".symtab", b".strtab", b".symtab_shndx", b".gdb_index"];
    let named = name.starts_with(b".debug_") || name.starts_with(b".zdebug_") || NAMES.contains(&name);
    named && !is_loaded(section, endian)
}

struct Parts<'a> {
    binary: &'a [u8],
    header: &'a FileHeader64<Endianness>,
    endian: Endianness,
    sections: Vec<(Section, Vec<u8>)>,
}

impl Parts<'_> {
    /// All that is loaded stays where it is; behind it follows what else is kept.
    fn program(&self) -> anyhow::Result<Vec<u8>> {
        let endian = self.endian;
        let end = self.end_of_what_is_loaded()?;
        let mut out = self.binary.get(..end).context("it ends too early")?.to_vec();
        let mut kept: Vec<(Section, &[u8])> = Vec::new();
        let mut places = BTreeMap::new();
        for (at, (section, name)) in self.sections.iter().enumerate() {
            let names_sections = at == self.names_index();
            if is_for_debuggers(section, name, endian) || names_sections {
                continue;
            }
            ensure!(
                !is_loaded(section, endian) || kept.len() == at,
                "a section for debuggers lies before one that is loaded"
            );
            places.insert(u32::try_from(at)?, u32::try_from(kept.len())?);
            kept.push((*section, name));
        }
        // Symbols for the loader and relocations name other sections by number.
        for (section, _) in &mut kept {
            let link = places.get(&section.sh_link.get(endian)).copied().unwrap_or_default();
            section.sh_link = U32::new(endian, link);
            if section.sh_flags(endian) & u64::from(object::elf::SHF_INFO_LINK) != 0 {
                let info = places.get(&section.sh_info.get(endian)).copied().unwrap_or_default();
                section.sh_info = U32::new(endian, info);
            }
        }
        let mut names = vec![0];
        for (at, (section, name)) in kept.iter_mut().enumerate() {
            if at == 0 {
                continue;
            }
            section.sh_name = U32::new(endian, u32::try_from(names.len())?);
            names.extend_from_slice(name);
            names.push(0);
            if !is_loaded(section, endian) {
                let content = section.data(endian, self.binary)?;
                let offset = append(&mut out, content, section.sh_addralign(endian))?;
                section.sh_offset = U64::new(endian, offset);
            }
        }
        let mut headers: Vec<Section> = kept.iter().map(|(section, _)| *section).collect();
        let mut last = self.sections.get(self.names_index()).context("no names of sections")?.0;
        last.sh_name = U32::new(endian, u32::try_from(names.len())?);
        names.extend_from_slice(b".shstrtab\0");
        last.sh_offset = U64::new(endian, append(&mut out, &names, 1)?);
        last.sh_size = U64::new(endian, names.len() as u64);
        headers.push(last);
        self.finish(out, &headers, headers.len() - 1)
    }

    /// The same sections under the same numbers; of those that are loaded, only the notes have their content.
    fn symbols(&self) -> anyhow::Result<Vec<u8>> {
        let endian = self.endian;
        let mut segments = self.header.program_headers(endian, self.binary)?.to_vec();
        let place = usize::try_from(self.header.e_phoff(endian))?;
        let mut out = self.binary.get(..size_of::<FileHeader64<Endianness>>()).context("no header")?.to_vec();
        let mut put = |offset: usize, content: &[u8]| {
            let end = offset + content.len();
            out.resize(out.len().max(end), 0);
            out[offset..end].copy_from_slice(content);
        };
        let here = self.end_of_notes()?;
        for segment in &mut segments {
            // What begins with the header still holds it; the rest is only said to be somewhere.
            if !matches!(segment.p_type(endian), PT_NOTE | PT_PHDR) {
                let found = here.saturating_sub(segment.p_offset(endian)).min(segment.p_filesz(endian));
                let begins_the_file = segment.p_offset(endian) == 0;
                segment.p_filesz = U64::new(endian, if begins_the_file { found } else { 0 });
            }
        }
        put(place, segments.iter().flat_map(bytes_of).copied().collect::<Vec<u8>>().as_slice());
        for (section, _) in &self.sections {
            if is_loaded(section, endian) && section.sh_type(endian) == SHT_NOTE {
                put(usize::try_from(section.sh_offset(endian))?, section.data(endian, self.binary)?);
            }
        }
        let mut headers = Vec::new();
        for (section, _) in &self.sections {
            let mut section = *section;
            if is_loaded(&section, endian) {
                if !matches!(section.sh_type(endian), SHT_NOTE | SHT_NULL) {
                    section.sh_type = U32::new(endian, SHT_NOBITS);
                }
            } else if section.sh_type(endian) != SHT_NOBITS {
                let content = section.data(endian, self.binary)?;
                let offset = append(&mut out, content, section.sh_addralign(endian))?;
                section.sh_offset = U64::new(endian, offset);
            }
            headers.push(section);
        }
        self.finish(out, &headers, self.names_index())
    }

    /// Appends the table of sections, and has the header name it.
    fn finish(&self, mut out: Vec<u8>, headers: &[Section], names: usize) -> anyhow::Result<Vec<u8>> {
        let endian = self.endian;
        let bytes: Vec<u8> = headers.iter().flat_map(bytes_of).copied().collect();
        let offset = append(&mut out, &bytes, 8)?;
        let mut header = *self.header;
        header.e_shoff = U64::new(endian, offset);
        header.e_shnum = U16::new(endian, u16::try_from(headers.len())?);
        header.e_shstrndx = U16::new(endian, u16::try_from(names)?);
        out[..size_of_val(&header)].copy_from_slice(bytes_of(&header));
        Ok(out)
    }

    fn names_index(&self) -> usize {
        usize::from(self.header.e_shstrndx.get(self.endian))
    }

    /// Behind the header, the table of segments and the notes, which lie at the beginning.
    fn end_of_notes(&self) -> anyhow::Result<u64> {
        let endian = self.endian;
        let segments = self.header.program_headers(endian, self.binary)?;
        let table = self.header.e_phoff(endian) + size_of_val(segments) as u64;
        let notes = self
            .sections
            .iter()
            .filter(|(section, _)| is_loaded(section, endian) && section.sh_type(endian) == SHT_NOTE);
        let ends = notes.map(|(section, _)| section.sh_offset(endian) + section.sh_size(endian));
        Ok(ends.max().unwrap_or_default().max(table))
    }

    fn end_of_what_is_loaded(&self) -> anyhow::Result<usize> {
        let endian = self.endian;
        let segments = self.header.program_headers(endian, self.binary)?;
        let of_segments = segments.iter().map(|segment| segment.p_offset(endian) + segment.p_filesz(endian));
        let table = self.header.e_phoff(endian) + size_of_val(segments) as u64;
        let of_sections = self.sections.iter().filter_map(|(section, _)| {
            let (offset, size) = section.file_range(endian)?;
            is_loaded(section, endian).then_some(offset + size)
        });
        Ok(usize::try_from(of_segments.chain(of_sections).max().unwrap_or_default().max(table))?)
    }
}

/// The first section, which is none, counts as loaded: it stays where it is.
fn is_loaded(section: &Section, endian: Endianness) -> bool {
    section.sh_flags(endian) & u64::from(SHF_ALLOC) != 0 || section.sh_type(endian) == SHT_NULL
}

/// Where the content went.
fn append(out: &mut Vec<u8>, content: &[u8], alignment: u64) -> anyhow::Result<u64> {
    out.resize(out.len().next_multiple_of(usize::try_from(alignment.max(1))?), 0);
    let offset = out.len() as u64;
    out.extend_from_slice(content);
    Ok(offset)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use fs_err as fs;
    use std::process::Command;

    use object::{Object as _, ObjectSection as _, ObjectSymbol as _};

    use super::*;

    fn of_this_test() -> (Vec<u8>, Split) {
        let whole = fs::read(std::env::current_exe().unwrap()).unwrap();
        let split = split(&whole).unwrap().unwrap();
        (whole, split)
    }

    fn whole_sections(file: &object::File<'_>) -> usize {
        // The first, which is none, is not among them.
        file.sections().count() + 1
    }

    #[test]
    fn the_program_runs_without_its_symbols_and_has_none_left() {
        let (whole, split) = of_this_test();
        assert!(split.program.len() < whole.len() * 3 / 4);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        fs::write(&path, &split.program).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        let listing = Command::new(&path).arg("--list").output().unwrap();
        assert!(listing.status.success());
        assert!(String::from_utf8(listing.stdout).unwrap().contains("the_program_runs_without_its_symbols"));

        let program = object::File::parse(split.program.as_slice()).unwrap();
        assert!(program.symbols().next().is_none());
        assert!(program.section_by_name(".debug_line").is_none());
        assert!(super::super::split(&split.program).unwrap().is_none(), "it is split once");
        // What makes packages of it reads the same as before.
        assert_eq!(
            super::super::Needs::read(&split.program).unwrap(),
            super::super::Needs::read(&whole).unwrap()
        );
        assert_eq!(super::super::compilers(&split.program), super::super::compilers(&whole));
    }

    #[test]
    fn the_symbols_are_all_there_and_belong_to_the_program() {
        let (whole, split) = of_this_test();
        let symbols = object::File::parse(split.symbols.as_slice()).unwrap();
        let whole = object::File::parse(whole.as_slice()).unwrap();
        for name in [".debug_line", ".debug_info", ".debug_str"] {
            let data = |file: &object::File<'_>| file.section_by_name(name).unwrap().data().unwrap().to_vec();
            assert_eq!(data(&symbols), data(&whole), "{name}");
        }
        let names = |file: &object::File<'_>| -> Vec<(u64, Vec<u8>)> {
            file.symbols().map(|symbol| (symbol.address(), symbol.name_bytes().unwrap().to_vec())).collect()
        };
        assert_eq!(names(&symbols), names(&whole));
        assert_eq!(&split.symbols[split.symbols.len() - 64 * whole_sections(&whole)..][..64], &[0; 64]);
        let id = whole.build_id().unwrap().unwrap();
        assert_eq!(symbols.build_id().unwrap().unwrap(), id);
        assert_eq!(crate::digest::hex(id), split.build_id);
        assert_eq!(split.path().len(), "/usr/lib/debug/.build-id//.debug".len() + split.build_id.len());
    }

    #[test]
    fn symbols_that_nobody_would_find_are_refused() {
        let (mut whole, _) = of_this_test();
        let is_build_id = |note: &[u8]| note.starts_with(&[4, 0, 0, 0]) && note.ends_with(b"\x03\0\0\0GNU\0");
        let at = whole.windows(16).position(is_build_id).unwrap();
        whole[at + 8] = 0x7f;
        let refusal = split(&whole).unwrap_err().to_string();
        assert!(refusal.contains("--build-id"), "{refusal}");
    }

    #[test]
    fn what_holds_nothing_for_debuggers_stays_whole_and_damage_is_no_panic() {
        let program = crate::elf::tests::program(object::elf::EM_X86_64, &[]);
        assert!(split(&program).unwrap().is_none());
        let (whole, _) = of_this_test();
        for length in [0, 10, 63, 64, 4096, whole.len() / 2, whole.len() - 1] {
            assert!(split(&whole[..length]).is_err(), "{length}");
        }
    }
}

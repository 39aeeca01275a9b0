//! Programs that ask for what a test wants them to, and nothing else: they cannot run.

use object::elf::{DT_NULL, ET_DYN, SHF_ALLOC, SHT_NOTE, SHT_PROGBITS, VER_NEED_CURRENT};
use object::write::elf::{FileHeader, SectionHeader, Vernaux, Verneed, Writer};

use super::*;

/// A program for a processor, with its libraries and the versions of their symbols; a weak one begins with `?`.
pub(crate) fn program(machine: u16, libraries: &[(&str, &[&str])]) -> Vec<u8> {
    program_with_lines(machine, libraries, &[])
}

/// Such a program with a build id and, for debuggers, lines, if there are any.
pub(crate) fn program_with_lines(machine: u16, libraries: &[(&str, &[&str])], lines: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(Endianness::Little, true, &mut bytes);
    let aux_count = libraries.iter().map(|(_, versions)| versions.len()).sum();
    let names: Vec<_> = libraries
        .iter()
        .map(|(library, versions)| {
            let add = |version: &&str| version.trim_start_matches('?').as_bytes().to_vec();
            (library.as_bytes().to_vec(), versions.iter().map(add).collect::<Vec<_>>())
        })
        .collect();
    let ids: Vec<_> = names
        .iter()
        .map(|(library, versions)| {
            let versions: Vec<_> = versions.iter().map(|name| writer.add_dynamic_string(name)).collect();
            (writer.add_dynamic_string(library), versions)
        })
        .collect();

    writer.reserve_file_header();
    writer.reserve_null_section_index();
    writer.reserve_dynstr_section_index();
    writer.reserve_dynamic_section_index();
    writer.reserve_gnu_verneed_section_index();
    // A note of type 3 by "GNU", with an id of twenty bytes.
    let note = [[4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0].as_slice(), b"GNU\0", &[0xab; 20]].concat();
    let own =
        [(".note.gnu.build-id", SHT_NOTE, SHF_ALLOC, note), (".debug_line", SHT_PROGBITS, 0, lines.to_vec())];
    let own: Vec<_> = own.iter().filter(|_| !lines.is_empty()).collect();
    let own_names: Vec<_> = own
        .iter()
        .map(|(name, ..)| {
            writer.reserve_section_index();
            writer.add_section_name(name.as_bytes())
        })
        .collect();
    writer.reserve_shstrtab_section_index();
    writer.reserve_dynstr();
    writer.reserve_dynamic(libraries.len() + 2);
    writer.reserve_gnu_verneed(libraries.len(), aux_count);
    let places: Vec<_> = own.iter().map(|(.., bytes)| writer.reserve(bytes.len(), 4)).collect();
    writer.reserve_shstrtab();
    writer.reserve_section_headers();

    let header =
        FileHeader { os_abi: 0, abi_version: 0, e_type: ET_DYN, e_machine: machine, e_entry: 0, e_flags: 0 };
    writer.write_file_header(&header).unwrap();
    writer.write_dynstr();
    writer.write_align_dynamic();
    for (library, _) in &ids {
        writer.write_dynamic_string(DT_NEEDED, *library).unwrap();
    }
    writer.write_dynamic(DT_GNU_HASH, 0).unwrap();
    writer.write_dynamic(DT_NULL, 0).unwrap();
    writer.write_align_gnu_verneed();
    for ((file, versions), (_, words)) in ids.iter().zip(libraries) {
        let aux_count = u16::try_from(versions.len()).unwrap();
        writer.write_gnu_verneed(&Verneed { version: VER_NEED_CURRENT, aux_count, file: *file });
        for ((name, word), index) in versions.iter().zip(*words).zip(2..) {
            let flags = if word.starts_with('?') { VER_FLG_WEAK } else { 0 };
            writer.write_gnu_vernaux(&Vernaux { flags, index, name: *name });
        }
    }
    for (.., bytes) in &own {
        writer.write_align(4);
        writer.write(bytes);
    }
    writer.write_shstrtab();
    writer.write_null_section_header();
    writer.write_dynstr_section_header(0);
    writer.write_dynamic_section_header(0);
    writer.write_gnu_verneed_section_header(0);
    for (((_, sh_type, flags, bytes), name), place) in own.iter().zip(own_names).zip(places) {
        writer.write_section_header(&SectionHeader {
            name: Some(name),
            sh_type: *sh_type,
            sh_flags: u64::from(*flags),
            sh_addr: 0,
            sh_offset: place as u64,
            sh_size: bytes.len() as u64,
            sh_link: 0,
            sh_info: 0,
            sh_addralign: 4,
            sh_entsize: 0,
        });
    }
    writer.write_shstrtab_section_header();
    bytes
}

fn needs(libraries: &[(&str, &[&str])]) -> Needs {
    Needs::read(&program(EM_X86_64, libraries)).unwrap()
}

fn glibc_of(versions: &[&str]) -> anyhow::Result<String> {
    Ok(needs(&[("libc.so.6", versions)]).glibc()?.to_string())
}

#[test]
fn the_newest_version_of_a_symbol_decides() {
    assert_eq!(glibc_of(&["GLIBC_2.4", "GLIBC_2.34", "GLIBC_2.28", "GLIBC_2.2.5"]).unwrap(), "2.34");
    let two = needs(&[("libm.so.6", &["GLIBC_2.29"]), ("libc.so.6", &["GLIBC_2.17"])]);
    assert_eq!(two.glibc().unwrap().to_string(), "2.29");
}

#[test]
fn a_weak_version_may_be_missing() {
    assert_eq!(glibc_of(&["GLIBC_2.17", "?GLIBC_2.30"]).unwrap(), "2.17");
}

#[test]
fn what_is_private_to_a_glibc_is_no_promise() {
    assert!(glibc_of(&["GLIBC_2.17", "GLIBC_PRIVATE"]).is_err());
    assert_eq!(glibc_of(&["GLIBC_2.17", "GLIBC_ABI_DT_RELR"]).unwrap(), "2.36");
    assert!(glibc_of(&[]).is_err());
}

#[test]
fn the_processor_is_read() {
    assert_eq!(Needs::read(&program(EM_AARCH64, &[])).unwrap().machine, "aarch64");
    assert!(Needs::read(&program(object::elf::EM_RISCV, &[])).is_err());
    assert!(Needs::read(b"#!/bin/sh\n").is_err());
}

#[test]
fn each_family_has_its_word_for_a_library() {
    let needs = needs(&[("libc.so.6", &["GLIBC_2.28"]), ("libgcc_s.so.1", &["GCC_3.0"])]);
    let providers = BTreeMap::from(
        [("libc.so.6", "libc6 (>= {glibc})"), ("libgcc_s.so.1", "libgcc-s1 (>= 4.2)")]
            .map(|(library, package)| (library.to_owned(), package.to_owned())),
    );
    assert_eq!(needs.debian(&providers).unwrap(), ["libc6 (>= 2.28)", "libgcc-s1 (>= 4.2)"]);
    assert_eq!(
        needs.rpm(),
        [
            "libc.so.6()(64bit)",
            "libc.so.6(GLIBC_2.28)(64bit)",
            "libgcc_s.so.1()(64bit)",
            "libgcc_s.so.1(GCC_3.0)(64bit)",
            "rtld(GNU_HASH)",
        ]
    );
    assert!(needs.debian(&BTreeMap::new()).is_err());
}

#[test]
fn a_program_of_this_machine_is_read() {
    let needs = Needs::read(&fs_err::read(std::env::current_exe().unwrap()).unwrap()).unwrap();
    assert_eq!(needs.machine, std::env::consts::ARCH);
    assert!(needs.libraries["libc.so.6"].len() > 1 && needs.glibc().unwrap() >= "2.17".parse().unwrap());
}

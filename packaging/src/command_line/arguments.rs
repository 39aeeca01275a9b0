//! What can be said on the command line.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::elf::Glibc;
use crate::pool::Channel;

/// Make Myelin's packages and the signed repositories that they are installed from.
///
/// From a built server to a finished site:
///
///     pack key new --keys KEYS --generation 2026
///     pack all --keys KEYS --site SITE --url https://packages.example.org
///
/// SITE is a link to a folder that any web server can serve; SITE.pool and KEYS are kept, and never served.
#[derive(Debug, Parser)]
#[command(name = "pack", version)]
pub(super) struct Arguments {
    /// Seconds since the epoch that every file, index and signature is dated with; else now.
    #[arg(long, global = true, env = "SOURCE_DATE_EPOCH")]
    pub(super) time: Option<u32>,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lay out the files of a family's packages in a folder.
    Stage {
        #[arg(value_enum)]
        family: FamilyName,
        /// Where to; must not exist yet.
        #[arg(long)]
        destdir: PathBuf,
        #[command(flatten)]
        source: SourceArguments,
    },
    /// Make the packages of a family.
    Build(BuildArguments),
    /// Make the source packages of a commit, for Debian and as an rpm, with the crates that Cargo has fetched.
    ///
    /// Their version is the one of debian/changelog.
    Source {
        #[arg(long, default_value = ".")]
        tree: PathBuf,
        #[arg(long, default_value = "HEAD")]
        commit: String,
        /// The folder of keys.
        #[arg(long)]
        keys: PathBuf,
        /// Where the packages go.
        #[arg(long, default_value = "target/packages")]
        out: PathBuf,
    },
    /// Add packages to a channel and write the site.
    Publish {
        #[command(flatten)]
        site: SiteArguments,
        /// Else versions before a release, such as 1.2.3~rc1, are for the prerelease channel, and all others stable.
        #[arg(long, value_enum)]
        channel: Option<ChannelName>,
        /// Packages, sources and records that `pack build` and `pack source` made. Without any, the site is written anew.
        files: Vec<PathBuf>,
    },
    /// Offer a version of the prerelease channel in the stable one.
    Promote {
        #[command(flatten)]
        site: SiteArguments,
        package: String,
        version: String,
    },
    /// Offer a version no more.
    Withdraw {
        #[command(flatten)]
        site: SiteArguments,
        package: String,
        version: String,
    },
    /// Sign the indexes again with a new date, and change nothing else. A timer does it every day.
    Refresh {
        #[command(flatten)]
        site: SiteArguments,
    },
    /// Check a published site as its clients do.
    ///
    /// Ends with 1 if anything is wrong, and with 3 if all is good and something expires soon.
    Verify {
        /// A folder, or an address that begins with http:// or https://.
        site: String,
        /// The tree of the sources, whose packaging/package.toml names the suites.
        #[arg(long, default_value = ".")]
        tree: PathBuf,
        /// The folder with the certificates that are trusted.
        #[arg(long)]
        keys: PathBuf,
        /// Complain when an index is valid for fewer days than this.
        #[arg(long, default_value_t = 7)]
        days: u32,
    },
    /// Write debian/copyright from what the crates say that the server is made of.
    Copyright {
        #[arg(long, default_value = ".")]
        tree: PathBuf,
    },
    /// Write the bill of materials of the server (CycloneDX), which `build` puts beside the packages, too.
    Sbom {
        #[arg(long, default_value = ".")]
        tree: PathBuf,
        #[arg(long)]
        out: PathBuf,
    },
    /// Make, list and retire keys.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Build all packages, make the sources that they come from, and publish all of it.
    All(AllArguments),
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Make the keys of a generation. With another one there, both sign for apt, and rpm's is announced.
    #[command(visible_alias = "rotate")]
    New {
        #[arg(long)]
        keys: PathBuf,
        /// A year, or another word that sorts behind the ones before.
        #[arg(long)]
        generation: String,
        /// Name and address in the certificates, such as "Example packages <packages@example.org>".
        #[arg(long, default_value = "Myelin packages")]
        user: String,
        #[arg(long, hide = true, default_value_t = 4096)]
        rsa_bits: u32,
    },
    /// Have a generation sign no more.
    Expire {
        #[arg(long)]
        keys: PathBuf,
        #[arg(long)]
        generation: String,
    },
    /// Print the fingerprints.
    List {
        #[arg(long)]
        keys: PathBuf,
    },
}

#[derive(Clone, Debug, Args)]
pub(super) struct SourceArguments {
    /// The tree of the sources.
    #[arg(long, default_value = ".")]
    pub(super) tree: PathBuf,
    /// The server.
    #[arg(long, default_value = "target/release/myelin")]
    pub(super) binary: PathBuf,
    /// A server for this machine, where the binary is for another: it prints manual pages and completions.
    #[arg(long)]
    pub(super) runner: Option<PathBuf>,
    #[command(flatten)]
    pub(super) tools: ToolArguments,
}

#[derive(Clone, Debug, Args)]
pub(super) struct ToolArguments {
    /// Where `scripts/package-tools` installed the builders.
    #[arg(long = "tools", value_name = "DIR", env = "PACK_TOOLS", default_value_os_t = tools_folder(), hide_default_value = true)]
    pub(super) folder: PathBuf,
}

/// Where `scripts/package-tools` puts them: `$XDG_CACHE_HOME/myelin` or `~/.cache/myelin`.
pub(crate) fn tools_folder() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache");
    std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("myelin")
}

#[derive(Debug, Args)]
pub(super) struct BuildArguments {
    #[arg(value_enum)]
    pub(super) family: FamilyName,
    #[command(flatten)]
    pub(super) source: SourceArguments,
    /// The folder of keys; an rpm is signed when it is made.
    #[arg(long)]
    pub(super) keys: Option<PathBuf>,
    /// Only these packages.
    #[arg(long)]
    pub(super) package: Vec<String>,
    /// 1.2.3, or 1.2.3-rc1; else the version of this tool.
    #[arg(long)]
    pub(super) version: Option<String>,
    /// Counts packagings of the same version.
    #[arg(long, default_value_t = 1)]
    pub(super) revision: u32,
    /// Take a binary that asks for a newer glibc than package.toml promises, up to this one, or `any`: for systems of your
    /// own that have it.
    #[arg(long)]
    pub(super) glibc: Option<GlibcLimit>,
    /// Compress quickly and less, for packages that are only tried.
    #[arg(long)]
    pub(super) fast: bool,
    /// Where the packages go.
    #[arg(long, default_value = "target/packages")]
    pub(super) out: PathBuf,
}

#[derive(Clone, Debug, Args)]
pub(super) struct SiteArguments {
    /// The tree of the sources, whose packaging/package.toml describes the repositories.
    #[arg(long, default_value = ".")]
    pub(super) tree: PathBuf,
    /// The folder of keys.
    #[arg(long)]
    pub(super) keys: PathBuf,
    /// The folder that remembers what was published; never served. By default the site's name with `.pool` behind it.
    #[arg(long)]
    pool: Option<PathBuf>,
    /// The site: a link that is changed when everything is written.
    #[arg(long, visible_alias = "out", value_parser = link_name())]
    pub(super) site: PathBuf,
    /// Where clients find the site.
    #[arg(long)]
    pub(super) url: String,
    /// Write the order in which files have to be uploaded where nothing can be renamed, such as to a bucket.
    #[arg(long)]
    pub(super) upload_list: Option<PathBuf>,
}

/// A path to a link: with a slash at the end, as shells write it, it would be the folder behind the link.
fn link_name() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().map(|path| path.components().collect::<PathBuf>())
}

impl SiteArguments {
    /// The folder that remembers what was published.
    pub(super) fn pool(&self) -> PathBuf {
        self.pool.clone().unwrap_or_else(|| {
            let mut path = self.site.clone().into_os_string();
            path.push(".pool");
            path.into()
        })
    }
}

#[derive(Debug, Args)]
pub(super) struct AllArguments {
    #[command(flatten)]
    pub(super) site: SiteArguments,
    /// The server; once for each processor that it was built for, this machine's first.
    #[arg(long, default_value = "target/release/myelin")]
    pub(super) binary: Vec<PathBuf>,
    /// A server for this machine, where the first binary is for another: it prints manual pages and completions.
    #[arg(long)]
    runner: Option<PathBuf>,
    #[command(flatten)]
    tools: ToolArguments,
    #[arg(long)]
    pub(super) version: Option<String>,
    #[arg(long, default_value_t = 1)]
    pub(super) revision: u32,
    /// Take a binary that asks for a newer glibc than package.toml promises, up to this one, or `any`.
    #[arg(long)]
    pub(super) glibc: Option<GlibcLimit>,
    /// The commit whose sources are published; they are of the version that its debian/changelog says.
    #[arg(long, default_value = "HEAD")]
    pub(super) commit: String,
    /// Publish packages only.
    #[arg(long)]
    pub(super) without_sources: bool,
    /// Go on where the tree is not as the commit has it: the packages hold what lies in the tree.
    #[arg(long)]
    pub(super) allow_changes: bool,
}

impl AllArguments {
    /// Tree and binary of what is built.
    pub(super) fn source(&self, binary: &Path) -> SourceArguments {
        let first = self.binary.first().filter(|first| *first != binary);
        SourceArguments {
            tree: self.site.tree.clone(),
            binary: binary.to_owned(),
            runner: self.runner.as_ref().or(first).cloned(),
            tools: self.tools.clone(),
        }
    }
}

/// The newest glibc that a binary may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GlibcLimit {
    Version(Glibc),
    Any,
}

impl FromStr for GlibcLimit {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        if text == "any" { Ok(Self::Any) } else { Ok(Self::Version(text.parse()?)) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FamilyName {
    Deb,
    Rpm,
}

impl FamilyName {
    /// The word that files.list and install.sh know.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Rpm => "rpm",
        }
    }

    /// What the family calls a processor.
    pub(super) fn architecture(self, architecture: &str) -> &str {
        match (self, architecture) {
            (Self::Deb, "x86_64") => "amd64",
            (Self::Deb, "aarch64") => "arm64",
            (Self::Rpm, "amd64") => "x86_64",
            (Self::Rpm, "arm64") => "aarch64",
            (_, other) => other,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ChannelName {
    Stable,
    Prerelease,
}

impl From<ChannelName> for Channel {
    fn from(name: ChannelName) -> Self {
        match name {
            ChannelName::Stable => Self::Stable,
            ChannelName::Prerelease => Self::Prerelease,
        }
    }
}

//! Questions to the person at the terminal.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use anyhow::{Context, anyhow};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

/// Asks on the terminal, or reads the answer from standard input when that is no terminal.
///
/// # Errors
/// If there is no answer.
pub(crate) fn ask(question: &str) -> io::Result<String> {
    show(question)?;
    read_line()
}

/// Asks for something that must not be shown while it is typed.
///
/// # Errors
/// If there is no answer, or the terminal's echo cannot be switched off.
pub(crate) fn ask_hidden(question: &str) -> io::Result<Zeroizing<String>> {
    if !io::stdin().is_terminal() {
        show(question)?;
        return read_line().map(Zeroizing::new);
    }
    // Before the question, which some answer at once.
    let echo_off = EchoOff::new()?;
    show(question)?;
    let answer = read_line().map(Zeroizing::new);
    drop(echo_off);
    // The newline that was typed has not been shown either.
    show("\n")?;
    answer
}

/// Asks for a new password, twice.
///
/// # Errors
/// If there is no answer; the inner error says what is wrong with the password.
pub(crate) fn ask_new_password() -> io::Result<Result<Zeroizing<String>, &'static str>> {
    let password = ask_hidden("Password: ")?;
    if password.is_empty() {
        return Ok(Err("Password cannot be blank."));
    }
    let confirmation = ask_hidden("Confirm password: ")?;
    Ok(if password == confirmation { Ok(password) } else { Err("Passwords do not match.") })
}

/// The password in a file, or a new one that is asked for; from a pipe it is read once.
///
/// # Errors
/// If the file cannot be read, or there is no password.
pub(crate) fn password(file: Option<&Path>) -> anyhow::Result<Zeroizing<String>> {
    let password = match file {
        Some(path) => {
            let text =
                std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            Zeroizing::new(Zeroizing::new(text).trim().to_owned())
        }
        None if io::stdin().is_terminal() => return ask_new_password()?.map_err(|message| anyhow!(message)),
        None => Zeroizing::new(read_line()?.trim().to_owned()),
    };
    if password.is_empty() { Err(anyhow!("Password cannot be blank.")) } else { Ok(password) }
}

fn show(text: &str) -> io::Result<()> {
    let mut output = io::stdout();
    output.write_all(text.as_bytes())?;
    output.flush()
}

/// A line of standard input, without its end.
///
/// # Errors
/// If there is none.
pub(crate) fn read_line() -> io::Result<String> {
    let mut line = String::new();
    if io::stdin().lock().read_line(&mut line)? == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "there is no more input"));
    }
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// Switches the echo of standard input off while it lives.
struct EchoOff {
    before: Termios,
}

impl EchoOff {
    fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &silent)?;
        Ok(Self { before })
    }
}

impl Drop for EchoOff {
    fn drop(&mut self) {
        // A terminal that went away needs no echo.
        let _ = tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &self.before);
    }
}

//! A person at a terminal: answers when asked, and sees what the terminal shows.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use nix::pty::openpty;

use crate::running::{DEADLINE, wait};

pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<u8>,
    seen: Vec<u8>,
    /// How much of `seen` has been waited for.
    passed: usize,
}

impl Terminal {
    pub(crate) fn start(command: &mut Command) -> Self {
        let pty = openpty(None, None).unwrap();
        let side = File::from(pty.slave);
        let child = command
            .stdin(Stdio::from(side.try_clone().unwrap()))
            .stdout(Stdio::from(side.try_clone().unwrap()))
            .stderr(Stdio::from(side))
            .spawn()
            .unwrap();
        // The command keeps copies of its side, and with them the screen would never go dark.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let keyboard = File::from(pty.master);
        let mut master = keyboard.try_clone().unwrap();
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut byte = [0];
            while matches!(master.read(&mut byte), Ok(1)) && sender.send(byte[0]).is_ok() {}
        });
        Self { child, keyboard, screen, seen: Vec::new(), passed: 0 }
    }

    /// Waits for a question, then types the answer.
    pub(crate) fn answer(&mut self, question: &str, answer: &str) {
        let begun = Instant::now();
        while !self.seen[self.passed..].ends_with(question.as_bytes()) {
            let left = DEADLINE.saturating_sub(begun.elapsed());
            match self.screen.recv_timeout(left) {
                Ok(byte) => self.seen.push(byte),
                Err(_) => panic!("not asked {question:?}: {}", String::from_utf8_lossy(&self.seen)),
            }
        }
        self.passed = self.seen.len();
        self.keyboard.write_all(format!("{answer}\n").as_bytes()).unwrap();
    }

    /// The exit status, and everything that was to be seen.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let status = wait(&mut self.child);
        while let Ok(byte) = self.screen.recv_timeout(DEADLINE) {
            self.seen.push(byte);
        }
        (status, String::from_utf8(self.seen).unwrap())
    }
}

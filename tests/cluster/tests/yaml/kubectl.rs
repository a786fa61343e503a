//! The program that decodes as kubectl does.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde::Deserialize;
use serde_json::Value;

/// The program, running.
pub struct Kubectl {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    documents: Vec<Value>,
    error: Option<String>,
}

impl Kubectl {
    /// Starts it; `None`, and the test is skipped, where it can't be built.
    pub fn start() -> Option<Kubectl> {
        let program = capstan_cluster::Error::or_skip(capstan_cluster::kubectl_decoder()).unwrap()?;
        let mut process = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Some(Kubectl { process, input, output })
    }

    /// Decodes a text: its documents, or why it is refused.
    pub fn decode(&mut self, text: &str) -> Result<Vec<Value>, String> {
        let mut line = serde_json::to_vec(text).unwrap();
        line.push(b'\n');
        self.input.write_all(&line).unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        let read = serde_json::from_str::<Answer>(&answer);
        // JSON goes through as it is, and is refused or changed later: a number that is too large, or half of a pair of surrogates, of
        // which Go makes U+FFFD. Capstan refuses both at once.
        if let Err(error) = &read
            && (error.to_string().contains("hex escape") || error.to_string().contains("out of range"))
        {
            return Err(error.to_string());
        }
        let answer = read.unwrap();
        match answer.error {
            Some(error) => Err(error),
            None => Ok(answer.documents),
        }
    }
}

impl Drop for Kubectl {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

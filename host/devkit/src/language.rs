//! The languages of plugins: how a project's language is recognised, and the required tools.

use std::path::Path;

use capstan_process::{Command, Environment, Program};

/// The language of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    /// Rust.
    Rust,
    /// JavaScript.
    Js,
    /// Python.
    Python,
    /// Go.
    Go,
}

/// All languages, in the order in which a project is checked for them.
pub const ALL: [Language; 4] = [Language::Rust, Language::Js, Language::Python, Language::Go];

/// A required program, or a part of one.
pub struct Tool {
    /// The name of the program or part.
    pub name: &'static str,
    /// The command that prints its version.
    version_command: &'static [&'static str],
    /// The oldest sufficient version; empty for any.
    pub min_version: &'static str,
    /// How it is installed on each platform: a command, or its website if the system's packages may be too old.
    install: &'static [(Platform, &'static str)],
}

/// The platforms of an installation command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Platform {
    Any,
    Linux,
    MacOs,
    Windows,
}

/// The result of looking for a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolStatus {
    /// It exists in this version; empty for a part without a version.
    Version(String),
    /// It exists in this version, which is too old.
    TooOld(String),
    /// The tool isn't installed.
    Missing,
}

const RUST: [Tool; 3] = [
    Tool {
        name: "cargo",
        version_command: &["cargo", "--version"],
        min_version: "1.85",
        install: RUSTUP,
    },
    Tool {
        name: "rustc",
        version_command: &["rustc", "--version"],
        min_version: "1.85",
        install: RUSTUP,
    },
    Tool {
        name: "wasm32-wasip2",
        version_command: &["rustc", "--print", "target-libdir", "--target", "wasm32-wasip2"],
        min_version: "",
        install: &[(Platform::Any, "rustup target add wasm32-wasip2")],
    },
];

const RUSTUP: &[(Platform, &str)] = &[
    (Platform::Windows, "winget install Rustlang.Rustup"),
    (
        Platform::Any,
        "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh",
    ),
];

const JS: [Tool; 2] = [
    Tool {
        name: "node",
        version_command: &["node", "--version"],
        min_version: "20",
        install: NODE,
    },
    Tool {
        name: "npm",
        version_command: &["npm", "--version"],
        min_version: "",
        install: NODE,
    },
];

const NODE: &[(Platform, &str)] = &[
    (
        Platform::Linux,
        "install Node.js 20 or newer: https://nodejs.org (`apt-get install nodejs npm` from Debian 13 and Ubuntu 25.04 on)",
    ),
    (Platform::MacOs, "brew install node"),
    (Platform::Windows, "winget install OpenJS.NodeJS.LTS"),
];

const PYTHON: [Tool; 2] = [
    Tool {
        name: "python3",
        version_command: &["python3", "--version"],
        min_version: "3.10",
        install: &[
            (Platform::Linux, "apt-get install -y python3"),
            (Platform::MacOs, "brew install python3"),
            (Platform::Windows, "winget install Python.Python.3.13"),
        ],
    },
    Tool {
        name: "python3-venv",
        version_command: &["python3", "-c", "import ensurepip, venv"],
        min_version: "",
        install: &[
            (Platform::Linux, "apt-get install -y python3-venv"),
            (Platform::MacOs, "brew install python3"),
            (Platform::Windows, "winget install Python.Python.3.13"),
        ],
    },
];

const GO: [Tool; 1] = [Tool {
    name: "go",
    version_command: &["go", "version"],
    min_version: "1.24",
    install: &[
        (
            Platform::Linux,
            "install Go 1.24 or newer: https://go.dev/dl (`apt-get install golang-go` from Debian 13 and Ubuntu 25.04 on)",
        ),
        (Platform::MacOs, "brew install go"),
        (Platform::Windows, "winget install GoLang.Go"),
    ],
}];

/// Returns the language's name for people.
pub fn display_name(language: Language) -> &'static str {
    match language {
        Language::Rust => "Rust",
        Language::Js => "JavaScript",
        Language::Python => "Python",
        Language::Go => "Go",
    }
}

/// Returns the file by which a project's language is recognised.
pub fn marker_file(language: Language) -> &'static str {
    match language {
        Language::Rust => "Cargo.toml",
        Language::Js => "package.json",
        Language::Python => "requirements.txt",
        Language::Go => "go.mod",
    }
}

/// Returns the language of the project in a folder.
pub fn detect(folder: &Path) -> Option<Language> {
    ALL.into_iter()
        .find(|language| folder.join(marker_file(*language)).is_file())
}

/// Returns the tools that a language requires.
pub fn tools(language: Language) -> &'static [Tool] {
    match language {
        Language::Rust => &RUST,
        Language::Js => &JS,
        Language::Python => &PYTHON,
        Language::Go => &GO,
    }
}

impl Tool {
    /// Looks for the tool, and checks its version.
    pub fn find(&self) -> ToolStatus {
        let Some((program, args)) = self.version_command.split_first() else {
            return ToolStatus::Missing;
        };
        // On Windows `npm` is a script, which only the shell finds.
        let program = if cfg!(windows) && *program == "npm" {
            "npm.cmd"
        } else {
            program
        };
        let Some(program) = Program::find(program) else {
            return ToolStatus::Missing;
        };
        let mut command = Command::new(&program, Environment::Inherited);
        command.constants(args);
        let Ok(output) = command.run() else {
            return ToolStatus::Missing;
        };
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if !output.status.success() {
            return ToolStatus::Missing;
        }
        if self.name == "wasm32-wasip2" {
            return if Path::new(&text).is_dir() {
                ToolStatus::Version(String::new())
            } else {
                ToolStatus::Missing
            };
        }
        let version = parse_version(&text);
        if version_numbers(&version) < version_numbers(self.min_version) {
            return ToolStatus::TooOld(version);
        }
        ToolStatus::Version(version)
    }

    /// Returns how to install it on this machine.
    pub fn install(&self) -> &'static str {
        let here = match std::env::consts::OS {
            "macos" => Platform::MacOs,
            "windows" => Platform::Windows,
            _ => Platform::Linux,
        };
        let fits = |(system, _): &&(Platform, &str)| *system == here || *system == Platform::Any;
        self.install
            .iter()
            .find(fits)
            .map(|(_, command)| *command)
            .unwrap_or_default()
    }
}

/// Finds the version in the output of a program: `go version go1.26.8 linux/amd64`.
fn parse_version(text: &str) -> String {
    let word = text
        .split_whitespace()
        .find(|word| word.contains(|c: char| c.is_ascii_digit()));
    let word = word.unwrap_or_default();
    word.trim_start_matches(|c: char| !c.is_ascii_digit()).to_owned()
}

fn version_numbers(version: &str) -> Vec<u32> {
    let numbers = version.split(|c: char| !c.is_ascii_digit());
    numbers.map_while(|number| number.parse().ok()).take(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_and_compared_by_number() {
        let output = [
            "cargo 1.95.0 (f2d3ce0bd 2026-03-21)",
            "v20.20.2",
            "Python 3.11.7",
            "go version go1.26.8 linux/amd64",
            "go version go1.27rc1 linux/amd64",
            "",
        ];
        assert_eq!(
            output.map(parse_version),
            ["1.95.0", "20.20.2", "3.11.7", "1.26.8", "1.27rc1", ""]
        );
        assert!(
            version_numbers("3.9.2") < version_numbers("3.10")
                && version_numbers("20.1") > version_numbers("20")
                && version_numbers("1.24") >= version_numbers("1.24")
        );
        assert!(version_numbers("0.1") >= version_numbers(""));
    }

    #[test]
    fn every_tool_can_be_installed_everywhere() {
        for tool in ALL.into_iter().flat_map(tools) {
            assert!(!tool.install().is_empty(), "{}", tool.name);
            for system in [Platform::Linux, Platform::MacOs, Platform::Windows] {
                let known = |(of, _): &(Platform, &str)| *of == system || *of == Platform::Any;
                assert!(tool.install.iter().any(known), "{} on {system:?}", tool.name);
            }
        }
    }
}

//! The only printer: data to standard output, everything else to standard error.

use std::error::Error;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use owo_colors::OwoColorize;

use crate::config::ConfigError;

use super::CliError;

/// When to use color.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    Always,
    Never,
}

/// How much to say on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors alone.
    Quiet,
    #[default]
    Normal,
    Verbose,
}

/// Where a command prints.
#[derive(Clone, Debug)]
pub struct Ui {
    verbosity: Verbosity,
    /// Flags that a further command needs to mean the same project.
    flags: String,
}

/// A stage under way: a moving line on a terminal, one line at its end elsewhere.
#[derive(Debug)]
pub struct Stage {
    name: String,
    bar: Option<ProgressBar>,
    ui: Ui,
}

impl Ui {
    /// Sets color for the whole process and returns a printer. `flags` are added to every command
    /// that a hint offers, so that it means the same project when it is copied.
    pub fn new(color: ColorChoice, verbosity: Verbosity, flags: String) -> Self {
        let choice = match color {
            ColorChoice::Auto => anstream::ColorChoice::Auto,
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
        Self { verbosity, flags }
    }

    /// Prints data to standard output, as it is.
    ///
    /// # Errors
    /// When the reader went away or the disk is full.
    pub fn data(&self, text: impl fmt::Display) -> Result<(), CliError> {
        let mut out = anstream::stdout().lock();
        write!(out, "{text}").and_then(|()| out.flush()).map_err(CliError::Output)
    }

    /// Prints a line of data to standard output.
    ///
    /// # Errors
    /// As [`Ui::data`].
    pub fn line(&self, text: impl fmt::Display) -> Result<(), CliError> {
        self.data(format_args!("{text}\n"))
    }

    /// Tells what is going on, unless `-q`.
    pub fn note(&self, text: impl fmt::Display) {
        if self.verbosity >= Verbosity::Normal {
            say(format_args!("{text}"));
        }
    }

    /// Tells a detail, only with `-v`.
    pub fn detail(&self, text: impl fmt::Display) {
        if self.verbosity >= Verbosity::Verbose {
            say(format_args!("{}", text.dimmed()));
        }
    }

    /// Warns of something that did not stop the command.
    pub fn warning(&self, text: impl fmt::Display) {
        say(format_args!("{} {text}", "warning:".yellow().bold()));
    }

    /// Offers a way on; a command to copy stands alone on an indented line of `text`.
    pub fn hint(&self, text: impl fmt::Display) {
        if self.verbosity >= Verbosity::Normal {
            self.say_hint(&text.to_string());
        }
    }

    fn say_hint(&self, text: &str) {
        say(format_args!("{} {}", "hint:".cyan().bold(), with_flags(text, &self.flags)));
    }

    /// Prints an error with its causes and hints.
    pub fn error(&self, error: &CliError) {
        if let CliError::Config(ConfigError::Invalid { problems }) = error {
            for problem in problems {
                say(format_args!("{} {problem}", "error:".red().bold()));
                if let Some(hint) = &problem.hint {
                    self.say_hint(hint);
                }
            }
            return;
        }
        say(format_args!("{} {error}", "error:".red().bold()));
        let mut cause = error.source();
        while let Some(error) = cause {
            say(format_args!("{} {error}", "caused by:".bold()));
            cause = error.source();
        }
        for hint in error.hints() {
            self.say_hint(&hint);
        }
    }

    /// Asks a question on a terminal; anything but `y` or `yes` is no, and so is no terminal.
    ///
    /// # Errors
    /// When the answer cannot be read.
    pub fn ask(&self, question: &str) -> Result<bool, CliError> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Ok(false);
        }
        let mut err = anstream::stderr().lock();
        write!(err, "{question} [y/N] ").and_then(|()| err.flush()).map_err(CliError::Output)?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).map_err(CliError::Output)?;
        Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    /// Begins a stage.
    pub fn stage(&self, name: &str) -> Stage {
        let is_shown = self.verbosity >= Verbosity::Normal && io::stderr().is_terminal();
        let bar = is_shown.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{spinner} {prefix:<10} {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.set_prefix(name.to_owned());
            bar.enable_steady_tick(TICK);
            bar
        });
        Stage { name: name.to_owned(), bar, ui: self.clone() }
    }
}

/// Often enough to look alive, seldom enough to cost nothing.
const TICK: Duration = Duration::from_millis(120);

impl Stage {
    /// Shows what the stage is at; seen on a terminal only.
    pub fn progress(&self, text: impl fmt::Display) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_string());
        }
    }

    /// Ends the stage with one line that stays.
    pub fn done(self, text: impl fmt::Display) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.ui.note(format_args!("{:<10} {text}", self.name));
    }
}

/// A stage that failed leaves no half-drawn line above its error.
impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Adds flags to the commands of a hint: the indented lines that begin with `concord`.
fn with_flags(text: &str, flags: &str) -> String {
    let line_with_flags = |line: &str| {
        if !line.starts_with("    concord ") {
            return line.to_owned();
        }
        line.split(" && ").map(|c| format!("{c}{flags}")).collect::<Vec<_>>().join(" && ")
    };
    text.lines().map(line_with_flags).collect::<Vec<_>>().join("\n")
}

/// Where standard error is gone, there is nobody left to tell.
fn say(text: fmt::Arguments<'_>) {
    let mut err = anstream::stderr().lock();
    let _ = writeln!(err, "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_to_copy_means_the_same_project() {
        let hint = "plan again:\n    concord pull && concord plan";
        assert_eq!(
            with_flags(hint, " --sandbox"),
            "plan again:\n    concord pull --sandbox && concord plan --sandbox"
        );
        assert_eq!(
            with_flags("`concord plan` makes one", " --sandbox"),
            "`concord plan` makes one"
        );
    }
}

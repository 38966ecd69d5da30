//! Standard output and standard error.

use std::{
    env,
    io::{self, ErrorKind, IsTerminal, Write},
    process::exit,
    sync::OnceLock,
};

use clap::ValueEnum;

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

static COLOUR: OnceLock<bool> = OnceLock::new();

/// Decides once for standard error, where the only colours are.
pub(crate) fn set_colour(choice: Colour) {
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_forced = is_set("CLICOLOR_FORCE") && !is_set("NO_COLOR");
    let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
    let is_coloured = match choice {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => is_forced || io::stderr().is_terminal() && !is_set("NO_COLOR") && !is_dumb,
    };
    // Set once, at the start.
    let _ = COLOUR.set(is_coloured);
}

/// Data, as it is. A reader that has gone away (`| head`) is the end, and no error.
pub(crate) fn out(text: &str) {
    bytes(text.as_bytes());
}

/// Data with a line end.
pub(crate) fn line(text: &str) {
    bytes(format!("{text}\n").as_bytes());
}

/// Bytes to standard output, at once.
pub(crate) fn bytes(data: &[u8]) {
    let mut stdout = io::stdout().lock();
    if let Err(error) = stdout.write_all(data).and_then(|()| stdout.flush()) {
        exit(i32::from(error.kind() != ErrorKind::BrokenPipe));
    }
}

/// Talk. Nobody to hear it is no error.
pub(crate) fn talk(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Bytes to standard error.
pub(crate) fn talk_bytes(data: &[u8]) {
    let _ = io::stderr().write_all(data);
}

/// `Warning: …`.
pub(crate) fn warning(text: &str) {
    talk(&format!("{} {text}", coloured("Warning:", "33;1")));
}

/// What went wrong.
pub(crate) fn error(text: &str) {
    match text.split_once(':') {
        Some((head, rest)) if !head.contains('\n') => talk(&format!("{}{rest}", coloured(&format!("{head}:"), "31;1"))),
        _ => talk(text),
    }
}

fn coloured(text: &str, code: &str) -> String {
    if COLOUR.get().copied().unwrap_or(false) { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

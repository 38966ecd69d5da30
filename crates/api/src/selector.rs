//! Label and field selectors.

use std::{collections::BTreeMap, fmt};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::Value;

use crate::status::Status;

/// A parsed label selector: all requirements must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    requirements: Vec<Requirement>,
}

/// One requirement of a label selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// `k=v`.
    Is(String, String),
    /// `k!=v`: also objects without the label.
    IsNot(String, String),
    /// `k in (a,b)`. Without a value it never holds.
    In(String, Vec<String>),
    /// `k notin (a,b)`: also objects without the label.
    NotIn(String, Vec<String>),
    /// `k`.
    Exists(String),
    /// `!k`.
    Absent(String),
    /// `k>1`: the label is a greater integer.
    Greater(String, i64),
    /// `k<1`: the label is a smaller integer.
    Less(String, i64),
}

impl Labels {
    /// Parses a `labelSelector` parameter. An empty one selects everything.
    ///
    /// Errors: 400 `BadRequest`, in Kubernetes' words (`apimachinery/pkg/labels`).
    pub fn parse(text: &str) -> Result<Labels, Status> {
        Parser::new(text).selector().map(|requirements| Labels { requirements }).map_err(Status::bad_request)
    }

    /// A set's selector: `matchLabels` and `matchExpressions` together.
    ///
    /// An operator that Kubernetes does not know selects nothing; validation has refused it before.
    pub fn from_selector(selector: &LabelSelector) -> Labels {
        let equal = selector.match_labels.iter().flatten().map(|(k, v)| Requirement::Is(k.clone(), v.clone()));
        let expressions = selector.match_expressions.iter().flatten().map(|expression| {
            let (key, values) = (expression.key.clone(), sorted(expression.values.clone().unwrap_or_default()));
            match expression.operator.as_str() {
                "In" => Requirement::In(key, values),
                "NotIn" => Requirement::NotIn(key, values),
                "Exists" => Requirement::Exists(key),
                "DoesNotExist" => Requirement::Absent(key),
                _ => Requirement::In(key, Vec::new()),
            }
        });
        let mut requirements: Vec<_> = equal.chain(expressions).collect();
        requirements.sort_by(|a, b| a.key().cmp(b.key()));
        Labels { requirements }
    }

    /// What must hold, in the order given.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether an object with these labels is selected.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.matches_by(|key| labels.get(key).map(String::as_str))
    }

    /// Whether this object, by its `metadata.labels`, is selected.
    pub fn matches_object(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.matches_by(|key| labels.get(key).and_then(Value::as_str))
    }

    fn matches_by<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements.iter().all(|requirement| requirement.holds(label(requirement.key())))
    }
}

impl fmt::Display for Labels {
    /// As `kubectl` prints a selector: `app=nginx,tier in (a,b)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, requirement) in self.requirements.iter().enumerate() {
            write!(f, "{}{requirement}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl Requirement {
    /// The values of which the label must have one; `None` where that is not what is asked for.
    pub fn values(&self) -> Option<&[String]> {
        match self {
            Requirement::Is(_, value) => Some(std::slice::from_ref(value)),
            Requirement::In(_, values) => Some(values),
            Requirement::IsNot(..)
            | Requirement::NotIn(..)
            | Requirement::Exists(_)
            | Requirement::Absent(_)
            | Requirement::Greater(..)
            | Requirement::Less(..) => None,
        }
    }

    /// Whether only objects that have the label fulfil it.
    pub fn needs_label(&self) -> bool {
        !matches!(self, Requirement::IsNot(..) | Requirement::NotIn(..) | Requirement::Absent(_))
    }

    /// The label that it is about.
    pub fn key(&self) -> &str {
        match self {
            Requirement::Is(key, _)
            | Requirement::IsNot(key, _)
            | Requirement::In(key, _)
            | Requirement::NotIn(key, _)
            | Requirement::Exists(key)
            | Requirement::Absent(key)
            | Requirement::Greater(key, _)
            | Requirement::Less(key, _) => key,
        }
    }

    fn holds(&self, label: Option<&str>) -> bool {
        let integer = || label.and_then(|value| value.parse::<i64>().ok());
        match self {
            Requirement::Is(_, wanted) => label == Some(wanted),
            Requirement::IsNot(_, unwanted) => label != Some(unwanted),
            Requirement::In(_, values) => label.is_some_and(|value| values.iter().any(|v| v == value)),
            Requirement::NotIn(_, values) => label.is_none_or(|value| values.iter().all(|v| v != value)),
            Requirement::Exists(_) => label.is_some(),
            Requirement::Absent(_) => label.is_none(),
            Requirement::Greater(_, bound) => integer().is_some_and(|value| value > *bound),
            Requirement::Less(_, bound) => integer().is_some_and(|value| value < *bound),
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Requirement::Is(key, value) => write!(f, "{key}={value}"),
            Requirement::IsNot(key, value) => write!(f, "{key}!={value}"),
            Requirement::In(key, values) => write!(f, "{key} in ({})", values.join(",")),
            Requirement::NotIn(key, values) => write!(f, "{key} notin ({})", values.join(",")),
            Requirement::Exists(key) => f.write_str(key),
            Requirement::Absent(key) => write!(f, "!{key}"),
            Requirement::Greater(key, bound) => write!(f, "{key}>{bound}"),
            Requirement::Less(key, bound) => write!(f, "{key}<{bound}"),
        }
    }
}

/// The words of a label selector. `in` and `notin` are words of their own only where an operator may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    End,
    Close,
    Comma,
    Not,
    DoubleEquals,
    Equals,
    Greater,
    Identifier,
    In,
    Less,
    NotEquals,
    NotIn,
    Open,
}

const OPERATORS: &str = "in, notin, =, ==, !=, gt, lt";

struct Parser<'a> {
    rest: std::iter::Peekable<std::vec::IntoIter<(Token, &'a str)>>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Parser<'a> {
        Parser { rest: tokens(text).into_iter().peekable() }
    }

    /// The next token, in a place where an operator may stand.
    fn operator_token(&mut self) -> (Token, &'a str) {
        self.rest.next().unwrap_or((Token::End, ""))
    }

    /// The next token, in a place where `in` and `notin` are plain words.
    fn take(&mut self) -> (Token, &'a str) {
        as_word(self.operator_token())
    }

    fn peek(&mut self) -> (Token, &'a str) {
        as_word(self.rest.peek().copied().unwrap_or((Token::End, "")))
    }

    fn selector(&mut self) -> Result<Vec<Requirement>, String> {
        let mut requirements = Vec::new();
        loop {
            match self.peek() {
                (Token::Identifier | Token::Not, _) => {}
                (Token::End, _) => return Ok(requirements),
                (_, found) => return Err(format!("found '{found}', expected: !, identifier, or 'end of string'")),
            }
            let requirement = self.requirement().map_err(|error| format!("unable to parse requirement: {error}"))?;
            requirements.push(requirement);
            match self.take() {
                (Token::End, _) => return Ok(requirements),
                (Token::Comma, _) => match self.peek() {
                    (Token::Identifier | Token::Not, _) => {}
                    (_, found) => return Err(format!("found '{found}', expected: identifier after ','")),
                },
                (_, found) => return Err(format!("found '{found}', expected: ',' or 'end of string'")),
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let (mut token, mut literal) = self.take();
        let negated = token == Token::Not;
        if negated {
            (token, literal) = self.take();
        }
        if token != Token::Identifier {
            return Err(format!("found '{literal}', expected: identifier"));
        }
        // Kubernetes has no path to name here, and prints the missing one as `<nil>`.
        check("<nil>", literal, &key_faults(literal))?;
        let key = literal.to_owned();
        if negated {
            return Ok(Requirement::Absent(key));
        }
        if matches!(self.peek().0, Token::End | Token::Comma) {
            return Ok(Requirement::Exists(key));
        }
        let operator = self.operator_token();
        let values = match operator.0 {
            Token::In | Token::NotIn => self.values()?,
            Token::Equals | Token::DoubleEquals | Token::NotEquals | Token::Greater | Token::Less => {
                vec![self.exact_value()?]
            }
            _ => return Err(format!("found '{}', expected: {OPERATORS}", operator.1)),
        };
        let integer = || {
            values[0].parse().map_err(|_| {
                format!(
                    "values[0]: Invalid value: {:?}: for 'Gt', 'Lt' operators, the value must be an integer",
                    values[0]
                )
            })
        };
        match operator.0 {
            Token::Greater => return Ok(Requirement::Greater(key, integer()?)),
            Token::Less => return Ok(Requirement::Less(key, integer()?)),
            _ => {}
        }
        for (i, value) in values.iter().enumerate() {
            check(&format!("values[{i}][{key}]"), value, &value_faults(value))?;
        }
        let value = || values.first().cloned().unwrap_or_default();
        Ok(match operator.0 {
            Token::NotEquals => Requirement::IsNot(key, value()),
            Token::Equals | Token::DoubleEquals => Requirement::Is(key, value()),
            Token::NotIn => Requirement::NotIn(key, values),
            _ => Requirement::In(key, values),
        })
    }

    /// The values in brackets; an empty place between commas is the empty value.
    fn values(&mut self) -> Result<Vec<String>, String> {
        match self.take() {
            (Token::Open, _) => {}
            (_, found) => return Err(format!("found '{found}' expected: '('")),
        }
        match self.peek() {
            (Token::Identifier | Token::Comma, _) => {}
            (Token::Close, _) => {
                self.take();
                return Ok(vec![String::new()]);
            }
            (_, found) => return Err(format!("found '{found}', expected: ',', ')' or identifier")),
        }
        let mut values = Vec::new();
        let mut after_comma = true;
        loop {
            match self.take() {
                (Token::Identifier, value) => {
                    values.push(value.to_owned());
                    after_comma = false;
                    match self.peek() {
                        (Token::Comma | Token::Close, _) => {}
                        (_, found) => return Err(format!("found '{found}', expected: ',' or ')'")),
                    }
                }
                (Token::Comma, _) => {
                    if after_comma {
                        values.push(String::new());
                    }
                    after_comma = true;
                }
                (Token::Close, _) => {
                    if after_comma {
                        values.push(String::new());
                    }
                    return Ok(sorted(values));
                }
                (_, found) => return Err(format!("found '{found}', expected: ',', or identifier")),
            }
        }
    }

    fn exact_value(&mut self) -> Result<String, String> {
        if matches!(self.peek().0, Token::End | Token::Comma) {
            return Ok(String::new());
        }
        match self.take() {
            (Token::Identifier, value) => Ok(value.to_owned()),
            (_, found) => Err(format!("found '{found}', expected: identifier")),
        }
    }
}

fn as_word((token, literal): (Token, &str)) -> (Token, &str) {
    match token {
        Token::In | Token::NotIn => (Token::Identifier, literal),
        other => (other, literal),
    }
}

fn tokens(text: &str) -> Vec<(Token, &str)> {
    let is_space = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
    let is_symbol = |c: char| matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<');
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '=' if rest.starts_with("==") => (Token::DoubleEquals, 2),
            '!' if rest.starts_with("!=") => (Token::NotEquals, 2),
            '=' => (Token::Equals, 1),
            '!' => (Token::Not, 1),
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            '>' => (Token::Greater, 1),
            '<' => (Token::Less, 1),
            _ => {
                let length = rest.find(|c| is_space(c) || is_symbol(c)).unwrap_or(rest.len());
                match &rest[..length] {
                    "in" => (Token::In, length),
                    "notin" => (Token::NotIn, length),
                    _ => (Token::Identifier, length),
                }
            }
        };
        found.push((token, &rest[..length]));
        rest = rest[length..].trim_start_matches(is_space);
    }
    found
}

/// Kubernetes keeps values in a set, so that they come out sorted and once.
fn sorted(mut values: Vec<String>) -> Vec<String> {
    values.sort();
    values.dedup();
    values
}

fn check(path: &str, value: &str, faults: &[String]) -> Result<(), String> {
    if faults.is_empty() { Ok(()) } else { Err(format!("{path}: Invalid value: {value:?}: {}", faults.join("; "))) }
}

/// What is wrong with a label key (`IsQualifiedName`): an optional DNS subdomain and `/`, then a name.
fn key_faults(key: &str) -> Vec<String> {
    const NAME: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
        alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
        '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or \
        '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
        '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    let mut faults = Vec::new();
    let (prefix, name) = match key.split('/').collect::<Vec<_>>().as_slice() {
        [name] => (None, *name),
        [prefix, name] => (Some(*prefix), *name),
        _ => {
            return vec![format!(
                "a qualified name {NAME} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    match prefix {
        Some("") => faults.push("prefix part must be non-empty".to_owned()),
        Some(prefix) => {
            if prefix.len() > 253 {
                faults.push("prefix part must be no more than 253 bytes".to_owned());
            }
            let is_label = |label: &str| {
                let edge = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
                spells(label, edge, |b| edge(b) || b == b'-')
            };
            if !prefix.split('.').all(is_label) {
                faults.push(format!("prefix part {SUBDOMAIN}"));
            }
        }
        None => {}
    }
    if name.is_empty() {
        faults.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        faults.push("name part must be no more than 63 bytes".to_owned());
    }
    if !is_name(name) {
        faults.push(format!("name part {NAME}"));
    }
    faults
}

/// What is wrong with a label value (`IsValidLabelValue`).
fn value_faults(value: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if value.len() > 63 {
        faults.push("must be no more than 63 bytes".to_owned());
    }
    if !value.is_empty() && !is_name(value) {
        faults.push(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start \
             and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for \
             validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
                .to_owned(),
        );
    }
    faults
}

fn is_name(text: &str) -> bool {
    spells(text, |b| b.is_ascii_alphanumeric(), |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// Whether a text is not empty, begins and ends with `edge` and has only `inner` between.
fn spells(text: &str, edge: impl Fn(u8) -> bool, inner: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(&first), Some(&last)) => edge(first) && edge(last) && bytes.iter().all(|&b| inner(b)),
        _ => false,
    }
}

/// A parsed field selector: field, whether it must be equal, value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// The terms, all of which must hold.
    pub terms: Vec<(String, bool, String)>,
}

impl Fields {
    /// Parses a `fieldSelector` parameter: `=`, `==`, `!=`, joined by commas; `\` escapes `\`, `,` and `=` in a value.
    ///
    /// Errors: 400 `BadRequest`, in Kubernetes' words (`apimachinery/pkg/fields`).
    pub fn parse(text: &str) -> Result<Fields, Status> {
        let mut terms = Vec::new();
        for part in split_terms(text).into_iter().filter(|part| !part.is_empty()) {
            let (field, equal, value) = split_term(part)
                .ok_or_else(|| Status::bad_request(format!("invalid selector: '{text}'; can't understand '{part}'")))?;
            terms.push((field.to_owned(), equal, unescape(value).map_err(Status::bad_request)?));
        }
        Ok(Fields { terms })
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether all terms hold, where `value_of` tells the value of a field.
    pub fn matches(&self, value_of: impl Fn(&str) -> String) -> bool {
        self.terms.iter().all(|(field, equal, value)| (value_of(field) == *value) == *equal)
    }
}

/// Splits at the commas that are not escaped.
fn split_terms(text: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (i, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                terms.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms
}

fn split_term(term: &str) -> Option<(&str, bool, &str)> {
    let at = term.find(['=', '!'])?;
    for (operator, equal) in [("!=", false), ("==", true), ("=", true)] {
        if let Some(value) = term[at..].strip_prefix(operator) {
            return Some((&term[..at], equal, value));
        }
    }
    // A lone `!` is part of the field's name.
    let at = at + 1;
    split_term(&term[at..]).map(|(field, equal, value)| (&term[..at + field.len()], equal, value))
}

fn unescape(value: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some(next @ ('\\' | ',' | '=')) => plain.push(next),
                Some(next) => return Err(format!("invalid field selector: invalid escape sequence: \\{next}")),
                None => return Err("invalid field selector: invalid escape sequence: \\".to_owned()),
            },
            // Kubernetes prints the character's number.
            ',' | '=' => return Err(format!("invalid field selector: unescaped character in value: {}", u32::from(c))),
            _ => plain.push(c),
        }
    }
    Ok(plain)
}

#[cfg(test)]
mod tests;

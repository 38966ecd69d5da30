//! kubectl's `jsonpath` templates: text with `{…}` in it.
//!
//! Not RFC 9535: kubectl has `{range}`…`{end}`, texts in quotes, paths without `$`, and dots escaped by `\`.

use std::{iter::Peekable, str::Chars};

use serde_json::Value;

/// How deep ranges may stand in each other: more is a mistake.
const DEPTH_MAX: usize = 16;

/// A template that has been read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Path(Vec<Step>),
    Range(Vec<Step>, Vec<Part>),
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Field(String),
    Index(i64),
    Slice(Option<i64>, Option<i64>),
    /// `[*]`, `.*`: all of a list or of an object.
    All,
    /// `..name`: everywhere below.
    Deep(String),
    /// `[?(@.path == value)]`.
    Filter(Vec<Step>, Option<(Comparison, Value)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Template {
    /// Reads a template. A text without braces is a path, as in custom columns and `wait`.
    pub(crate) fn parse(text: &str) -> Result<Template, String> {
        if text.is_empty() {
            return Err("the template is empty: write for example jsonpath={.metadata.name}".to_owned());
        }
        if !text.contains('{') {
            return path(text).map(|path| Template(vec![Part::Path(path)]));
        }
        let mut characters = text.chars().peekable();
        let parts = parts(&mut characters, 0)?;
        Ok(Template(parts))
    }

    /// The template filled from an object. What is missing prints as nothing.
    pub(crate) fn fill(&self, object: &Value) -> String {
        let mut text = String::new();
        fill(&self.0, object, &mut text);
        text
    }

    /// What the template's first path finds.
    pub(crate) fn find<'a>(&self, object: &'a Value) -> Vec<&'a Value> {
        let path = self.0.iter().find_map(|part| match part {
            Part::Path(path) | Part::Range(path, _) => Some(path),
            Part::Text(_) => None,
        });
        path.map(|path| walk(path, object)).unwrap_or_default()
    }
}

fn fill(parts: &[Part], object: &Value, into: &mut String) {
    for part in parts {
        match part {
            Part::Text(text) => into.push_str(text),
            Part::Path(path) => {
                let found: Vec<String> = walk(path, object).into_iter().map(say).collect();
                into.push_str(&found.join(" "));
            }
            Part::Range(path, inner) => {
                let found = walk(path, object);
                // `{range .items}` goes over the list's items as `{range .items[*]}` does.
                match found.as_slice() {
                    [Value::Array(items)] => items.iter().for_each(|item| fill(inner, item, into)),
                    items => items.iter().for_each(|item| fill(inner, item, into)),
                }
            }
        }
    }
}

fn say(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn walk<'a>(path: &[Step], object: &'a Value) -> Vec<&'a Value> {
    path.iter().fold(vec![object], |found, step| found.into_iter().flat_map(|value| take(step, value)).collect())
}

fn take<'a>(step: &Step, value: &'a Value) -> Vec<&'a Value> {
    match (step, value) {
        (Step::Field(name), value) => value.get(name).into_iter().collect(),
        (Step::Index(n), Value::Array(items)) => {
            place(*n, items.len()).and_then(|n| items.get(n)).into_iter().collect()
        }
        (Step::Slice(from, to), Value::Array(items)) => {
            let bound = |n: &Option<i64>, otherwise| n.map_or(otherwise, |n| place(n, items.len()).unwrap_or(0));
            let to = bound(to, items.len()).min(items.len());
            let from = bound(from, 0).min(to);
            items[from..to].iter().collect()
        }
        (Step::All, Value::Array(items)) => items.iter().collect(),
        (Step::All, Value::Object(fields)) => fields.values().collect(),
        (Step::Deep(name), value) => {
            let mut found = Vec::new();
            deep(name, value, &mut found);
            found
        }
        (Step::Filter(path, comparison), Value::Array(items)) => {
            items.iter().filter(|item| is_chosen(path, comparison.as_ref(), item)).collect()
        }
        _ => Vec::new(),
    }
}

fn place(n: i64, length: usize) -> Option<usize> {
    let n = if n < 0 { n + length as i64 } else { n };
    usize::try_from(n).ok()
}

fn deep<'a>(name: &str, value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(name));
            fields.values().for_each(|value| deep(name, value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| deep(name, value, found)),
        _ => {}
    }
}

fn is_chosen(path: &[Step], comparison: Option<&(Comparison, Value)>, item: &Value) -> bool {
    let found = walk(path, item);
    let Some((comparison, wanted)) = comparison else { return !found.is_empty() };
    found.into_iter().any(|value| {
        let order = match (value.as_f64(), wanted.as_f64()) {
            (Some(a), Some(b)) => a.partial_cmp(&b),
            _ => say(value).partial_cmp(&say(wanted)),
        };
        let Some(order) = order else { return false };
        match comparison {
            Comparison::Equal => order.is_eq(),
            Comparison::Unequal => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        }
    })
}

/// Reads parts up to the end, or up to `{end}` inside a range.
fn parts(characters: &mut Peekable<Chars<'_>>, depth: usize) -> Result<Vec<Part>, String> {
    if depth > DEPTH_MAX {
        return Err(format!("more than {DEPTH_MAX} ranges in each other"));
    }
    let mut parts = Vec::new();
    let mut text = String::new();
    while let Some(character) = characters.next() {
        if character != '{' {
            text.push(character);
            continue;
        }
        if !text.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut text)));
        }
        let inner = braced(characters)?;
        match inner.trim() {
            "end" if depth == 0 => return Err("{end} without {range}".to_owned()),
            "end" => return Ok(parts),
            inner if inner.starts_with("range ") => {
                let path = path(inner["range ".len()..].trim())?;
                parts.push(Part::Range(path, self::parts(characters, depth + 1)?));
            }
            inner if inner.starts_with(['"', '\'']) => parts.push(Part::Text(unquote(inner)?)),
            inner => parts.push(Part::Path(path(inner)?)),
        }
    }
    if depth > 0 {
        return Err("{range} without {end}".to_owned());
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}

/// The text up to the closing brace; braces in quotes do not count.
fn braced(characters: &mut Peekable<Chars<'_>>) -> Result<String, String> {
    let mut inner = String::new();
    let mut quote = None;
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('}', None) => return Ok(inner),
            ('\\', Some(_)) => {
                inner.push(character);
                inner.extend(characters.next());
                continue;
            }
            ('"' | '\'', None) => quote = Some(character),
            (character, Some(open)) if character == open => quote = None,
            _ => {}
        }
        inner.push(character);
    }
    Err("a { is not closed".to_owned())
}

/// The text in quotes, with `\n`, `\t` and the like.
fn unquote(quoted: &str) -> Result<String, String> {
    let bare = quoted
        .strip_prefix(['"', '\''])
        .and_then(|rest| rest.strip_suffix(['"', '\'']))
        .ok_or_else(|| format!("{quoted} is not closed"))?;
    let mut text = String::new();
    let mut characters = bare.chars();
    while let Some(character) = characters.next() {
        match (character, character == '\\') {
            (_, true) => match characters.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('r') => text.push('\r'),
                Some(other) => text.push(other),
                None => text.push('\\'),
            },
            (character, false) => text.push(character),
        }
    }
    Ok(text)
}

/// Reads `.a.b[0]['c'][*]..d[?(@.e=="f")]`; a leading `$` or `@` is the object itself.
fn path(text: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let text = text.trim();
    let mut rest = text.strip_prefix(['$', '@']).unwrap_or(text);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("..") {
            let (name, left) = field(after);
            if name.is_empty() {
                return Err(format!("no name after .. in {text}"));
            }
            steps.push(Step::Deep(name));
            rest = left;
        } else if let Some(after) = rest.strip_prefix('[') {
            let (inner, left) = bracketed(after).ok_or_else(|| format!("a [ is not closed in {text}"))?;
            steps.push(bracket(inner)?);
            rest = left;
        } else {
            let (name, left) = field(rest.strip_prefix('.').unwrap_or(rest));
            match name.as_str() {
                // A dot alone is the object itself.
                "" if left.is_empty() || left.starts_with('[') => {}
                "" => return Err(format!("a name is missing in {text}")),
                "*" => steps.push(Step::All),
                _ => steps.push(Step::Field(name)),
            }
            rest = left;
        }
    }
    Ok(steps)
}

/// A name up to the next `.` or `[`; `\` takes the next character as it is.
fn field(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '.' | '[' => return (name, &text[at..]),
            '\\' => name.extend(characters.next().map(|(_, next)| next)),
            _ => name.push(character),
        }
    }
    (name, "")
}

/// What is in a bracket and what follows it; brackets in quotes or parentheses do not count.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    let (mut quote, mut depth) = (None, 0);
    for (at, character) in text.char_indices() {
        match (character, quote) {
            (']', None) if depth == 0 => return Some((&text[..at], &text[at + 1..])),
            ('[' | '(', None) => depth += 1,
            (']' | ')', None) => depth -= 1,
            ('"' | '\'', None) => quote = Some(character),
            (character, Some(open)) if character == open => quote = None,
            _ => {}
        }
    }
    None
}

fn bracket(inner: &str) -> Result<Step, String> {
    let inner = inner.trim();
    if inner == "*" {
        return Ok(Step::All);
    }
    if inner.starts_with(['"', '\'']) {
        return unquote(inner).map(Step::Field);
    }
    if let Some(condition) = inner.strip_prefix("?(").and_then(|rest| rest.strip_suffix(')')) {
        return filter(condition);
    }
    let number = |text: &str| -> Result<Option<i64>, String> {
        let text = text.trim();
        if text.is_empty() {
            Ok(None)
        } else {
            text.parse().map(Some).map_err(|_| format!("[{inner}] is not understood"))
        }
    };
    match inner.split_once(':') {
        Some((from, to)) => Ok(Step::Slice(number(from)?, number(to)?)),
        None => number(inner)?.map(Step::Index).ok_or_else(|| "[] is empty".to_owned()),
    }
}

fn filter(condition: &str) -> Result<Step, String> {
    let comparisons = [
        ("==", Comparison::Equal),
        ("!=", Comparison::Unequal),
        ("<=", Comparison::LessOrEqual),
        (">=", Comparison::GreaterOrEqual),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ];
    for (sign, comparison) in comparisons {
        if let Some((left, right)) = condition.split_once(sign) {
            let right = right.trim();
            let wanted = if right.starts_with(['"', '\'']) {
                Value::String(unquote(right)?)
            } else {
                serde_json::from_str(right).map_err(|_| format!("{right} is neither a number nor a text in quotes"))?
            };
            return Ok(Step::Filter(path(left)?, Some((comparison, wanted))));
        }
    }
    Ok(Step::Filter(path(condition)?, None))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fill(template: &str) -> String {
        let object = json!({
            "kind": "List",
            "metadata": {"annotations": {"pod.alpha.kubernetes.io/initialized": "true"}},
            "items": [
                {"metadata": {"name": "web-0"}, "status": {"phase": "Running", "restarts": 2, "ready": true}},
                {"metadata": {"name": "web-1"}, "status": {"phase": "Pending", "restarts": 0, "ports": [80, 81]}},
            ],
        });
        Template::parse(template).unwrap().fill(&object)
    }

    #[test]
    fn fills_templates_as_kubectl_does() {
        let table = [
            ("{.kind}", "List"),
            (".kind", "List"),
            ("{$.kind}", "List"),
            ("kind is {.kind}!", "kind is List!"),
            ("{.items[0].metadata.name}", "web-0"),
            ("{.items[-1].metadata.name}", "web-1"),
            ("{.items[*].metadata.name}", "web-0 web-1"),
            ("{.items[0:1].metadata.name}", "web-0"),
            ("{.items[1:].metadata.name}", "web-1"),
            ("{.items[5].metadata.name}", ""),
            ("{.nothing.here}", ""),
            ("{..phase}", "Running Pending"),
            (
                "{range .items[*]}{.metadata.name}{\"\\t\"}{.status.phase}{\"\\n\"}{end}",
                "web-0\tRunning\nweb-1\tPending\n",
            ),
            ("{range .items}{.metadata.name},{end}", "web-0,web-1,"),
            (r#"{.items[?(@.status.phase=="Running")].metadata.name}"#, "web-0"),
            ("{.items[?(@.status.restarts > 1)].metadata.name}", "web-0"),
            ("{.items[?(@.status.ports)].metadata.name}", "web-1"),
            (r"{.metadata.annotations.pod\.alpha\.kubernetes\.io/initialized}", "true"),
            ("{.metadata.annotations['pod.alpha.kubernetes.io/initialized']}", "true"),
            ("{.items[0].status}", r#"{"phase":"Running","ready":true,"restarts":2}"#),
            ("{.items[1].status.ports}", "[80,81]"),
            ("{\"}\"}", "}"),
        ];
        for (template, expected) in table {
            assert_eq!(fill(template), expected, "{template}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_template() {
        let table = [
            ("", "the template is empty: write for example jsonpath={.metadata.name}"),
            ("{.a", "a { is not closed"),
            ("{.a[0}", "a [ is not closed in .a[0"),
            ("{range .items[*]}x", "{range} without {end}"),
            ("{end}", "{end} without {range}"),
            ("{.a[x]}", "[x] is not understood"),
        ];
        for (template, expected) in table {
            assert_eq!(Template::parse(template), Err(expected.to_owned()), "{template}");
        }
    }
}

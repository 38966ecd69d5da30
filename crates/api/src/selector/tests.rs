use super::*;

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn values(values: &[&str]) -> Vec<String> {
    values.iter().map(|v| (*v).to_owned()).collect()
}

#[test]
fn reads_every_operator() {
    use Requirement::{Absent, Exists, Greater, In, Is, IsNot, Less, NotIn};
    let k = || "k".to_owned();
    let table = [
        ("", vec![]),
        ("k=v", vec![Is(k(), "v".to_owned())]),
        ("k == v", vec![Is(k(), "v".to_owned())]),
        ("k=", vec![Is(k(), String::new())]),
        ("k!=v", vec![IsNot(k(), "v".to_owned())]),
        ("k in (b, a,b)", vec![In(k(), values(&["a", "b"]))]),
        ("k notin (a,)", vec![NotIn(k(), values(&["", "a"]))]),
        ("k in ()", vec![In(k(), values(&[""]))]),
        ("k in (,)", vec![In(k(), values(&[""]))]),
        ("k in (in,notin)", vec![In(k(), values(&["in", "notin"]))]),
        ("k", vec![Exists(k())]),
        ("!k", vec![Absent(k())]),
        ("k>1", vec![Greater(k(), 1)]),
        ("k<-1", vec![Less(k(), -1)]),
        ("in,k=v", vec![Exists("in".to_owned()), Is(k(), "v".to_owned())]),
        ("example.com/k=v", vec![Is("example.com/k".to_owned(), "v".to_owned())]),
    ];
    for (text, requirements) in table {
        assert_eq!(Labels::parse(text), Ok(Labels { requirements }), "{text}");
    }
}

#[test]
fn refuses_in_the_words_of_kubernetes() {
    let name = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
                '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    let table = [
        ("k===v", "unable to parse requirement: found '=', expected: identifier".to_owned()),
        ("=v", "found '=', expected: !, identifier, or 'end of string'".to_owned()),
        ("!=v", "found '!=', expected: !, identifier, or 'end of string'".to_owned()),
        ("!", "unable to parse requirement: found '', expected: identifier".to_owned()),
        ("k,", "found '', expected: identifier after ','".to_owned()),
        ("k v", "unable to parse requirement: found 'v', expected: in, notin, =, ==, !=, gt, lt".to_owned()),
        ("k=v w", "found 'w', expected: ',' or 'end of string'".to_owned()),
        ("k in a", "unable to parse requirement: found 'a' expected: '('".to_owned()),
        ("k in (a b)", "unable to parse requirement: found 'b', expected: ',' or ')'".to_owned()),
        ("k in (a", "unable to parse requirement: found '', expected: ',' or ')'".to_owned()),
        ("_k=v", format!("unable to parse requirement: <nil>: Invalid value: \"_k\": name part {name}")),
        ("k>x", "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer".to_owned()),
        (
            "app=a:b",
            "unable to parse requirement: values[0][app]: Invalid value: \"a:b\": a valid label must be an empty string or \
             consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character \
             (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is \
             '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
                .to_owned(),
        ),
    ];
    for (text, message) in table {
        assert_eq!(Labels::parse(text), Err(Status::bad_request(message)), "{text}");
    }
}

#[test]
fn selects_by_presence_and_value() {
    let web = labels(&[("app", "nginx"), ("rank", "7")]);
    let table = [
        ("", true),
        ("app=nginx", true),
        ("app!=nginx", false),
        ("app in (nginx,redis)", true),
        ("app notin (nginx)", false),
        ("tier=a", false),
        ("tier!=a", true),
        ("tier notin (a)", true),
        ("app", true),
        ("!app", false),
        ("!tier", true),
        ("rank>6", true),
        ("rank<7", false),
        ("app>1", false),
        ("app=nginx,tier", false),
    ];
    for (text, selected) in table {
        assert_eq!(Labels::parse(text).map(|l| l.matches(&web)), Ok(selected), "{text}");
    }
}

#[test]
fn a_sets_selector_joins_labels_and_expressions() {
    let selector: LabelSelector = serde_json::from_value(serde_json::json!({
        "matchLabels": {"app": "nginx"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["b", "a"]},
            {"key": "Aged", "operator": "DoesNotExist"},
            {"key": "zone", "operator": "In", "values": ["here"]},
        ],
    }))
    .unwrap();
    let selector = Labels::from_selector(&selector);
    assert_eq!(selector.to_string(), "!Aged,app=nginx,tier in (a,b),zone in (here)");
    assert!(selector.matches(&labels(&[("app", "nginx"), ("tier", "a"), ("zone", "here")])));
    assert!(!selector.matches(&labels(&[("app", "nginx"), ("tier", "a"), ("zone", "here"), ("Aged", "")])));
}

#[test]
fn an_unknown_operator_selects_nothing() {
    let selector: LabelSelector =
        serde_json::from_value(serde_json::json!({"matchExpressions": [{"key": "a", "operator": "Near"}]})).unwrap();
    assert!(!Labels::from_selector(&selector).matches(&labels(&[("a", "")])));
}

#[test]
fn field_terms_keep_what_is_escaped() {
    let term = |field: &str, equal, value: &str| (field.to_owned(), equal, value.to_owned());
    let table = [
        ("", vec![]),
        ("metadata.name=web-0", vec![term("metadata.name", true, "web-0")]),
        ("a==1,b!=2,", vec![term("a", true, "1"), term("b", false, "2")]),
        (r"a=x\,y\=z\\", vec![term("a", true, r"x,y=z\")]),
        ("a!b=c", vec![term("a!b", true, "c")]),
    ];
    for (text, terms) in table {
        assert_eq!(Fields::parse(text), Ok(Fields { terms }), "{text}");
    }
}

#[test]
fn field_selectors_are_refused_in_the_words_of_kubernetes() {
    let table = [
        ("a=1,b", "invalid selector: 'a=1,b'; can't understand 'b'"),
        (r"a=\x", r"invalid field selector: invalid escape sequence: \x"),
        ("a=b=c", "invalid field selector: unescaped character in value: 61"),
    ];
    for (text, message) in table {
        assert_eq!(Fields::parse(text), Err(Status::bad_request(message.to_owned())), "{text}");
    }
}

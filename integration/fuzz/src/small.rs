//! Small languages: what is read can be written and read again as the same.

use api::{
    kinds::quantity,
    selector::{Fields, Labels},
};
use serde_json::json;

use super::bodies::is_sound;

/// A label selector and a field selector, each of the whole input.
pub fn selector(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let object = json!({"metadata": {"name": "a", "labels": {"app": "nginx", "n": "7"}}});
    match Labels::parse(text) {
        Err(status) => is_sound(&status),
        Ok(labels) => {
            let printed = labels.to_string();
            assert_eq!(Labels::parse(&printed).as_ref(), Ok(&labels), "{printed}");
            let _ = labels.matches_object(&object);
        }
    }
    match Fields::parse(text) {
        Err(status) => is_sound(&status),
        Ok(fields) => {
            let terms = fields.terms.iter().map(|(field, is_equal, value)| {
                let value = value.replace('\\', "\\\\").replace(',', "\\,").replace('=', "\\=");
                format!("{field}{}{value}", if *is_equal { "=" } else { "!=" })
            });
            let printed = terms.collect::<Vec<_>>().join(",");
            assert_eq!(Fields::parse(&printed).as_ref(), Ok(&fields), "{printed}");
            let _ = fields.matches(|_| "a".to_owned());
        }
    }
}

/// A quantity, such as `1Gi`.
pub fn quantity(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Some(quantity) = quantity::parse(text) else { return };
    let printed = quantity.to_string();
    let again = quantity::parse(&printed).expect("what is printed is a quantity");
    assert_eq!((again.nanos(), again.units()), (quantity.nanos(), quantity.units()), "{text} is printed as {printed}");
    assert_eq!(again.to_string(), printed, "{text}");
    assert!(!again.exceeds(quantity) && !quantity.exceeds(again));
}

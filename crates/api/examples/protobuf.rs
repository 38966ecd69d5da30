//! Writes the table of protobuf messages, `src/protobuf/messages.rs`, from the types in a kubectl.
//!
//! A Go program carries a description of its types, for reflection: the names and types of the fields of each struct, and
//! their tags. In those of Kubernetes' types stands all that a reader of its protobuf has to know, in one place:
//!
//! ```text
//! Replicas *int32 `json:"replicas,omitempty" protobuf:"varint,1,opt,name=replicas"`
//! ```
//!
//! That is the number in protobuf, the name in JSON, whether it is left out of JSON when it is zero, and whether a zero can be
//! told from nothing. Published `.proto` files have no pointers and no names in JSON, OpenAPI has no numbers and no pointers.
//!
//! What is read is laid out as in `internal/abi/type.go` of Go 1.16 to 1.26, in an ELF program for a machine of 64 bits in
//! little-endian order that is linked to a fixed address. Where that is not so, the program ends with what it did not find.

use std::{
    collections::{BTreeMap, HashMap},
    env,
    fmt::Write as _,
    fs,
    ops::Range,
    path::Path,
};

/// The kinds that clients send: Go's package, `apiVersion`, and the kinds.
///
/// Those that are not served are here so that they can be refused by name.
const KINDS: &[(&str, &str, &[&str])] = &[
    (
        "k8s.io/api/core/v1",
        "v1",
        &[
            "ConfigMap",
            "Endpoints",
            "Event",
            "LimitRange",
            "Namespace",
            "Node",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "Pod",
            "PodTemplate",
            "ResourceQuota",
            "Secret",
            "Service",
            "ServiceAccount",
        ],
    ),
    ("k8s.io/api/apps/v1", "apps/v1", &["ControllerRevision", "DaemonSet", "Deployment", "StatefulSet"]),
    ("k8s.io/api/authentication/v1", "authentication.k8s.io/v1", &["SelfSubjectReview", "TokenRequest", "TokenReview"]),
    (
        "k8s.io/api/authorization/v1",
        "authorization.k8s.io/v1",
        &["LocalSubjectAccessReview", "SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"],
    ),
    ("k8s.io/api/autoscaling/v1", "autoscaling/v1", &["Scale"]),
    ("k8s.io/api/batch/v1", "batch/v1", &["CronJob", "Job"]),
    ("k8s.io/api/coordination/v1", "coordination.k8s.io/v1", &["Lease"]),
    ("k8s.io/api/discovery/v1", "discovery.k8s.io/v1", &["EndpointSlice"]),
    ("k8s.io/api/networking/v1", "networking.k8s.io/v1", &["NetworkPolicy"]),
    ("k8s.io/api/policy/v1", "policy/v1", &["Eviction", "PodDisruptionBudget"]),
    (
        "k8s.io/api/rbac/v1",
        "rbac.authorization.k8s.io/v1",
        &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"],
    ),
    ("k8s.io/api/scheduling/v1", "scheduling.k8s.io/v1", &["PriorityClass"]),
    ("k8s.io/api/storage/v1", "storage.k8s.io/v1", &["StorageClass"]),
    ("k8s.io/apimachinery/pkg/apis/meta/v1", "meta.k8s.io/v1", &["DeleteOptions"]),
];

/// Types that have a form of their own in JSON.
const SPECIAL: &[(&str, &str)] = &[
    ("k8s.io/apimachinery/pkg/api/resource.Quantity", "Quantity"),
    ("k8s.io/apimachinery/pkg/apis/meta/v1.FieldsV1", "Json"),
    ("k8s.io/apimachinery/pkg/apis/meta/v1.MicroTime", "MicroTime"),
    ("k8s.io/apimachinery/pkg/apis/meta/v1.Time", "Time"),
    ("k8s.io/apimachinery/pkg/runtime.RawExtension", "Json"),
    ("k8s.io/apimachinery/pkg/util/intstr.IntOrString", "IntOrString"),
];

const HEADER: &str = "\
//! What is in each message: generated from the types in kubectl. `make protobuf` makes it again.
//!
//! A field is its number, its name in JSON, and its form. A struct that JSON writes in place of a field is `Inline`.

use super::schema::{
    Field,
    Form::{Always, Inline, List, Map, OmitEmpty},
    Kind, Message,
    Type::{Bool, Bytes, Int32, Int64, IntOrString, Json, MicroTime, Object, Quantity, Text, Texts, Time},
};
";

fn main() {
    let path = env::args().nth(1).expect("the path of a kubectl");
    let program = Program::open(fs::read(&path).expect("a kubectl that can be read"));
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/protobuf/messages.rs");
    fs::write(table, messages(&program)).expect("a folder that can be written");
}

/// The table, as Rust.
fn messages(program: &Program) -> String {
    let structs = program.structs();
    let mut text = format!("{HEADER}\n/// The kinds, by their versions.\npub(super) static KINDS: &[Kind] = &[\n");
    let mut wanted = Vec::new();
    for (package, api_version, kinds) in KINDS {
        for kind in *kinds {
            let go = format!("{package}.{kind}");
            let name = constant(&go);
            let _ =
                writeln!(text, "    Kind {{ api_version: \"{api_version}\", name: \"{kind}\", message: &{name} }},");
            let address = structs.get(&go).unwrap_or_else(|| panic!("this kubectl has no {go}"));
            wanted.push((go, *address));
        }
    }
    text.push_str("];\n");
    let mut made = BTreeMap::new();
    while let Some((go, address)) = wanted.pop() {
        if made.contains_key(&constant(&go)) {
            continue;
        }
        let fields = program.fields(address);
        wanted
            .extend(fields.iter().filter(|field| field.tag("protobuf").is_some()).flat_map(|field| field.go.structs()));
        let mut rows: Vec<(u32, String)> = fields.iter().filter_map(row).collect();
        rows.sort_unstable();
        let rows: String = rows.into_iter().map(|(_, row)| row).collect();
        let name = constant(&go);
        made.insert(name.clone(), format!("\n/// `{go}`.\nstatic {name}: Message = Message(&[\n{rows}]);\n"));
    }
    text.extend(made.into_values());
    text
}

/// The row of a field, after its number; none for one that is not in protobuf.
fn row(field: &GoField) -> Option<(u32, String)> {
    let protobuf = field.tag("protobuf").filter(|tag| tag != "-")?;
    let number: u32 = protobuf.split(',').nth(1)?.parse().unwrap_or_else(|_| panic!("no number in {}", field.tags));
    let json = field.tag("json").unwrap_or_else(|| panic!("no name in JSON: {}", field.tags));
    let (name, options) = json.split_once(',').unwrap_or((&json, ""));
    let form = if options == "inline" {
        format!("Inline(&{})", field.go.structs().iter().map(|(go, _)| constant(go)).collect::<String>())
    } else {
        form(&field.go, options.contains("omitempty"))
    };
    let name = if options == "inline" { &field.name } else { name };
    Some((number, format!("    Field({number}, \"{name}\", {form}),\n")))
}

/// How a field of this type is written in JSON.
fn form(go: &Go, is_omitted: bool) -> String {
    match go {
        Go::Slice(item) => format!("List({})", scalar(item)),
        Go::Map(value) => format!("Map({})", scalar(value)),
        // Go's omitempty leaves out what is zero, but not structs, nor what a pointer points at.
        Go::Basic(_) if is_omitted => format!("OmitEmpty({})", scalar(go)),
        Go::Pointer(target) => format!("Always({})", scalar(target)),
        Go::Basic(_) | Go::Struct(..) => format!("Always({})", scalar(go)),
    }
}

/// The type of a single value.
fn scalar(go: &Go) -> String {
    match go {
        Go::Basic(kind) => match kind {
            &BOOL => "Bool".to_owned(),
            &INT32 => "Int32".to_owned(),
            &INT64 => "Int64".to_owned(),
            &STRING => "Text".to_owned(),
            other => panic!("Go's kind {other} has no form here"),
        },
        Go::Slice(item) => match **item {
            Go::Basic(UINT8) => "Bytes".to_owned(),
            Go::Basic(STRING) => "Texts".to_owned(),
            _ => panic!("a list in a list or map has no form here"),
        },
        Go::Struct(name, _) => match SPECIAL.iter().find(|(go, _)| go == name) {
            Some((_, special)) => (*special).to_owned(),
            None => format!("Object(&{})", constant(name)),
        },
        Go::Pointer(_) | Go::Map(_) => panic!("a pointer or a map in a list or map has no form here"),
    }
}

/// `CORE_V1_CONFIG_MAP` for `k8s.io/api/core/v1.ConfigMap`.
fn constant(go: &str) -> String {
    let (package, name) = go.rsplit_once('.').expect("a package and a name");
    let mut folders = package.rsplit('/');
    let (version, group) = (folders.next().unwrap_or_default(), folders.next().unwrap_or_default());
    let mut constant = format!("{group}_{version}_");
    let letters: Vec<char> = name.chars().collect();
    for (at, letter) in letters.iter().enumerate() {
        let is_lower = |at: usize| letters.get(at).is_some_and(|letter| !letter.is_uppercase());
        // `ISCSIVolume` is ISCSI_VOLUME: a word begins after a small letter, and with the last of several capitals.
        if letter.is_uppercase() && at > 0 && (is_lower(at - 1) || is_lower(at + 1)) {
            constant.push('_');
        }
        constant.push(*letter);
    }
    constant.to_uppercase()
}

/// A type of Go's, as far as it matters here.
enum Go {
    /// Of a kind that is none of these.
    Basic(u8),
    /// Its name, and where it is described.
    Struct(String, u64),
    Pointer(Box<Go>),
    Slice(Box<Go>),
    /// A map from strings.
    Map(Box<Go>),
}

impl Go {
    /// The struct that a value of this type holds, if any that has no special form.
    fn structs(&self) -> Vec<(String, u64)> {
        match self {
            Go::Struct(name, address) if SPECIAL.iter().all(|(go, _)| go != name) => vec![(name.clone(), *address)],
            Go::Basic(_) | Go::Struct(..) => Vec::new(),
            Go::Pointer(inner) | Go::Slice(inner) | Go::Map(inner) => inner.structs(),
        }
    }
}

/// A field of a struct.
struct GoField {
    name: String,
    go: Go,
    tags: String,
}

impl GoField {
    /// The tag of a name: `json:"…"`.
    fn tag(&self, name: &str) -> Option<String> {
        let (_, rest) = self.tags.split_once(&format!("{name}:\""))?;
        rest.split_once('"').map(|(tag, _)| tag.to_owned())
    }
}

/// A Go program. Addresses are those that it would have in memory.
struct Program {
    bytes: Vec<u8>,
    /// The address of each section, and where it is in the file.
    sections: HashMap<String, (u64, Range<usize>)>,
}

/// The octets of the description that all types have; what is special to a kind follows.
const COMMON: u64 = 48;

// Kinds of types, as in Go's `reflect.Kind`.
const BOOL: u8 = 1;
const INT32: u8 = 5;
const INT64: u8 = 6;
const UINT8: u8 = 8;
const MAP: u8 = 21;
const POINTER: u8 = 22;
const SLICE: u8 = 23;
const STRING: u8 = 24;
const STRUCT: u8 = 25;

impl Program {
    fn open(bytes: Vec<u8>) -> Program {
        assert!(bytes.starts_with(b"\x7fELF\x02\x01"), "this is no ELF program of 64 bits in little-endian order");
        let mut program = Program { bytes, sections: HashMap::new() };
        let headers = program.number::<8>(0x28) as usize;
        let header = |index: u64| headers + 64 * index as usize;
        let names = program.number::<8>(header(program.number::<2>(0x3e)) + 24) as usize;
        for header in (0..program.number::<2>(0x3c)).map(header) {
            let name = names + program.number::<4>(header) as usize;
            let name = program.bytes[name..].split(|byte| *byte == 0).next().unwrap_or_default();
            let name = String::from_utf8_lossy(name).into_owned();
            let [address, start, len] = [16, 24, 32].map(|at| program.number::<8>(header + at));
            // What has no address is not in memory; what has type 8 is not in the file.
            if address != 0 && program.number::<4>(header + 4) != 8 {
                program.sections.insert(name, (address, start as usize..(start + len) as usize));
            }
        }
        program
    }

    /// Where every struct with a name is described that the program points at.
    fn structs(&self) -> HashMap<String, u64> {
        let (_, links) = &self.sections[".typelink"];
        let links = self.bytes[links.clone()].chunks_exact(4);
        let links =
            links.map(|link| self.types() + link.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)));
        let pointers = links.filter(|link| self.kind(*link) == POINTER);
        let targets = pointers.map(|pointer| self.word(pointer + COMMON)).filter(|target| self.kind(*target) == STRUCT);
        targets.filter_map(|target| Some((self.struct_name(target)?, target))).collect()
    }

    /// The fields of a struct.
    fn fields(&self, address: u64) -> Vec<GoField> {
        let (first, count) = (self.word(address + COMMON + 8), self.word(address + COMMON + 16));
        let fields = (0..count).map(|index| first + 24 * index);
        fields
            .map(|field| {
                let (name, tags) = self.name(self.word(field));
                GoField { name, go: self.go(self.word(field + 8)), tags }
            })
            .collect()
    }

    /// The type that is described at an address.
    fn go(&self, address: u64) -> Go {
        let inner = |at: u64| Box::new(self.go(self.word(address + COMMON + at)));
        match self.kind(address) {
            MAP => Go::Map(inner(8)),
            POINTER => Go::Pointer(inner(0)),
            SLICE => Go::Slice(inner(0)),
            STRUCT => self.struct_name(address).map_or(Go::Basic(STRUCT), |name| Go::Struct(name, address)),
            kind => Go::Basic(kind),
        }
    }

    /// Package and name of a struct; none where it has no name.
    fn struct_name(&self, address: u64) -> Option<String> {
        let flags = self.bytes[self.place(address + 20)];
        let (name, _) = self.name(self.types() + self.number::<4>(self.place(address + 40)));
        let name = name.trim_start_matches('*').rsplit('.').next()?.to_owned();
        // A type with a name has a package, which stands after what is special to its kind: in a struct 32 octets.
        let package = self.number::<4>(self.place(address + COMMON + 32));
        if flags & 1 == 0 || package == 0 {
            return None;
        }
        Some(format!("{}.{name}", self.name(self.types() + package).0))
    }

    fn kind(&self, address: u64) -> u8 {
        self.bytes[self.place(address + 23)] & 31
    }

    /// A name and its tags: a bit says whether there are any, and both are preceded by their lengths.
    fn name(&self, address: u64) -> (String, String) {
        let start = self.place(address);
        let (name, end) = self.text(start + 1);
        let tags = if self.bytes[start] & 2 == 0 { String::new() } else { self.text(end).0 };
        (name, tags)
    }

    fn text(&self, start: usize) -> (String, usize) {
        let (mut at, mut len) = (start, 0);
        loop {
            let byte = usize::from(self.bytes[at]);
            len |= (byte & 127) << (7 * (at - start));
            at += 1;
            if byte < 128 {
                break;
            }
        }
        (String::from_utf8_lossy(&self.bytes[at..at + len]).into_owned(), at + len)
    }

    /// Where types and names begin: offsets are from here.
    fn types(&self) -> u64 {
        self.sections[".rodata"].0
    }

    fn word(&self, address: u64) -> u64 {
        self.number::<8>(self.place(address))
    }

    /// Where something that has an address is in the file.
    fn place(&self, address: u64) -> usize {
        let places = self.sections.values().filter_map(|(start, range)| {
            let place = range.start + usize::try_from(address.checked_sub(*start)?).ok()?;
            range.contains(&place).then_some(place)
        });
        places.min().unwrap_or_else(|| panic!("nothing is at {address:#x}: is this a Go program with a fixed address?"))
    }

    fn number<const N: usize>(&self, place: usize) -> u64 {
        self.bytes[place..place + N].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

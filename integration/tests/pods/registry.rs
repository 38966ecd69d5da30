//! Images of a registry that wants a password, and tokens of a pod's account: what a pod is given of its Secrets and its name.

use std::{collections::HashMap, convert::Infallible, io::Read as _, net::SocketAddr, sync::Arc};

use anyhow::{Context, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use petset_integration::World;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::{net::TcpListener, runtime::Runtime};

use super::{contains, nothing_is_left, until, until_ready};

/// Who may fetch.
const USER: &str = "robot:hunter2hunter2";

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";

/// What the registry has under a path.
struct File {
    kind: &'static str,
    content: Bytes,
}

/// A registry on loopback with one image, which ends with its runtime.
struct Registry {
    address: SocketAddr,
    _runtime: Runtime,
}

impl Registry {
    /// Has the image that the engine has as `from`, under the name `image`.
    fn start(world: &World, from: &str, image: &str) -> Result<Registry> {
        let mut files = HashMap::new();
        let mut put = |kind, content: Bytes| {
            let digest = format!("sha256:{}", hex(&Sha256::digest(&content)));
            let told = json!({"mediaType": kind, "size": content.len(), "digest": digest});
            files.insert(format!("/v2/{image}/blobs/{digest}"), File { kind, content });
            told
        };
        let (config, layers) = saved(world, from)?;
        let config = put(CONFIG, config);
        let layers: Vec<Value> = layers.into_iter().map(|layer| put(LAYER, layer)).collect();
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers});
        let manifest = Bytes::from(manifest.to_string());
        let digest = format!("sha256:{}", hex(&Sha256::digest(&manifest)));
        for name in ["1", &digest] {
            let file = File { kind: MANIFEST, content: manifest.clone() };
            files.insert(format!("/v2/{image}/manifests/{name}"), file);
        }
        files.insert("/v2/".to_owned(), File { kind: "application/json", content: Bytes::from_static(b"{}") });

        let runtime = Runtime::new()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let files = Arc::new(files);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let files = Arc::clone(&files);
                let serve = service_fn(move |request| {
                    let files = Arc::clone(&files);
                    async move { Ok::<_, Infallible>(answer(&request, &files)) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), serve));
            }
        });
        Ok(Registry { address, _runtime: runtime })
    }
}

fn answer(request: &Request<Incoming>, files: &HashMap<String, File>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    let shown = format!("Basic {}", STANDARD.encode(USER));
    let is_known = request.headers().get(header::AUTHORIZATION).is_some_and(|value| *value == *shown);
    let headers = response.headers_mut();
    match files.get(request.uri().path()) {
        _ if !is_known => {
            headers.insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Basic realm=\"pets\""));
            *response.status_mut() = StatusCode::UNAUTHORIZED;
        }
        None => *response.status_mut() = StatusCode::NOT_FOUND,
        Some(file) => {
            headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(file.kind));
            *response.body_mut() = Full::new(file.content.clone());
        }
    }
    response
}

/// The configuration and the layers of an image that the engine has.
fn saved(world: &World, image: &str) -> Result<(Bytes, Vec<Bytes>)> {
    let scratch = tempfile::tempdir()?;
    let path = scratch.path().join("image.tar");
    world.docker(&["save", "--output", path.to_str().context("a path")?, image])?;
    let mut files: HashMap<String, Bytes> = HashMap::new();
    for entry in tar::Archive::new(std::fs::File::open(&path)?).entries()? {
        let mut entry = entry?;
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        files.insert(entry.path()?.to_string_lossy().into_owned(), content.into());
    }
    let file = |name: &Value| -> Result<Bytes> {
        let name = name.as_str().context("a name")?;
        files.get(name).cloned().with_context(|| format!("{name} is in the archive"))
    };
    let manifest: Value = serde_json::from_slice(&file(&json!("manifest.json"))?)?;
    let layers = manifest[0]["Layers"].as_array().context("layers")?;
    Ok((file(&manifest[0]["Config"])?, layers.iter().map(file).collect::<Result<_>>()?))
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// A pod of this image, with more in its specification.
fn pod(name: &str, image: &str, more: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  terminationGracePeriodSeconds: 0
  {more}
  containers:
  - name: app
    image: {image}
    imagePullPolicy: Always
    command: [sleep, \"1000000\"]
"
    )
}

#[test]
fn an_image_is_fetched_with_the_secret_of_the_pod_or_of_its_account() -> Result<()> {
    let mut world = World::start("registry")?;
    let registry = Registry::start(&world, "busybox:1", "app")?;
    let image = format!("{}/app:1", registry.address);
    world.apply(&pod("refused", &image, ""))?;
    until(&mut world, "refused", "nobody fetches without a password", |pod| {
        let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
        let is_told = ["ErrImagePull", "ImagePullBackOff"].iter().any(|reason| waiting["reason"] == *reason);
        ensure!(is_told, "{waiting}");
        Ok(())
    })?;

    let auths = json!({"auths": {registry.address.to_string(): {"auth": STANDARD.encode(USER)}}}).to_string();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "registry"},
        "type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": auths},
    });
    world.apply(&secret.to_string())?;
    world.apply(&pod("own", &image, "imagePullSecrets: [{name: none}, {name: registry}]"))?;
    until_ready(&mut world, "own")?;
    let events = world.events_of("own")?.concat();
    contains(&events, "FailedToRetrieveImagePullSecret")?;
    contains(&events, "Unable to retrieve some image pull secrets (none)")?;

    world.apply(
        "{apiVersion: v1, kind: ServiceAccount, metadata: {name: fetcher}, imagePullSecrets: [{name: registry}]}",
    )?;
    world.apply(&pod("accounts", &image, "serviceAccountName: fetcher"))?;
    until_ready(&mut world, "accounts")?;
    let given = world.json(&["get", "pod", "accounts"])?["spec"]["imagePullSecrets"].clone();
    ensure!(given == json!([{"name": "registry"}]), "{given}");

    let told = world.whole_log()? + &events;
    ensure!(!told.contains("hunter2") && !told.contains(&STANDARD.encode(USER)), "a password is told of");
    world.petctl(&["delete", "pod", "refused", "own", "accounts"])?;
    nothing_is_left(&mut world)?;
    world.docker(&["image", "rm", &image]).map(|_| ())
}

#[test]
fn a_pod_that_asks_for_a_token_has_one_of_its_account_that_dies_with_it() -> Result<()> {
    let mut world = World::start("tokens")?;
    world.apply("{apiVersion: v1, kind: ServiceAccount, metadata: {name: robot}}")?;
    world.apply(
        "
apiVersion: v1
kind: Pod
metadata: {name: reader}
spec:
  serviceAccountName: robot
  terminationGracePeriodSeconds: 0
  securityContext: {runAsUser: 1000}
  containers:
  - name: app
    image: busybox:1
    command: [sleep, \"1000000\"]
    volumeMounts: [{name: token, mountPath: /token}]
  volumes:
  - name: token
    projected:
      sources:
      - serviceAccountToken: {path: api}
      - serviceAccountToken: {path: vault, audience: vault, expirationSeconds: 600}
",
    )?;
    until_ready(&mut world, "reader")?;
    let run = |script: &str| world.petctl(&["exec", "reader", "--", "sh", "-c", script]);
    let files = run("cd /token && stat -Lc '%n %a %u' api vault && id -u")?;
    ensure!(files == "api 600 1000\nvault 600 1000\n1000\n", "{files}");
    let (api, vault) = (run("cat /token/api")?, run("cat /token/vault")?);
    let whose = |token: &str| {
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}});
        world.shell(&format!("kubectl create -o jsonpath='{{.status.user.username}}' -f - <<'END'\n{review}\nEND\n"))
    };
    let known = whose(&api)?;
    ensure!(known == "system:serviceaccount:default:robot", "{known:?}");
    let known = whose(&vault)?;
    ensure!(known.is_empty(), "a token for somebody else opens the API: {known:?}");
    ensure!(!world.whole_log()?.contains(&api), "a token is in the log");

    world.petctl(&["delete", "pod", "reader"])?;
    let known = whose(&api)?;
    ensure!(known.is_empty(), "the token outlives its pod: {known:?}");
    nothing_is_left(&mut world)
}

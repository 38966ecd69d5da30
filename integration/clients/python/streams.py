"""stream and portforward: into containers and their ports."""

import json

from steps import NAMESPACE, connect, eventually, expect, is_ready, pod, step

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import portforward, stream
from kubernetes.stream.ws_client import RESIZE_CHANNEL, STDIN_CHANNEL

core = client.CoreV1Api(connect())
SERVER = "mkdir /www && seq 200000 > /www/numbers && exec httpd -f -p 127.0.0.1:8080 -h /www"
NUMBERS = "".join(f"{number}\n" for number in range(1, 200001))


def execute(*command, **options):
    settings = {"stdin": False, "stdout": True, "stderr": True, "tty": False, **options}
    return stream(core.connect_get_namespaced_pod_exec, "near", NAMESPACE, command=list(command), **settings)


step("waits for a pod")
core.create_namespaced_pod(NAMESPACE, pod("near", "sh", "-c", SERVER))
eventually("it is ready", lambda: is_ready(core.read_namespaced_pod("near", NAMESPACE)))

step("runs a command")
expect("out\nerr\n", execute("sh", "-c", "echo out; sleep 0.2; echo err >&2"))
expect(b"\x00\xff", execute("printf", "\\000\\377", binary=True))
expect(NUMBERS, execute("cat", "/www/numbers"))

step("hears how a command ended")
failed = execute("sh", "-c", "echo out; echo err >&2; exit 7", _preload_content=False)
failed.run_forever(timeout=30)
expect(("out\n", "err\n", 7), (failed.read_stdout(), failed.read_stderr(), failed.returncode))
succeeded = execute("true", _preload_content=False)
succeeded.run_forever(timeout=30)
expect(0, succeeded.returncode)

step("talks with a command")
talk = execute("sh", stdin=True, _preload_content=False)
for line in ["echo first", "echo second >&2", "echo third"]:
    talk.write_stdin(line + "\n")
expect(("first", "third"), (talk.readline_stdout(timeout=30), talk.readline_stdout(timeout=30)))
expect("second", talk.readline_stderr(timeout=30))
talk.write_stdin("exit 3\n")
talk.run_forever(timeout=30)
expect(3, talk.returncode)

step("ends a command's input")
copy = execute("cat", stdin=True, _preload_content=False)
expect("v5.channel.k8s.io", copy.subprotocol)
copy.write_stdin("to the end")
copy.close_channel(STDIN_CHANNEL)
copy.run_forever(timeout=30)
expect(("to the end", 0), (copy.read_stdout(), copy.returncode))

step("has a terminal of its size")
wait = "until stty size 2> /dev/null | grep -x '45 123'; do sleep 0.1; done"
terminal = execute("sh", "-c", wait, tty=True, _preload_content=False)
terminal.write_channel(RESIZE_CHANNEL, json.dumps({"Width": 123, "Height": 45}))
terminal.run_forever(timeout=30)
expect(("45 123\r\n", 0), (terminal.read_stdout(), terminal.returncode))

step("attaches")
echo = pod("echo", "cat")
echo.spec.containers[0].stdin = True
core.create_namespaced_pod(NAMESPACE, echo)
eventually("it is ready", lambda: is_ready(core.read_namespaced_pod("echo", NAMESPACE)))
attached = stream(
    core.connect_get_namespaced_pod_attach, "echo", NAMESPACE, stdin=True, stdout=True, stderr=True, tty=False,
    _preload_content=False,
)
attached.write_stdin("back\n")
expect("back", attached.readline_stdout(timeout=30))
attached.close()

step("is told what cannot be")
try:
    execute("true", container="other")
    raise AssertionError("there is no such container")
except AttributeError as failure:
    # The library fails while it raises its own exception, which has no body; what the server said is in that one.
    refusal = failure.__context__
    assert isinstance(refusal, ApiException), refusal
    assert "400 Bad Request" in refusal.reason and "container other is not valid for pod near" in refusal.reason, refusal

step("forwards ports")
forward = portforward(core.connect_get_namespaced_pod_portforward, "near", NAMESPACE, ports="8080,81")
tunnel = forward.socket(8080)
tunnel.settimeout(30)
tunnel.sendall(b"GET /numbers HTTP/1.0\r\n\r\n")
answer = b""
while octets := tunnel.recv(65536):
    answer += octets
headers, _, page = answer.partition(b"\r\n\r\n")
assert headers.startswith(b"HTTP/1.1 200 OK"), headers
expect(NUMBERS, page.decode())
error = eventually("the other port's error", lambda: forward.error(81))
assert "nobody answers at port 81 of the pod's localhost" in error, error
forward.close()

print("all steps are done")

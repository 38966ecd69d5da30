// Exec, Attach, PortForward and Log: into containers and their ports.

import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Attach, CoreV1Api, Exec, Log, PortForward } from '@kubernetes/client-node';
import { NAMESPACE, connect, done, eventually, isReady, pod, step } from './steps.mjs';

const config = connect();
const core = config.makeApiClient(CoreV1Api);
const numbers = Array.from({ length: 200_000 }, (_, index) => `${index + 1}\n`).join('');
const server = 'mkdir /www && seq 200000 > /www/numbers && exec httpd -f -p 127.0.0.1:8080 -h /www';

async function started(body) {
    const name = body.metadata.name;
    await core.createNamespacedPod({ namespace: NAMESPACE, body });
    await eventually(`${name} is ready`, async () =>
        isReady(await core.readNamespacedPod({ namespace: NAMESPACE, name })),
    );
}

// Runs a command to its end.
async function execute(command, stdin = null) {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const said = Promise.all([text(stdout), text(stderr)]);
    const status = await new Promise((resolve, reject) => {
        new Exec(config).exec(NAMESPACE, 'near', 'app', command, stdout, stderr, stdin, false, resolve).catch(reject);
    });
    return [...(await said), status];
}

step('runs a command, and hears how it ended');
await started(pod('near', ['sh', '-c', server]));
const [out, err, failed] = await execute(['sh', '-c', 'echo out; echo err >&2; exit 7']);
assert.deepEqual([out, err, failed.status, failed.reason], ['out\n', 'err\n', 'Failure', 'NonZeroExitCode']);
assert.deepEqual(failed.details.causes, [{ reason: 'ExitCode', message: '7' }]);
const [page, , succeeded] = await execute(['cat', '/www/numbers']);
assert.equal(succeeded.status, 'Success');
assert.ok(page === numbers, `${page.length} octets came`);

step("sends a command's input to its end");
const input = new PassThrough();
input.end('to the end');
assert.deepEqual((await execute(['cat'], input)).slice(0, 2), ['to the end', '']);

step('is told what cannot be');
const nothing = new Exec(config).exec(NAMESPACE, 'near', 'other', ['true'], new PassThrough(), null, null, false);
await assert.rejects(nothing, (error) => /400/.test(error.message));

step('attaches');
await started(pod('echo', ['cat'], { stdin: true }));
const [typed, shown] = [new PassThrough(), new PassThrough()];
const attached = await new Attach(config).attach(NAMESPACE, 'echo', 'app', shown, null, typed, false);
typed.write('back\n');
const [line] = await shown.setEncoding('utf8').take(1).toArray();
assert.equal(line, 'back\n');
attached.close();

step('follows a log');
await started(pod('talker', ['sh', '-c', 'echo one; sleep 2; echo two; sleep 1000000']));
const log = new PassThrough();
const following = await new Log(config).log(NAMESPACE, 'talker', 'app', log, { follow: true });
let lines = '';
for await (const piece of log.setEncoding('utf8')) {
    lines += piece;
    if (lines.length >= 'one\ntwo\n'.length) break;
}
assert.equal(lines, 'one\ntwo\n');
following.abort();

step('forwards a port');
const [request, answer] = [new PassThrough(), new PassThrough()];
const tunnel = await new PortForward(config).portForward(NAMESPACE, 'near', [8080], answer, null, request);
tunnel.onclose = () => answer.end();
request.write('GET /numbers HTTP/1.0\r\n\r\n');
const [headers, body] = (await text(answer)).split('\r\n\r\n');
assert.match(headers, /^HTTP\/1\.1 200 OK/);
assert.ok(body === numbers, `${body.length} octets came`);

step("hears of a port's error");
const errors = new PassThrough();
await new PortForward(config).portForward(NAMESPACE, 'near', [81], new PassThrough(), errors, new PassThrough());
let error = '';
errors.setEncoding('utf8').on('data', (piece) => (error += piece));
await eventually('the error', () => /nobody answers at port 81 of the pod's localhost/.test(error));
done();
